/** Sources and keys over HTTP: who may, what is kept, and a key that is rotated under traffic. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { askAdmin, signedIn } from '../support/admin-people.ts';
import { basicAuth, startTestServer, WRITE_KEY } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

interface KeyView {
  id: string;
  hint: string;
  state: string;
  expiresAt: string | null;
}

interface SourceView {
  slug: string;
  name: string;
  enabled: boolean;
  limits: Record<string, number>;
  effectiveLimits: Record<string, number>;
  keys: KeyView[];
  writeKey: string;
  lastSeenAt: string | null;
}

interface AuditEntry {
  action: string;
  actor: { name: string };
  before: unknown;
  after: unknown;
}

const KEY = /^[A-Za-z0-9]{32}$/;
let server: TestServer;
before(async () => {
  server = await startTestServer({
    config: {
      admin: { signIns: { perAddress: 10_000 } },
      sources: [
        { name: 'Test', slug: 'test', writeKeys: [WRITE_KEY] },
        { name: 'Other', slug: 'other', writeKeys: ['otherWriteKey0123456789'] },
      ],
    },
  });
});
after(() => server.stop());

const make = (name: string) => askAdmin<SourceView>(server, '/sources', { body: { name } });
const show = (slug: string) => askAdmin<SourceView>(server, `/sources/${slug}`);
const firstKey = async (slug: string): Promise<KeyView> => {
  const [key] = (await show(slug)).value.keys;
  assert.ok(key);
  return key;
};
const statusOf = async (writeKey: string, messageId?: string): Promise<number> => {
  const body = { event: 'Beat', userId: 'u', ...(messageId && { messageId }) };
  const headers = { Authorization: basicAuth(writeKey) };
  return (await server.post('/v1/track', body, headers)).status;
};

describe('sources', () => {
  test('a source is made with a key that is shown once and works at once', async () => {
    const { status, value } = await make('Web Shop');
    assert.equal(status, 201);
    assert.equal(value.slug, 'web-shop');
    assert.match(value.writeKey, KEY);
    assert.equal(await statusOf(value.writeKey), 200);
    const shown = await show('web-shop');
    assert.ok(!shown.text.includes(value.writeKey));
    assert.equal(shown.value.keys.length, 1);
    const listed = await askAdmin<SourceView[]>(server, '/sources');
    assert.ok(listed.value.some(({ slug }) => slug === 'web-shop'));
    assert.ok(!listed.text.includes(value.writeKey));
    assert.equal((await make('Web Shop')).status, 409);
  });

  test('a source says what came last, and when something was last sent', async () => {
    const { writeKey } = (await make('Latest')).value;
    const none = await askAdmin(server, '/sources/latest/latest-event');
    assert.deepEqual(none.value, { latest: null });
    assert.equal((await show('latest')).value.lastSeenAt, null);
    assert.equal(await statusOf(writeKey, 'the-latest'), 200);
    let latest: Record<string, unknown> = {};
    await until('the event is the latest', async () => {
      const answer = await askAdmin<{ latest: typeof latest | null }>(
        server,
        '/sources/latest/latest-event',
      );
      latest = answer.value.latest ?? {};
      return latest['messageId'] === 'the-latest';
    });
    assert.equal(latest['name'], 'Beat');
    assert.ok(!Number.isNaN(Date.parse(String(latest['receivedAt']))));
    const refused = { userId: 'u' };
    await server.post('/v1/track', refused, { Authorization: basicAuth(writeKey) });
    await until('the use of the key is kept', async () => {
      const listed = await askAdmin<SourceView[]>(server, '/sources');
      return listed.value.find(({ slug }) => slug === 'latest')?.lastSeenAt !== null;
    });
  });

  test('a change is in force at once, keeps what it does not name, and is refused when wrong', async () => {
    const { writeKey } = (await make('Changed')).value;
    const path = '/sources/changed';
    const limits = { requestsPerSecond: 7, burst: 9 };
    const change = { name: 'Changed <b>', environment: 'staging', limits };
    const changed = await askAdmin<SourceView>(server, path, { method: 'PATCH', body: change });
    assert.equal(changed.status, 200);
    assert.equal(changed.value.name, 'Changed <b>');
    assert.deepEqual(changed.value.limits, limits);
    assert.equal(changed.value.effectiveLimits['requestsPerSecond'], 7);
    await until('the limit is in force', async () => {
      const headers = { Authorization: basicAuth(writeKey) };
      const body = { event: 'Beat', userId: 'u' };
      const answer = await server.post('/v1/track', body, headers);
      return answer.headers.get('x-ratelimit-limit') === '9' || answer.status === 429;
    });
    await askAdmin(server, path, { method: 'PATCH', body: { limits: {}, enabled: false } });
    const again = (await show('changed')).value;
    assert.equal(again.name, 'Changed <b>');
    assert.equal(again.enabled, false);
    await until('a disabled source is refused', async () => (await statusOf(writeKey)) === 401);
    for (const wrong of [{ slug: 'x' }, { name: '' }, { limits: { burst: -1 } }, { ip: 'all' }]) {
      const refused = await askAdmin(server, path, { method: 'PATCH', body: wrong });
      assert.equal(refused.status, 400, JSON.stringify(wrong));
    }
  });

  test('every change is in the audit log, and no key is', async () => {
    const { writeKey } = (await make('Audited')).value;
    const key = await firstKey('audited');
    await askAdmin(server, '/sources/audited', { method: 'PATCH', body: { enabled: false } });
    const rotated = await askAdmin<SourceView>(server, `/sources/audited/keys/${key.id}/rotate`, {
      body: { overlapSeconds: 3_600 },
    });
    await askAdmin(server, `/sources/audited/keys/${key.id}/disable`, { body: {} });
    const { value, text } = await askAdmin<AuditEntry[]>(server, '/audit');
    const actions = value.slice(0, 5).map(({ action }) => action);
    assert.deepEqual(actions, [
      'Write Key Disabled',
      'Write Key Rotated',
      'Source Modified',
      'Write Key Created',
      'Source Created',
    ]);
    assert.ok(!text.includes(writeKey));
    assert.ok(!text.includes(rotated.value.writeKey));
    const [, , modified] = value;
    assert.ok(modified);
    assert.equal((modified.before as SourceView).enabled, true);
    assert.equal((modified.after as SourceView).enabled, false);
  });
});

describe('a deleted source', () => {
  test('takes nothing more, leaves its destinations, and its events stay', async () => {
    const { writeKey } = (await make('Short Lived')).value;
    assert.equal(await statusOf(writeKey, 'last words'), 200);
    const hook = {
      name: 'Hook',
      slug: 'short-hook',
      type: 'webhook',
      sources: ['short-lived', 'test'],
    };
    const settings = { url: 'https://hook.example/' };
    await askAdmin(server, '/destinations', { body: { ...hook, settings } });
    const cookie = await signedIn(server, 'member', { read: [], write: ['short-lived'] });
    const asMember = await askAdmin(server, '/sources/short-lived', { method: 'DELETE', cookie });
    assert.equal(asMember.status, 403, 'it changes what others own');
    const { status } = await askAdmin(server, '/sources/short-lived', { method: 'DELETE' });
    assert.equal(status, 200);
    await until('its key is refused', async () => (await statusOf(writeKey)) === 401);
    assert.equal((await show('short-lived')).status, 404);
    const { value } = await askAdmin<{ slug: string; sources: string[] }[]>(
      server,
      '/destinations',
    );
    assert.deepEqual(value.find(({ slug }) => slug === 'short-hook')?.sources, ['test']);
    await server.sqlUntil(
      `select 1 from events where source = 'short-lived' and message_id = 'last words'`,
      (rows) => rows.length === 1,
    );
    const { value: log } = await askAdmin<AuditEntry[]>(server, '/audit');
    assert.deepEqual(
      log.slice(0, 2).map(({ action }) => action),
      ['Source Deleted', 'Destination Modified'],
    );
  });
});

describe('rights by source', () => {
  test('a member changes what he may write, reads what he may read, and sees nothing else', async () => {
    const cookie = await signedIn(server, 'member', { read: ['other'], write: ['test'] });
    const ask = (path: string, method = 'GET', body?: object) =>
      askAdmin<SourceView[]>(server, path, { method, cookie, ...(body && { body }) });
    const listed = (await ask('/sources')).value.map(({ slug }) => slug);
    assert.deepEqual(listed, ['test', 'other']);
    assert.equal((await ask('/sources/web-shop')).status, 404);
    assert.equal((await ask('/sources/web-shop/latest-event')).status, 404);
    assert.equal((await ask('/sources/other')).status, 200);
    assert.equal((await ask('/sources/other', 'PATCH', { name: 'Mine' })).status, 403);
    assert.equal((await ask('/sources/other/keys', 'POST', {})).status, 403);
    assert.equal((await ask('/sources/test', 'PATCH', { name: 'Test' })).status, 200);
    assert.equal((await ask('/sources/test/keys', 'POST', {})).status, 201);
    assert.equal((await ask('/sources', 'POST', { name: 'New' })).status, 403);
    // A key of another source cannot be reached through one's own.
    const theirs = await firstKey('other');
    const path = `/sources/test/keys/${theirs.id}/disable`;
    assert.equal((await ask(path, 'POST', {})).status, 404);
    assert.equal((await firstKey('other')).state, 'active');
    assert.equal((await ask('/verify')).status, 403);
  });

  test('a viewer reads and changes nothing', async () => {
    const cookie = await signedIn(server, 'viewer');
    assert.equal((await askAdmin(server, '/sources/test', { cookie })).status, 200);
    for (const [method, path] of [
      ['POST', '/sources'],
      ['PATCH', '/sources/test'],
      ['POST', '/sources/test/keys'],
      ['POST', '/verify'],
    ] as const) {
      const { status } = await askAdmin(server, path, { method, cookie, body: { name: 'x' } });
      assert.equal(status, 403, `${method} ${path}`);
    }
  });
});

describe('rotating a key', () => {
  interface Rotated {
    key: string;
    endsMs: number;
  }
  const WAYS: Record<string, (slug: string, oldKey: string) => Promise<Rotated>> = {
    'over HTTP': async (slug) => {
      const { id } = await firstKey(slug);
      const path = `/sources/${slug}/keys/${id}/rotate`;
      const rotated = await askAdmin<SourceView & { old: KeyView }>(server, path, {
        body: { overlapSeconds: 2 },
      });
      assert.equal(rotated.status, 201);
      assert.equal((await askAdmin(server, path, { body: {} })).status, 409, 'once');
      const { writeKey: key, old } = rotated.value;
      return { key, endsMs: Date.parse(old.expiresAt ?? '') };
    },
    'by millrace keys rotate': async (slug, oldKey) => {
      const rotated = await server.cli('keys', 'rotate', oldKey, '--overlap', '3s', '--json');
      const { key } = (JSON.parse(rotated.stdout) as { created: { key: string } }).created;
      const { expiresAt } = await firstKey(slug);
      // Another process tells the server by the store, which it looks at several times a second.
      await until('the new key is known', async () => (await statusOf(key)) === 200);
      return { key, endsMs: Date.parse(expiresAt ?? '') };
    },
  };

  for (const [way, rotate] of Object.entries(WAYS)) {
    test(`${way}, under traffic: nothing is lost; after the overlap the old key is refused`, async () => {
      const { writeKey: oldKey, slug } = (await make(`Rotated ${way}`)).value;
      let [key, sent, isOver] = [oldKey, 0, false];
      const refused: number[] = [];
      const traffic = (async () => {
        while (!isOver) {
          const status = await statusOf(key, `${slug}-${sent++}`);
          if (status !== 200) refused.push(status);
        }
      })();
      const { key: newKey, endsMs } = await rotate(slug, oldKey);
      // Traffic goes on with the old key for a while, and with the new one from then on.
      const sentBefore = sent;
      await until('the old key is used in the overlap', () => sent > sentBefore + 10);
      key = newKey;
      const late: number[] = [];
      await until('the old key is refused', async () => {
        const startedMs = Date.now();
        const status = await statusOf(oldKey);
        if (status === 200 && startedMs > endsMs + 1_000) late.push(startedMs - endsMs);
        if (status === 401) assert.ok(Date.now() >= endsMs, 'not before the overlap ends');
        return status === 401;
      });
      assert.deepEqual(late, [], 'taken more than a second after the overlap');
      isOver = true;
      await traffic;
      assert.deepEqual(refused, []);
      await server.sqlUntil(
        `select count(distinct message_id)::int as n from events
         where message_id like '${slug}-%'`,
        ([row]) => row?.['n'] === sent,
      );
      assert.equal(await statusOf(newKey), 200);
    });
  }
});

describe('a recount', () => {
  test('finds every event of the running server', async () => {
    const [{ n = 0 } = {}] = await server.sql('select count(*)::int as n from events');
    assert.equal((await askAdmin(server, '/verify', { method: 'POST' })).status, 202);
    let state: { state?: string; report?: { received: number; isConserved: boolean } } = {};
    await until('it is done', async () => {
      state = (await askAdmin<typeof state>(server, '/verify')).value;
      return state.state !== 'running';
    });
    assert.equal(state.state, 'done');
    assert.equal(state.report?.isConserved, true);
    assert.ok(state.report.received >= Number(n));
  });

  test('is beside what is on disk and how long it is kept', async () => {
    const { value } = await askAdmin<{
      disk: { logBytes: number };
      retention: { logHours: number; logFrom: string };
    }>(server, '/overview');
    assert.ok(value.disk.logBytes > 1_000);
    assert.equal(value.retention.logHours, 168);
    assert.ok(Date.parse(value.retention.logFrom) <= Date.now());
  });
});
