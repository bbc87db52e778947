/** The founding document, line by line: endpoints, authentication, request format. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { rawPost } from '../support/raw-http.ts';
import { basicAuth, startTestServer, WRITE_KEY } from '../support/test-server.ts';
import type { Row, TestServer } from '../support/test-server.ts';

const run = promisify(execFile);
const EU_KEY = 'euWriteKey01234567890';
/** The keys that the document's examples use. */
const EXAMPLE_KEYS = ['writeKey', 'testWriteKey', 'abc123'].map((key) => `${key}-padded`);

const noCurl = await run('curl', ['--version']).then(
  () => false,
  () => 'curl is not installed',
);

let server: TestServer;

before(async () => {
  server = await startTestServer({
    config: {
      regions: { us: { hosts: ['api.segment.io'] }, eu: { hosts: ['api.segment.eu'] } },
      sources: [
        { name: 'Web', slug: 'web', writeKeys: [WRITE_KEY, ...EXAMPLE_KEYS] },
        { name: 'Europe', slug: 'europe', region: 'eu', writeKeys: [EU_KEY] },
      ],
    },
  });
});
after(() => server.stop());

async function stored(messageId: string): Promise<Row> {
  const rows = await server.sqlUntil(
    `select * from events where message_id = '${messageId}'`,
    (found) => found.length > 0,
  );
  assert.equal(rows.length, 1);
  return rows[0] ?? {};
}

/** Runs an example of the document as it stands, with host and key replaced. */
async function curl(command: string): Promise<{ status: number; body: unknown }> {
  const replaced = command
    .replace(/https:\/\/api\.segment\.(io|eu)/, server.url)
    .replace('curl ', `curl -s -w '\\n%{http_code}' `);
  const { stdout } = await run('bash', ['-c', replaced]);
  const at = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(at + 1)), body: JSON.parse(stdout.slice(0, at)) };
}

describe('Base URLs', () => {
  test('Global/US | https://api.segment.io | the default endpoint takes a US key', async () => {
    const response = await postToHost('api.segment.io', WRITE_KEY);
    assert.equal(response, 200);
  });

  test('EU | https://api.segment.eu | the European endpoint takes a European key', async () => {
    assert.equal(await postToHost('api.segment.eu', EU_KEY), 200);
  });

  test('a key used in the wrong region is refused, whatever the case or port of the host', async () => {
    assert.equal(await postToHost('api.segment.eu', WRITE_KEY), 401);
    assert.equal(await postToHost('API.Segment.EU:443', WRITE_KEY), 401);
    assert.equal(await postToHost('api.segment.io', EU_KEY), 401);
  });

  test('European data residency: events of a European source are only in the region folder', async () => {
    const marker = 'only-in-europe-0001';
    const response = await server.post(
      '/v1/track',
      { userId: 'u', event: 'E', messageId: marker },
      { Authorization: basicAuth(EU_KEY) },
    );
    assert.equal(response.status, 200);
    const row = await stored(marker);
    assert.equal(row['region'], 'eu');
    const logs = (await filesWith(server.dataDir, marker)).filter((path) => path.endsWith('.log'));
    assert.ok(logs.length > 0);
    assert.ok(logs.every((path) => path.startsWith(`${server.dataDir}/eu/`)));
  });
});

