/** What the dashboard asks about destinations: previews, overviews, rights and the audit log. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { WRITE_KEY, basicAuth, startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const OTHER_KEY = 'otherWriteKey0123456789';
const PASSWORD = 'correct horse battery';
const OWN_PAGE = { 'Sec-Fetch-Site': 'same-origin' };
let service: FakeService;
let server: TestServer;

before(async () => {
  service = await startFakeService();
  const settings = { url: `${service.url}/hook` };
  server = await startTestServer({
    config: {
      net: { allow: ['127.0.0.1'] },
      deliver: { retryDelayMsMin: 1, retryDelayMsMax: 20, breakerDelayMsMax: 50 },
      admin: { signIns: { perAddress: 10_000 } },
      sources: [
        { name: 'Test', slug: 'test', writeKeys: [WRITE_KEY] },
        { name: 'Other', slug: 'other', writeKeys: [OTHER_KEY] },
      ],
      destinations: [
        { name: 'All', slug: 'all', type: 'webhook', settings },
        { name: 'Mine', slug: 'mine', type: 'webhook', settings, sources: ['test'] },
        { name: 'Theirs', slug: 'theirs', type: 'webhook', settings, sources: ['other'] },
      ],
    },
  });
});
after(async () => {
  await server.stop();
  await service.close();
});

interface Asked {
  method?: string;
  body?: unknown;
  cookie?: string;
}

async function ask<T = Record<string, unknown>>(path: string, asked: Asked = {}) {
  const { method = asked.body === undefined ? 'GET' : 'POST', body, cookie } = asked;
  const who = cookie
    ? { Cookie: cookie, ...OWN_PAGE }
    : { Authorization: `Bearer ${server.token}` };
  const response = await fetch(`${server.adminUrl}/admin${path}`, {
    method,
    headers: who,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, value: (await response.json()) as T };
}

async function track(event: string, more: Record<string, unknown> = {}, key?: string) {
  const body = { userId: 'u1', event, messageId: `id-${event}`, ...more };
  const headers = key ? { Authorization: basicAuth(key) } : {};
  assert.equal((await server.post('/v1/track', body, headers)).status, 200);
  await server.sqlUntil(
    `select 1 from events where message_id = 'id-${event}'`,
    ({ length }) => length === 1,
  );
}

/** Their id; they are signed in nowhere. */
async function personOf(email: string, role: string): Promise<string> {
  const invited = await ask<{ invitation: string }>('/invitations', { body: { email, role } });
  const body = { ...invited.value, name: email, password: PASSWORD };
  return (await ask<{ id: string }>('/invitations/accept', { body })).value.id;
}

/** The cookie of somebody who may read and change only these sources. */
async function memberOf(email: string, role: string, read: string[], write: string[]) {
  const body = { sources: { read, write } };
  const path = `/users/${await personOf(email, role)}`;
  assert.equal((await ask(path, { method: 'PATCH', body })).status, 200);
  const response = await fetch(`${server.adminUrl}/admin/sign-in`, {
    method: 'POST',
    body: JSON.stringify({ email, password: PASSWORD }),
  });
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}

interface RecentEvents {
  events: { messageId: string; source: string; message: Record<string, unknown> }[];
}

describe('recent events', () => {
  test('come as they are delivered, the newest first, by source, type and name', async () => {
    await track('First', { properties: { total: 10, 'a b': [1] }, context: { ip: '10.0.0.1' } });
    await track('Elsewhere', {}, OTHER_KEY);
    const { value } = await ask<RecentEvents>('/recent-events?source=test&event=First');
    assert.equal(value.events.length, 1);
    assert.partialDeepStrictEqual(value.events[0], {
      messageId: 'id-First',
      source: 'test',
      message: { type: 'track', userId: 'u1', properties: { total: 10, 'a b': [1] }, version: 2 },
    });
    const all = await ask<RecentEvents>('/recent-events?limit=2');
    assert.deepEqual(all.value.events[0]?.messageId, 'id-Elsewhere');
    assert.equal(all.value.events.length, 2);
    const none = await ask<RecentEvents>(
      `/recent-events?event=${encodeURIComponent("x' or 1=1 --")}`,
    );
    assert.deepEqual(none.value.events, []);
    assert.equal((await ask('/recent-events?source=nope')).status, 200);
    assert.equal((await ask('/recent-events?limit=1000')).status, 400);
  });
});

interface Preview {
  results: {
    messageId: string;
    kept: boolean;
    reason: string | null;
    filter: string | null;
    removed: string[];
    filters: { name: string; matches: boolean | null; problem: string | null }[];
  }[];
}

