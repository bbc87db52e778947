/** A server, a service, and the command line: from a request to a destination and back again. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const SECRET = 'canary-9f2c41d7e0';
let service: FakeService;
let server: TestServer;

interface Listed {
  slug: string;
  settings: Record<string, unknown>;
  status: {
    delivered: number;
    deadLetters: number;
    filtered: Record<string, number>;
    live: { waiting: number; lagBytes: number };
  } | null;
}

before(async () => {
  service = await startFakeService();
  server = await startTestServer({
    config: {
      net: { allow: ['127.0.0.1'] },
      deliver: { retryDelayMsMin: 1, retryDelayMsMax: 20, breakerDelayMsMax: 50 },
      destinations: [
        {
          name: 'Hook',
          slug: 'hook',
          type: 'webhook',
          settings: { url: `${service.url}/hook`, sharedSecret: SECRET },
          consentCategories: ['ads'],
          filters: [{ if: 'event = "Dropped"', actions: [{ type: 'drop' }] }],
        },
      ],
    },
  });
});
after(async () => {
  await server.stop();
  await service.close();
});

async function track(event: string, more: Record<string, unknown> = {}): Promise<void> {
  const body = { userId: 'u1', event, messageId: `id-${event}`, ...more };
  assert.equal((await server.post('/v1/track', body)).status, 200);
}

/** Names of the events that the service took in. */
function taken(): string[] {
  return service.taken.map(({ body }) => (JSON.parse(body) as { event: string }).event);
}

async function listed(slug = 'hook'): Promise<NonNullable<Listed['status']>> {
  const { stdout } = await server.cli('destinations', 'list', '--json');
  const found = (JSON.parse(stdout) as Listed[]).find((one) => one.slug === slug);
  assert.ok(found?.status, stdout);
  return found.status;
}

async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await server.cli(...args, '--json');
  assert.equal(code, 0, stdout + stderr);
  return JSON.parse(stdout) as T;
}

test('events arrive, those that should not are counted by reason, and verify agrees', async () => {
  await track('Arrives');
  await track('Dropped');
  await track('Refused by consent', {
    context: { consent: { categoryPreferences: { ads: false } } },
  });
  await track('Refused by integrations', { integrations: { All: false } });
  await track('Wanted by name', { integrations: { All: false, Hook: true } });
  await server.cli('suppressions', 'add', 'gone');
  await until('the suppression is in force', async () => {
    await track(`Of a suppressed user`, { userId: 'gone', messageId: `gone-${performance.now()}` });
    return ((await listed()).filtered['SUPPRESSED_USER'] ?? 0) > 0;
  });
  await until('two have arrived', () => taken().includes('Wanted by name'));
  assert.deepEqual(
    taken().filter((event) => event !== 'Of a suppressed user'),
    ['Arrives', 'Wanted by name'],
  );
  await until('all is counted', async () => (await listed()).live.lagBytes === 0);
  const { filtered } = await listed();
  delete filtered['SUPPRESSED_USER'];
  assert.deepEqual(filtered, {
    FILTERED_BY_DESTINATION_FILTER: 1,
    FILTERED_BY_END_USER_CONSENT: 1,
    INTEGRATION_DISABLED: 1,
  });
  const verified = await server.cli('verify', '--json');
  const report = JSON.parse(verified.stdout) as {
    isConserved: boolean;
    destinations: { slug: string; isConserved: boolean; stored: number; problems: string[] }[];
  };
  assert.deepEqual(report.destinations[0]?.problems, []);
  assert.ok((report.destinations[0]?.stored ?? 0) >= 6);
  assert.equal(verified.code, 0, verified.stdout);
});

test('a trace tells rules, attempts and standing', async () => {
  service.plan({ status: 503 });
  await track('Traced');
  await until('it has arrived', () => taken().includes('Traced'));
  await until('it is accounted for', async () => (await listed()).live.waiting === 0);
  const found = await json<{
    copies: {
      verdict: string;
      warehouse: string;
      destinations: {
        standing: string;
        rules: { rule: string; reason: string | null }[];
        attempts: { outcome: string; status: number }[];
      }[];
    }[];
  }>('trace', 'id-Traced');
  const [copy] = found.copies;
  assert.equal(copy?.verdict, 'stored');
  assert.equal(copy?.warehouse, "test.traced where id = 'id-Traced'");
  const [hook] = copy?.destinations ?? [];
  assert.equal(hook?.standing, 'delivered');
  assert.deepEqual(
    hook?.attempts.map(({ outcome, status }) => [outcome, status]),
    [
      ['retry', 503],
      ['delivered', 200],
    ],
  );
  assert.deepEqual(
    hook?.rules.map(({ rule }) => rule),
    [
      'internal source',
      'destination enabled',
      'replay selection',
      'suppressed user',
      'consent',
      'integrations object',
      'source connection',
      'destination filters',
      'subscriptions',
    ],
  );
  const dropped = await server.cli('trace', 'id-Dropped');
  assert.match(dropped.stdout, /hook \(webhook\): filtered destination filters/);
  assert.equal((await server.cli('trace', 'nobody')).code, 1);
});