describe('Authentication', () => {
  test('HTTP Basic Authentication with the write key: Authorization: Basic {base64(writeKey:)}', async () => {
    const response = await server.post('/v1/track', { userId: 'u', event: 'E' });
    assert.equal(response.status, 200);
  });

  test('echo -n "abc123:" | base64 … the example of the document', { skip: noCurl }, async () => {
    const { status, body } = await curl(
      `curl -H "Authorization: Basic $(echo -n "abc123-padded:" | base64)" ` +
        `-H "Content-Type: application/json" -d '{"userId":"u","event":"E"}' ` +
        `https://api.segment.io/v1/track`,
    );
    assert.equal(status, 200);
    assert.deepEqual(body, { success: true });
  });

  for (const [form, header] of [
    ['without colon', Buffer.from(WRITE_KEY).toString('base64')],
    ['without padding', Buffer.from(`${WRITE_KEY}:`).toString('base64').replace(/=+$/, '')],
    ['with a password', Buffer.from(`${WRITE_KEY}:x`).toString('base64')],
  ] as const) {
    test(`Basic ${form} is the same key`, async () => {
      const response = await server.post(
        '/v1/track',
        { userId: 'u', event: 'E' },
        { Authorization: `Basic ${header}` },
      );
      assert.equal(response.status, 200);
    });
  }

  test('Client-side Safe: browsers send the key in the body, with no header at all', async () => {
    const response = await fetch(`${server.url}/v1/t`, {
      method: 'POST',
      headers: { 'Content-Type': 'text/plain' },
      body: JSON.stringify({ anonymousId: 'a', event: 'E', writeKey: WRITE_KEY }),
    });
    assert.equal(response.status, 200);
  });

  test('Bearer says who sends; the key in the body says the source', async () => {
    const headers = { Authorization: 'Bearer some-token' };
    const body = { userId: 'u', event: 'E' };
    const withKey = await server.post('/v1/track', { ...body, writeKey: WRITE_KEY }, headers);
    assert.equal(withKey.status, 200);
    assert.equal((await server.post('/v1/track', body, headers)).status, 401);
  });

  test('a key in the body that disagrees with the header is refused', async () => {
    const body = { userId: 'u', event: 'E', writeKey: EU_KEY };
    assert.equal((await server.post('/v1/track', body)).status, 401);
    assert.equal((await server.post('/v1/track', { ...body, writeKey: WRITE_KEY })).status, 200);
  });

  test('Source-specific: each source has its own write key, and its events carry its name', async () => {
    await server.post('/v1/track', { userId: 'u', event: 'E', messageId: 'of-web' });
    assert.equal((await stored('of-web'))['source'], 'web');
  });

  test('Limited Permissions: a write key cannot read, here or on the admin listener', async () => {
    const headers = { Authorization: basicAuth(WRITE_KEY) };
    assert.equal((await fetch(`${server.url}/v1/track`, { headers })).status, 405);
    assert.equal((await fetch(`${server.url}/sql`, { method: 'POST', headers })).status, 404);
    const sql = { method: 'POST', headers, body: '{"sql":"select 1"}' };
    assert.equal((await fetch(`${server.adminUrl}/sql`, sql)).status, 401);
  });

  test('Rotation: the old key stays valid for the overlap, then 401 within a second', async () => {
    const made = await server.cli('keys', 'create', '--source', 'web', '--json');
    const old = (JSON.parse(made.stdout) as { key: string }).key;
    const send = async (key: string) =>
      (
        await server.post(
          '/v1/track',
          { userId: 'u', event: 'E' },
          { Authorization: basicAuth(key) },
        )
      ).status;
    await until(async () => (await send(old)) === 200);
    const rotated = await server.cli('keys', 'rotate', old, '--overlap', '3s', '--json');
    const next = (JSON.parse(rotated.stdout) as { created: { key: string } }).created.key;
    await until(async () => (await send(next)) === 200);
    assert.equal(await send(old), 200, 'inside the overlap');
    await until(async () => (await send(old)) === 401);
    assert.equal(await send(next), 200);
    await server.cli('keys', 'disable', next);
    await until(async () => (await send(next)) === 401);
  });
});