describe('previews', () => {
  test('of filters on an event: each condition, what is dropped, what is taken away', async () => {
    const filters = [
      { if: 'event = "First"', actions: [{ type: 'drop' }], title: 'no firsts', enabled: false },
      {
        if: 'properties.total >= 5',
        actions: [{ type: 'drop_properties', fields: { properties: ['total'], context: ['ip'] } }],
      },
      { if: 'properties.total', actions: [{ type: 'drop' }], title: 'no answer', enabled: false },
    ];
    const event = { type: 'track', event: 'First', properties: { total: 10, a: 1 }, context: {} };
    const { value } = await ask<Preview>('/filters/preview', { body: { filters, event } });
    const [result] = value.results;
    assert.partialDeepStrictEqual(result, { kept: true, removed: ['properties.total'] });
    assert.deepEqual(
      result?.filters.map(({ name, matches }) => [name, matches]),
      [
        ['no firsts', true],
        ['filters[1]', true],
        ['no answer', null],
      ],
    );
    const dropping = [{ ...filters[0], enabled: true }];
    const dropped = await ask<Preview>('/filters/preview', { body: { filters: dropping, event } });
    assert.partialDeepStrictEqual(dropped.value.results[0], {
      kept: false,
      reason: 'FILTERED_BY_DESTINATION_FILTER',
      filter: 'no firsts',
    });
  });

  test('of filters on recent events', async () => {
    const filters = [{ if: 'event = "First"', actions: [{ type: 'drop' }] }];
    const { value } = await ask<Preview>('/filters/preview', { body: { filters } });
    const kept = Object.fromEntries(value.results.map((one) => [one.messageId, one.kept]));
    assert.deepEqual(kept, { 'id-First': false, 'id-Elsewhere': true });
  });

  test('name the field that is wrong', async () => {
    const good = { if: 'type = "track"', actions: [{ type: 'drop' }] };
    for (const [filter, field] of [
      [{ ...good, if: 'type = (' }, 'filters[1].if'],
      [{ ...good, actions: [{ type: 'sample', percent: 2 }] }, 'filters[1].actions[0].percent'],
    ] as const) {
      const { status, value } = await ask<{ error: { field: string; message: string } }>(
        '/filters/preview',
        { body: { filters: [good, filter] } },
      );
      assert.equal(status, 400);
      assert.equal(value.error.field, field);
    }
  });

  test('of triggers as Segment writes them', async () => {
    const event = { type: 'track', event: 'First' };
    const body = { trigger: 'type = track and event = "First"', event };
    assert.equal((await ask('/triggers/preview', { body })).value['matches'], true);
    const wrong = await ask<{ error: { field: string } }>('/triggers/preview', {
      body: { trigger: 'type = ', event },
    });
    assert.equal(wrong.value.error.field, 'trigger');
  });
});

interface Overview {
  outcomes: { outcome: string; reason: string; count: number }[];
  hours: { delivered: number; filtered: number }[];
  attempts: { outcome: string; status: number | null; events: number }[];
  dead: { id: number; messageId: string; reason: string }[];
  filtered: { messageId: string; reason: string; rule: string; detail: string }[];
}

describe('the overview of a destination', () => {
  test('counts outcomes by reason and shows events that did not arrive', async () => {
    const filters = [{ if: 'event = "Private"', actions: [{ type: 'drop' }], title: 'private' }];
    const change = { filters, consentCategories: ['ads'], sources: ['test'] };
    const changed = await ask('/destinations/all', { method: 'PATCH', body: change });
    assert.partialDeepStrictEqual(changed.value, change);
    await track('Private');
    const consent = { consent: { categoryPreferences: { ads: false } } };
    await track('Refused', { context: consent });
    await track('Wrong source', {}, OTHER_KEY);
    service.always({ status: 400, body: '<img src=x onerror=alert(1)>' });
    await track('Dies');
    let seen: Overview | undefined;
    await until('all is counted', async () => {
      seen = (await ask<Overview>('/destinations/all/delivery')).value;
      return seen.dead.length > 0;
    });
    service.always(null);
    const counted = seen?.outcomes.map(({ outcome, reason, count }) => [outcome, reason, count]);
    assert.deepEqual(
      new Set(counted?.map(String)),
      new Set([
        'delivered,,2',
        'filtered,FILTERED_BY_DESTINATION_FILTER,1',
        'filtered,FILTERED_BY_END_USER_CONSENT,1',
        'filtered,SOURCE_NOT_CONNECTED,1',
      ]),
    );
    const named = seen?.filtered.map(({ messageId, reason, detail }) => [
      messageId,
      reason,
      detail,
    ]);
    assert.deepEqual(named, [
      ['id-Refused', 'FILTERED_BY_END_USER_CONSENT', ''],
      ['id-Private', 'FILTERED_BY_DESTINATION_FILTER', 'private'],
    ]);
    assert.partialDeepStrictEqual(seen?.dead[0], { messageId: 'id-Dies', reason: 'HTTP_STATUS' });
    assert.partialDeepStrictEqual(seen?.attempts[0], { outcome: 'dead', status: 400, events: 1 });
    assert.equal(
      seen?.hours.reduce((sum, { delivered }) => sum + delivered, 0),
      2,
    );
    const bare = await ask<Overview>('/destinations/all/delivery?samples=false');
    assert.equal(bare.value.filtered, undefined);
    assert.equal((await ask('/destinations/nope/delivery')).status, 404);
  });

  test('what is done to dead letters and replays is in the audit log', async () => {
    const path = '/destinations/all';
    const retried = await ask(`${path}/dead-letters/retry`, { body: { reason: 'HTTP_STATUS' } });
    assert.deepEqual(retried.value, { count: 1 });
    await ask(`${path}/dead-letters/discard`, { body: { all: true, because: 'a test' } });
    const times = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };
    const dry = await ask(`${path}/replays`, { body: { ...times, dryRun: true } });
    assert.equal(dry.status, 200);
    const begun = await ask<{ id: string }>(`${path}/replays`, {
      body: { ...times, eventsPerSecond: 1 },
    });
    await ask(`${path}/replays/${begun.value.id}/cancel`, { body: {} });
    const log =
      await ask<{ action: string; after: unknown; resource: { name: string } }[]>('/audit');
    const work = log.value.filter(({ action }) => /Dead|Replay/.test(action));
    assert.deepEqual(
      work.map(({ action }) => action),
      ['Replay Cancelled', 'Replay Started', 'Dead Letters Discarded', 'Dead Letters Retried'],
    );
    assert.partialDeepStrictEqual(work[3], {
      resource: { name: 'All' },
      after: { filter: { reason: 'HTTP_STATUS' }, count: 1 },
    });
  });
});