test('dead letters: grouped, shown, sent again, discarded', async () => {
  service.plan({ status: 418, body: 'short and stout' }, { status: 418, body: 'short and stout' });
  await track('Dies');
  await track('Dies too');
  await until('both are dead', async () => (await listed()).deadLetters === 2);
  const groups = await json<object[]>('dead-letters', 'groups', '--destination', 'hook');
  assert.equal(groups.length, 1);
  assert.partialDeepStrictEqual(groups[0], { reason: 'HTTP_STATUS', status: 418, count: 2 });
  const where = ['--destination', 'hook'];
  const letters = await json<{ id: number; messageId: string }[]>('dead-letters', 'list', ...where);
  const [first, second] = letters;
  assert.ok(first && second);
  const shown = await json<{ message: { event: string }; failure: { response: string } }>(
    'dead-letters',
    'show',
    String(first.id),
    ...where,
  );
  assert.equal(shown.failure.response, 'short and stout');
  assert.equal(`id-${shown.message.event}`, first.messageId);

  const careless = await server.cli('dead-letters', 'retry', ...where);
  assert.equal(careless.code, 1, 'nothing is retried without being named');
  await json('dead-letters', 'retry', '--id', String(first.id), ...where);
  await until('it has arrived', () => taken().includes(shown.message.event));
  const because = ['--because', 'a test event'];
  await json('dead-letters', 'discard', '--id', String(second.id), ...because, ...where);
  const status = await listed();
  assert.equal(status.deadLetters, 0);
  assert.equal((await server.cli('verify')).code, 0);
});

test('a replay sends what is asked for, once more, without touching live delivery', async () => {
  await track('Again', { properties: { n: 1 } });
  await track('Not again', { properties: { n: 2 } });
  await until('both have arrived', () => taken().includes('Not again'));
  const takenBefore = taken().length;
  const about = ['--destination', 'hook', '--from', '2020-01-01T00:00:00Z'];
  const dry = await json<{ wouldSend: number }>(
    'replay',
    ...about,
    '--filter',
    'properties.n = 1',
    '--dry-run',
  );
  assert.equal(dry.wouldSend, 1);
  assert.equal(taken().length, takenBefore, 'a dry run sends nothing');
  const done = await json<{ state: string; delivered: number }>(
    'replay',
    ...about,
    '--events',
    'Again',
  );
  assert.deepEqual([done.state, done.delivered], ['done', 1]);
  const copies = service.taken.filter(({ body }) => body.includes('"Again"'));
  assert.equal(copies.length, 2);
  assert.ok(copies[1]?.headers['x-millrace-replay'], 'a replay says so');
  assert.notEqual(copies[0]?.headers['idempotency-key'], copies[1]?.headers['idempotency-key']);
  assert.equal((await server.cli('verify')).code, 0);
  const wrong = await server.cli('replay', ...about, '--filter', 'this is ( no FQL');
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /filter/);
});

test('a destination that is made while the server runs may begin at the beginning', async () => {
  const { code, stdout, stderr } = await server.cli(
    'destinations',
    'create',
    'webhook',
    '--name',
    'Late',
    '--setting',
    `url=${service.url}/late`,
    '--start',
    'beginning',
  );
  assert.equal(code, 0, stdout + stderr);
  const late = () => service.taken.filter(({ path }) => path === '/late').length;
  await until('the events of the past have arrived', async () => {
    const all = (await server.sql('select count(*)::int as n from events'))[0]?.['n'];
    const { delivered, filtered, live } = await listed('late').catch(() => NONE);
    const sum = Object.values(filtered).reduce((total, count) => total + count, 0);
    return live.lagBytes === 0 && delivered === late() && delivered + sum === all && late() > 5;
  });
  assert.equal((await server.cli('destinations', 'pause', 'late')).code, 0);
  const seen = late();
  await until('it is paused', async () => {
    const shown = await json<Listed[]>('destinations', 'list');
    return shown.some((one) => one.slug === 'late' && 'state' in one && one.state === 'paused');
  });
  await track('While paused');
  await until('the other has it', () => taken().includes('While paused'));
  assert.ok(late() <= seen + 1, 'at most one that was on its way');
  await server.cli('destinations', 'enable', 'late');
  await until('it catches up', () =>
    service.taken.some(({ path, body }) => path === '/late' && body.includes('While paused')),
  );
  assert.equal((await server.cli('destinations', 'delete', 'late')).code, 0);
  assert.equal((await json<Listed[]>('destinations', 'list')).length, 1);
});

