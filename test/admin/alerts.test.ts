/** Alerts by every channel, and the canary, with real services. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const SECRET = 'a-secret-of-alerts';
let server: TestServer;
let service: FakeService;
let channel: FakeService;
let smtp: SMTPServer;
const mails: string[] = [];

before(async () => {
  [service, channel] = await Promise.all([startFakeService(), startFakeService()]);
  smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _session, done) {
      let text = '';
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
      stream.on('end', () => {
        mails.push(text);
        done();
      });
    },
  });
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
  const { port } = smtp.server.address() as AddressInfo;
  server = await startTestServer({
    config: {
      net: { allow: ['127.0.0.1'], ports: [port] },
      alerts: {
        everySeconds: 1,
        smtp: { host: '127.0.0.1', port, from: 'millrace@example.com', security: 'none' },
      },
      canary: { enabled: true, everySeconds: 1 },
      destinations: [{ name: 'CRM', slug: 'crm', type: 'webhook', settings: { url: service.url } }],
    },
  });
});
after(async () => {
  await server.stop();
  await service.close();
  await channel.close();
  await new Promise<void>((resolve) => smtp.close(() => resolve()));
});

async function ask(method: string, path: string, body?: unknown, token = server.token) {
  const response = await fetch(`${server.adminUrl}/admin${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, value: (await response.json()) as Record<string, unknown> };
}

const CANARIES = `from events where source = 'millrace-canary'`;

/** Waits until so many flights have ended. */
async function canariesInSql(count: number): Promise<void> {
  await server.sqlUntil(
    `select count(*)::int as n ${CANARIES}`,
    ([row]) => Number(row?.['n']) >= count,
  );
}

/** What Live shows from now until an event that is sent after two more flights. */
async function liveUntil(event: string): Promise<string> {
  const headers = { Authorization: `Bearer ${server.token}` };
  const response = await fetch(`${server.adminUrl}/tail`, { headers });
  let text = '';
  for await (const chunk of response.body ?? []) {
    const isFirst = text === '';
    text += Buffer.from(chunk).toString();
    if (isFirst) {
      const [row] = await server.sql(`select count(*)::int as n ${CANARIES}`);
      await canariesInSql(Number(row?.['n']) + 2);
      await server.post('/v1/track', { userId: 'u3', event });
    }
    if (text.includes(event)) break;
  }
  return text;
}

function isOf(event: string): (request: { body: string }) => boolean {
  return ({ body }) => body.includes(`"${event}"`);
}

const rule = (channels: unknown[]) => ({
  name: 'Dead letters\r\nBcc: everybody@example.com',
  watch: { kind: 'dead-letters', above: 0 },
  channels,
  forMinutes: 0,
});