describe('accounts that are kept to some sources', () => {
  let member = '';
  before(async () => {
    await personOf('owner@example.com', 'owner');
    member = await memberOf('limited@example.com', 'member', ['other'], ['test']);
    await ask('/destinations/all', { method: 'PATCH', body: { sources: null } });
  });

  test('see destinations whose sources they may all see, and change where they may write', async () => {
    const listed = await ask<{ slug: string }[]>('/destinations', { cookie: member });
    assert.deepEqual(
      listed.value.map(({ slug }) => slug),
      ['mine', 'theirs'],
    );
    const statusOf = async (method: string, path: string, body?: unknown): Promise<number> =>
      (await ask(path, { method, body, cookie: member })).status;
    const times = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };
    for (const [slug, expected] of [
      ['all', [404, 404, 404, 404, 404, 404, 404]],
      ['mine', [200, 200, 200, 200, 200, 200, 200]],
      ['theirs', [200, 200, 200, 403, 403, 403, 403]],
    ] as const) {
      const path = `/destinations/${slug}`;
      assert.deepEqual(
        [
          await statusOf('GET', `${path}/delivery`),
          await statusOf('GET', `${path}/dead-letters`),
          await statusOf('POST', `${path}/replays`, { ...times, dryRun: true }),
          await statusOf('PATCH', path, { name: 'New name' }),
          await statusOf('POST', `${path}/dead-letters/retry`, { all: true }),
          await statusOf('POST', `${path}/dead-letters/discard`, { all: true, because: 'x' }),
          await statusOf('POST', `${path}/test`, {}),
        ],
        expected,
        slug,
      );
    }
  });

  test('connect no source that is not theirs', async () => {
    const connect = (sources: unknown) =>
      ask('/destinations/mine', { method: 'PATCH', body: { sources }, cookie: member });
    assert.equal((await connect(null)).status, 403);
    assert.equal((await connect(['test', 'other'])).status, 403);
    assert.equal((await connect(['test'])).status, 200);
    const settings = { url: `${service.url}/new` };
    const made = { name: 'New', slug: 'new', type: 'webhook', settings };
    const create = (more: object) =>
      ask('/destinations', { body: { ...made, ...more }, cookie: member });
    assert.equal((await create({})).status, 403);
    assert.equal((await create({ sources: ['test'] })).status, 201);
  });

  test('see recent events and traces of their sources alone', async () => {
    const viewer = await memberOf('viewer@example.com', 'viewer', ['other'], []);
    const { value } = await ask<RecentEvents>('/recent-events', { cookie: viewer });
    assert.deepEqual(new Set(value.events.map(({ source }) => source)), new Set(['other']));
    const foreign = await ask('/recent-events?source=test', { cookie: viewer });
    assert.equal(foreign.status, 404);
    const filters = [{ if: 'true', actions: [{ type: 'drop' }] }];
    const preview = await ask<{ results: { source: string }[] }>('/filters/preview', {
      body: { filters },
      cookie: viewer,
    });
    assert.deepEqual(
      new Set(preview.value.results.map(({ source }) => source)),
      new Set(['other']),
    );
    const trace = async (id: string) =>
      (
        await ask<{ copies: { destinations: { slug: string }[] }[] }>(`/trace/${id}`, {
          cookie: viewer,
        })
      ).value.copies;
    assert.deepEqual(await trace('id-First'), []);
    const [own] = await trace('id-Elsewhere');
    assert.deepEqual(
      own?.destinations.map(({ slug }) => slug),
      ['theirs'],
    );
  });
});