describe('Core Tracking Endpoints', () => {
  const cases: Record<string, { body: Row; check: Row }> = {
    track: {
      body: { userId: 'u1', event: 'Signed Up', properties: { plan: 'pro' } },
      check: { type: 'track', event: 'Signed Up', properties: '{"plan":"pro"}' },
    },
    identify: {
      body: { userId: 'u1', traits: { email: 'user@example.com' } },
      check: { type: 'identify', traits: '{"email":"user@example.com"}' },
    },
    page: {
      body: { userId: 'u1', name: 'Home', properties: { path: '/' } },
      check: { type: 'page', name: 'Home' },
    },
    screen: { body: { userId: 'u1', name: 'Start' }, check: { type: 'screen', name: 'Start' } },
    group: {
      body: { userId: 'u1', groupId: 'g1', traits: { name: 'Acme' } },
      check: { type: 'group', group_id: 'g1' },
    },
    alias: {
      body: { userId: 'u1', previousId: 'a1' },
      check: { type: 'alias', previous_id: 'a1' },
    },
  };
  for (const [type, { body, check }] of Object.entries(cases)) {
    for (const path of [`/v1/${type}`, `/v1/${type}/`, `/v1/${type[0]}`]) {
      // `s` is screen, `p` page; the letter is the first one of the type.
      test(`POST ${path} stores one ${type}`, async () => {
        const messageId = `core${path.replaceAll('/', '-')}`;
        const response = await server.post(path, { ...body, messageId });
        assert.equal(response.status, 200);
        assert.deepEqual(await response.json(), { success: true });
        const row = await stored(messageId);
        assert.equal(row['user_id'], 'u1');
        for (const [column, value] of Object.entries(check)) assert.equal(row[column], value);
      });
    }
  }

  for (const path of ['/v1/batch', '/v1/import', '/v1/b', '/batch', '/b', '/v1/import/']) {
    test(`POST ${path} stores a batch`, async () => {
      const messageId = `batch${path.replaceAll('/', '-')}`;
      const body = { batch: [{ type: 'track', userId: 'u', event: 'E', messageId }] };
      assert.equal((await server.post(path, body)).status, 200);
      assert.equal((await stored(messageId))['event'], 'E');
    });
  }

  test('OPTIONS on every route allows what browsers ask for', async () => {
    for (const path of ['/v1/t', '/v1/track/', '/v1/b', '/v1/batch', '/v1/m', '/b']) {
      const response = await fetch(server.url + path, {
        method: 'OPTIONS',
        headers: {
          Origin: 'https://shop.example',
          'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Headers': 'authorization,content-type,x-retry-count,x-own',
        },
      });
      assert.equal(response.status, 204, path);
      assert.equal(response.headers.get('access-control-allow-origin'), 'https://shop.example');
      assert.equal(response.headers.get('access-control-allow-credentials'), 'true');
      const allowed = response.headers.get('access-control-allow-headers') ?? '';
      for (const name of ['authorization', 'content-type', 'x-retry-count', 'x-own']) {
        assert.ok(allowed.split(', ').includes(name), name);
      }
    }
    const answer = await server.post(
      '/v1/t',
      { userId: 'u', event: 'E' },
      { Origin: 'https://shop.example' },
    );
    assert.match(answer.headers.get('access-control-expose-headers') ?? '', /Retry-After/);
  });

  test('POST /v1/m takes the metrics that SDKs report about themselves', async () => {
    const response = await fetch(`${server.url}/v1/m`, {
      method: 'POST',
      body: JSON.stringify({ series: [{ type: 'Counter', metric: 'analytics_js.x', value: 1 }] }),
    });
    assert.equal(response.status, 200);
  });
});