const NONE = { delivered: -1, filtered: {}, live: { lagBytes: 1 } };

describe('what is refused', () => {
  for (const [name, args, message] of [
    ['a private address', ['--setting', 'url=http://10.0.0.1/'], /address|private/i],
    ['a metadata service', ['--setting', 'url=http://169.254.169.254/latest'], /address|metadata/i],
    ['an unknown setting', ['--setting', 'uri=https://example.com'], /uri/],
    ['a missing setting', [], /url/],
    [
      'a filter that is no FQL',
      [
        '--setting',
        'url=https://example.com',
        '--filter',
        '{"if":"(","actions":[{"type":"drop"}]}',
      ],
      /filters\[0\]\.if|filters/,
    ],
  ] as const) {
    test(name, async () => {
      const made = ['destinations', 'create', 'webhook', '--name', 'Wrong'];
      const { code, stderr } = await server.cli(...made, ...args);
      assert.equal(code, 1);
      assert.match(stderr, message);
    });
  }

  test('an unknown type', async () => {
    const { code, stderr } = await server.cli('destinations', 'create', 'fax', '--name', 'Fax');
    assert.equal(code, 1);
    assert.match(stderr, /fax/);
  });
});

test('kinds of destinations and what an action would send can be asked for', async () => {
  const headers = { Authorization: `Bearer ${server.token}` };
  const types = (await (
    await fetch(`${server.adminUrl}/admin/destinations/types`, { headers })
  ).json()) as {
    type: string;
  }[];
  assert.ok(types.length > 200, `${types.length} kinds`);
  const asked = await fetch(`${server.adminUrl}/admin/destinations/types/actions-slack`, {
    headers,
  });
  const slack = (await asked.json()) as { title: string; actions: object; fields: object[] };
  assert.ok('postToChannel' in slack.actions);
  const mapping = {
    url: 'https://hooks.slack.com/services/T/B/x',
    text: { '@template': '{{userId}} did {{event}}' },
  };
  const event = { type: 'track', userId: 'u1', event: 'Signed Up' };
  const preview = await fetch(`${server.adminUrl}/admin/destinations/types/actions-slack/preview`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ action: 'postToChannel', mapping, event }),
  });
  assert.partialDeepStrictEqual(await preview.json(), { payload: { text: 'u1 did Signed Up' } });
  const wrong = await fetch(`${server.adminUrl}/admin/destinations/types/fax`, { headers });
  assert.equal(wrong.status, 404);
});

test('secrets are sealed at rest and masked wherever they could be shown', async () => {
  const shown = await server.cli('destinations', 'list', '--json');
  const printed = await server.cli('config', '--print');
  const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
  for (const text of [shown.stdout, printed.stdout, metrics, server.output()]) {
    assert.ok(!text.includes(SECRET), text.slice(0, 2_000));
  }
  const names = await readdir(server.dataDir, { recursive: true, withFileTypes: true });
  let files = 0;
  for (const entry of names) {
    if (!entry.isFile()) continue;
    files++;
    const bytes = await readFile(join(entry.parentPath, entry.name));
    assert.ok(!bytes.includes(SECRET), `${entry.name} holds a secret in the clear`);
  }
  assert.ok(files > 5);
});

test('a new key seals everything anew, and deliveries go on', async () => {
  const running = await server.cli('secrets', 'rotate');
  assert.equal(running.code, 1);
  assert.match(running.stderr, /Stop the server/);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-rotate-'));
  const config = { net: { allow: ['127.0.0.1'] } };
  try {
    const first = await startTestServer({ folder, config });
    const setting = `url=${service.url}/rotated`;
    const made = ['destinations', 'create', 'webhook', '--name', 'Rotated', '--setting', setting];
    assert.equal((await first.cli(...made)).code, 0);
    const oldKey = await readFile(join(first.dataDir, 'secrets.key'), 'utf8');
    await first.terminate();
    const rotated = await first.cli('secrets', 'rotate', '--json');
    assert.equal((JSON.parse(rotated.stdout) as { count: number }).count, 1, rotated.stderr);
    assert.notEqual(await readFile(join(first.dataDir, 'secrets.key'), 'utf8'), oldKey);
    const second = await startTestServer({ folder, config });
    await second.post('/v1/track', { userId: 'u', event: 'After rotation' });
    await until('it arrives', () => service.taken.some(({ path }) => path === '/rotated'));
    await second.terminate();
    // A rotation that was interrupted after sealing and before the key was in its place.
    const newKey = await readFile(join(first.dataDir, 'secrets.key'), 'utf8');
    await writeFile(join(first.dataDir, 'secrets.key.next'), newKey);
    await writeFile(join(first.dataDir, 'secrets.key'), oldKey);
    const third = await startTestServer({ folder, config });
    assert.equal((await third.cli('destinations', 'list')).code, 0);
    await third.terminate();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