describe('alerts', () => {
  test('begin and end are told by webhook, Slack and email, once each', async () => {
    const made = await ask(
      'POST',
      '/alerts',
      rule([
        { type: 'webhook', url: `${channel.url}/hook`, secret: SECRET },
        { type: 'slack', url: `${channel.url}/slack` },
        { type: 'email', to: 'ops@example.com' },
      ]),
    );
    assert.equal(made.status, 201, JSON.stringify(made.value));
    const shown = JSON.stringify((await ask('GET', '/alerts')).value);
    assert.ok(!shown.includes(SECRET) && !shown.includes('/slack'), 'secrets are masked');

    service.always({ status: 400 });
    await server.post('/v1/track', { userId: 'u1', event: 'Refused' });
    await until('all are told', () => channel.taken.length >= 2 && mails.length >= 1, 20_000);
    const [hook] = channel.taken.filter(({ path }) => path === '/hook');
    const told = JSON.parse(hook?.body ?? '{}') as { phase: string; text: string };
    assert.equal(told.phase, 'began');
    assert.match(told.text, /crm has 1 dead letters/);
    const [, seconds = '', signature] =
      /^t=(\d+),v1=(\w+)$/.exec(String(hook?.headers['x-millrace-signature'])) ?? [];
    const expected = createHmac('sha256', SECRET).update(`${seconds}.${hook?.body}`).digest('hex');
    assert.equal(signature, expected);
    const slack = channel.taken.find(({ path }) => path === '/slack');
    assert.match(slack?.body ?? '', /ALERT Dead letters/);
    assert.match(mails[0] ?? '', /Subject: ALERT Dead letters/);
    const [head = ''] = (mails[0] ?? '').split('\r\n\r\n');
    assert.doesNotMatch(head, /^Bcc:/m, 'a name makes no header');

    service.always(null);
    await ask('POST', '/destinations/crm/dead-letters/retry', { all: true });
    await until('the end is told', () => mails.length === 2, 20_000);
    assert.match(mails[1] ?? '', /Subject: OVER Dead letters/);
    assert.equal(channel.taken.filter(({ path }) => path === '/hook').length, 2);
    const { past } = (await ask('GET', '/alerts')).value as { past: { phase: string }[] };
    assert.deepEqual(
      past.map(({ phase }) => phase),
      ['ended', 'began'],
    );
  });

  test('a channel is tested; a forbidden address and a bad rule are named', async () => {
    const made = await ask('POST', '/alerts', {
      ...rule([{ type: 'slack', url: `${channel.url}/tested` }]),
      enabled: false,
    });
    const path = `/alerts/${String(made.value['id'])}`;
    assert.equal((await ask('POST', `${path}/test`)).status, 200);
    assert.ok(channel.taken.some((request) => request.path === '/tested'));
    const kept = await ask('PUT', path, {
      ...rule([{ type: 'slack', url: '••••••' }]),
      enabled: false,
    });
    assert.equal(kept.status, 200, JSON.stringify(kept.value));
    await ask('POST', `${path}/test`);
    assert.equal(channel.taken.filter((own) => own.path === '/tested').length, 2, 'kept its URL');
    const metadata = rule([{ type: 'slack', url: 'http://169.254.169.254/x' }]);
    assert.equal((await ask('POST', '/alerts', metadata)).value['code'], 'ADDRESS_REFUSED');
    const bad = await ask('POST', '/alerts', { ...rule([]), watch: { kind: 'lag', seconds: 0 } });
    assert.equal(bad.status, 400);
    assert.match(String(bad.value['message']), /watch\.seconds/);
    assert.equal((await ask('DELETE', path)).status, 200);
    assert.equal((await ask('DELETE', path)).status, 404);
    const { value: suggested } = await ask('GET', '/alerts/suggestions');
    assert.ok((suggested as unknown as unknown[]).length >= 5);
    const viewer = await ask('POST', '/tokens', { name: 'v', role: 'viewer' });
    const refused = await ask('POST', '/alerts', rule([]), String(viewer.value['token']));
    assert.equal(refused.status, 403);
  });

  test('the canary flies through collector and SQL, and its time is a metric', async () => {
    await canariesInSql(2);
    await until('both paths are measured', async () => {
      const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
      return ['collector', 'sql'].every((path) =>
        new RegExp(`millrace_canary_seconds\\{path="${path}"\\} [0-9.]+`).test(text),
      );
    });
  });

  test('the canary reaches no destination, and trace says why', async () => {
    await canariesInSql(2);
    const [row] = await server.sql(
      `select message_id from events where source = 'millrace-canary' order by received_at limit 1`,
    );
    const messageId = String(row?.['message_id']);
    const traced = await server.cli('trace', messageId, '--json');
    assert.match(traced.stdout, /"INTERNAL_SOURCE"/, traced.stderr);
    assert.match(traced.stdout, /"warehouse": null/, 'no table has it');
    // What comes after it in the log has arrived, so it has been passed.
    await server.post('/v1/track', { userId: 'u2', event: 'After' });
    await until('a later event arrives', () => service.taken.some(isOf('After')), 20_000);
    assert.equal(service.taken.some(isOf('Canary Sent')), false);
    await until('that it passed by is counted', async () => {
      const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
      return /delivery_filtered_total\{destination="crm",reason="INTERNAL_SOURCE"\}/.test(text);
    });
    const verified = await server.cli('verify', '--json');
    assert.equal(verified.code, 0, verified.stdout);
    for (const path of ['/destinations', '/destinations/crm/delivery']) {
      const shown = JSON.stringify((await ask('GET', path)).value);
      assert.doesNotMatch(shown, /INTERNAL_SOURCE/, path);
    }
  });

  test('the canary is no source of the people, no usage, no person, no table, and not in Live', async () => {
    await canariesInSql(2);
    const from = 'from=2020-01-01T00:00:00Z';
    const span = `by=source&granularity=DAY&${from}`;
    const places = [
      '/sources',
      '/export',
      '/schema',
      '/schema?source=millrace-canary',
      '/people?query=canary',
      '/recent-events',
      '/sql/tables',
      `/history?metric=millrace_events_received_total&${span}`,
      `/history?metric=millrace_delivery_filtered_total&by=reason&granularity=DAY&${from}`,
      `/history?metric=millrace_key_events_total&${span}`,
    ];
    for (const path of places) {
      const { status, value } = await ask('GET', path);
      assert.equal(status, 200, `${path}: ${JSON.stringify(value)}`);
      const shown = JSON.stringify(value).replaceAll('source=millrace-canary', '');
      assert.doesNotMatch(shown, /canary|INTERNAL_SOURCE/i, path);
    }
    const day = [-1, 1].map((days) => new Date(Date.now() + days * 86_400_000).toISOString());
    const byName = `/history/events?from=${day[0]}&to=${day[1]}&source=`;
    assert.deepEqual((await ask('GET', `${byName}millrace-canary`)).value['events'], []);
    assert.notDeepEqual((await ask('GET', `${byName}test`)).value['events'], [], 'others are');
    const live = await liveUntil('Seen Live');
    assert.doesNotMatch(live, /canary/i);
    for (const list of ['sources', 'keys']) {
      const { stdout } = await server.cli(list, 'list', '--json');
      assert.match(stdout, /"test"/);
      assert.doesNotMatch(stdout, /canary/, list);
    }
  });

  test('the canary flies on when its key is disabled', async () => {
    await canariesInSql(1);
    const database = new DatabaseSync(join(server.dataDir, 'control.db'));
    const states = () =>
      database
        .prepare(
          `select state from write_keys join sources on sources.number = source_number
           where slug = 'millrace-canary' order by write_keys.number`,
        )
        .all()
        .map(({ state }) => state);
    database.exec(`update write_keys set state = 'disabled', disabled_by = 'person'
      where source_number = (select number from sources where slug = 'millrace-canary')`);
    await until('it has another key', () => states().includes('active'), 20_000);
    const [row] = await server.sql(`select count(*)::int as n ${CANARIES}`);
    await canariesInSql(Number(row?.['n']) + 2);
    assert.deepEqual(states(), ['disabled', 'active'], 'one, and not one each flight');
    database.close();
  });

  test('counters are there by the minute, by source, also for who sees one source only', async () => {
    const answer = await ask('GET', '/history?metric=millrace_events_received_total&by=source');
    const { series } = answer.value as {
      series: { labels: { source: string }; points: [string, number][] }[];
    };
    const sources = series.map(({ labels }) => labels.source);
    assert.deepEqual(sources, ['test']);
    const unknown = await ask('GET', '/history?metric=nothing');
    assert.equal(unknown.status, 400);
    const wide = await ask(
      'GET',
      '/history?metric=millrace_events_received_total&from=2020-01-01T00:00:00Z',
    );
    assert.match(String(wide.value['message']), /5000 times minute/);
  });
});