describe('Request Format', () => {
  for (const type of [
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'text/plain',
    'text/plain;charset=UTF-8',
  ]) {
    test(`Content-Type: ${type}`, async () => {
      const response = await server.post(
        '/v1/track',
        { userId: 'u', event: 'E' },
        { 'Content-Type': type },
      );
      assert.equal(response.status, 200);
    });
  }

  test('a body that is no JSON is refused, naming the content type that it came with', async () => {
    const response = await server.post('/v1/track', '<event/>', {
      'Content-Type': 'application/xml',
    });
    assert.equal(response.status, 400);
    const body = (await response.json()) as { code: string; message: string };
    assert.equal(body.code, 'BAD_REQUEST');
    assert.match(body.message, /application\/xml/);
  });

  test('All endpoints accept the common structure, and every field of it is stored', async () => {
    const timestamp = '2026-01-15T10:00:00.123Z';
    const body = {
      type: 'track',
      userId: 'string',
      anonymousId: 'string2',
      timestamp,
      context: { ip: '10.1.2.3', userAgent: 'agent', library: { name: 'lib', version: '1.2.3' } },
      integrations: { destination: true, other: false },
      messageId: 'common-structure',
      event: 'Common',
      custom: { kept: [1, 2] },
    };
    assert.equal((await server.post('/v1/track', body)).status, 200);
    const row = await stored('common-structure');
    assert.equal(row['user_id'], 'string');
    assert.equal(row['anonymous_id'], 'string2');
    assert.equal(row['timestamp'], '2026-01-15 10:00:00.123');
    assert.equal(row['original_timestamp'], '2026-01-15 10:00:00.123');
    assert.deepEqual(JSON.parse(String(row['context'])), body.context);
    assert.deepEqual(JSON.parse(String(row['integrations'])), body.integrations);
    assert.deepEqual(JSON.parse(String(row['extra'])), { custom: body.custom });
  });

  test('Batch Requests: the example of the document', async () => {
    const body = {
      batch: [
        { type: 'track', userId: 'user123', event: 'Button Clicked', messageId: 'seed-batch-1' },
        {
          type: 'identify',
          userId: 'user123',
          traits: { email: 'user@example.com' },
          messageId: 'seed-batch-2',
        },
      ],
    };
    const response = await server.post('/v1/batch', body);
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { success: true });
    assert.equal((await stored('seed-batch-1'))['event'], 'Button Clicked');
    assert.equal((await stored('seed-batch-2'))['traits'], '{"email":"user@example.com"}');
  });
});

describe('Request/Response Examples', () => {
  test('Successful Request: curl … Product Purchased', { skip: noCurl }, async () => {
    const { status, body } = await curl(
      `curl -X POST https://api.segment.io/v1/track \\
        -H "Authorization: Basic $(echo -n 'writeKey-padded:' | base64)" \\
        -H "Content-Type: application/json" \\
        -d '{
          "userId": "user123",
          "event": "Product Purchased",
          "properties": {
            "productId": "12345",
            "revenue": 99.99,
            "currency": "USD"
          }
        }'`,
    );
    assert.equal(status, 200);
    assert.deepEqual(body, { success: true });
    const [row] = await server.sqlUntil(
      `select * from events where event = 'Product Purchased'`,
      (rows) => rows.length === 1,
    );
    assert.deepEqual(JSON.parse(String(row?.['properties'])), {
      productId: '12345',
      revenue: 99.99,
      currency: 'USD',
    });
  });

  test('EU Data Residency: curl … Page Viewed', { skip: noCurl }, async () => {
    const { status } = await curl(
      `curl -X POST https://api.segment.eu/v1/track \\
        -H "Authorization: Basic $(echo -n '${EU_KEY}:' | base64)" \\
        -H "Content-Type: application/json" \\
        -d '{"userId": "user123", "event": "Page Viewed"}'`,
    );
    assert.equal(status, 200);
  });

  test('Validation: Test API integration: curl … Test Event', { skip: noCurl }, async () => {
    const { status } = await curl(
      `curl -X POST https://api.segment.io/v1/track \\
        -H "Authorization: Basic $(echo -n 'testWriteKey-padded:' | base64)" \\
        -H "Content-Type: application/json" \\
        -d '{"anonymousId": "test", "event": "Test Event"}'`,
    );
    assert.equal(status, 200);
  });
});

async function postToHost(host: string, key: string): Promise<number> {
  const headers = {
    Host: host,
    Authorization: basicAuth(key),
    'Content-Type': 'application/json',
  };
  return (await rawPost(server, '/v1/track', headers, '{"userId":"u","event":"Hosted"}')).status;
}

/** Files under a folder that contain the text. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && (await readFile(path)).includes(text)) found.push(path);
  }
  return found;
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!(await isTrue())) {
    assert.ok(performance.now() < endMs, 'not so in 10 seconds');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
