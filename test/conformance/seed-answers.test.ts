/** The founding document, line by line: limits, answers, error types, best practices. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { basicAuth, startTestServer, WRITE_KEY } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const SLOW_KEY = 'slowSourceKey12345';
const LARGE_KEY = 'enterpriseKey12345';
const DEV_KEY = 'developmentKey1234';
const STAGING_KEY = 'stagingKey12345678';

interface ErrorBody {
  error: { type: string; message: string; field?: string; retryAfter?: number };
  code: string;
  message: string;
}

let server: TestServer;

before(async () => {
  server = await startTestServer({
    config: {
      limits: { requestsPerSecond: 1000 },
      sources: [
        { name: 'Production', slug: 'production', writeKeys: [WRITE_KEY] },
        {
          name: 'Slow',
          slug: 'slow',
          writeKeys: [SLOW_KEY],
          limits: { requestsPerSecond: 1, burst: 2 },
        },
        {
          name: 'Enterprise',
          slug: 'enterprise',
          writeKeys: [LARGE_KEY],
          limits: {
            requestsPerSecond: 10_000,
            requestBytesMax: '2MB',
            eventBytesMax: '1MB',
            batchEventsMax: 5_000,
          },
        },
        { name: 'Dev', slug: 'dev', environment: 'development', writeKeys: [DEV_KEY] },
        { name: 'Staging', slug: 'staging', environment: 'staging', writeKeys: [STAGING_KEY] },
      ],
    },
  });
});
after(() => server.stop());

const event = { userId: 'u', event: 'E' };
const withKey = (key: string) => ({ Authorization: basicAuth(key) });

function batchOf(count: number, eventBytes = 60): string {
  const filler = 'x'.repeat(Math.max(0, eventBytes - 60));
  const item = JSON.stringify({ type: 'track', userId: 'u', event: 'E', properties: { filler } });
  return `{"batch":[${Array.from({ length: count }, () => item).join(',')}]}`;
}

async function errorOf(response: Response): Promise<ErrorBody> {
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
  const body = (await response.json()) as ErrorBody;
  assert.equal(typeof body.error.message, 'string');
  // Older Python SDKs drop a refused batch only when these are there.
  assert.equal(typeof body.code, 'string');
  assert.equal(body.message, body.error.message);
  return body;
}

describe('Rate Limits: Standard Limits', () => {
  test('Requests per second: 1,000 per source', async () => {
    const response = await server.post('/v1/track', event);
    assert.equal(response.headers.get('x-ratelimit-limit'), '1000');
  });

  test('Events per request: 100 is recommended, 2,500 are taken, more are refused', async () => {
    assert.equal((await server.post('/v1/batch', batchOf(100))).status, 200);
    assert.equal((await server.post('/v1/batch', batchOf(2_500))).status, 200);
    const response = await server.post('/v1/batch', batchOf(2_501));
    assert.equal(response.status, 400);
    const { error, code } = await errorOf(response);
    assert.equal(code, 'batch_too_large');
    assert.equal(error.field, 'batch');
    assert.match(error.message, /2500.*2501/);
  });

  test('Maximum payload size: 500KB per request', async () => {
    const filler = batchOf(15, 32_000);
    const toLimit = (bytes: number) =>
      filler.slice(0, -1) + ' '.repeat(bytes - filler.length) + '}';
    assert.equal((await server.post('/v1/batch', toLimit(512_000))).status, 200);
    const response = await server.post('/v1/batch', toLimit(512_001));
    assert.equal(response.status, 400);
    const { error, code } = await errorOf(response);
    assert.equal(error.type, 'validation_error');
    assert.equal(code, 'request_too_large');
    assert.match(error.message, /512000/);
  });

  test('Maximum event size: 32KB per individual event', async () => {
    const sized = (bytes: number) => {
      const empty = JSON.stringify({ ...event, properties: { filler: '' } });
      return JSON.stringify({
        ...event,
        properties: { filler: 'x'.repeat(bytes - empty.length) },
      });
    };
    assert.equal((await server.post('/v1/track', sized(32_768))).status, 200);
    const response = await server.post('/v1/track', sized(32_769));
    assert.equal(response.status, 400);
    assert.equal((await errorOf(response)).code, 'event_too_large');
  });
});

describe('Rate Limits: Enterprise Limits', () => {
  test('Requests per second: Up to 10,000+ per source', async () => {
    const response = await server.post('/v1/track', event, withKey(LARGE_KEY));
    assert.equal(response.headers.get('x-ratelimit-limit'), '10000');
  });

  test('Payload size: Up to 2MB per request', async () => {
    const body = batchOf(60, 32_000);
    assert.ok(body.length > 1_900_000);
    assert.equal((await server.post('/v1/batch', body, withKey(LARGE_KEY))).status, 200);
    const inBody = body.slice(0, -1) + `,"writeKey":"${LARGE_KEY}"}`;
    const response = await fetch(`${server.url}/v1/batch`, { method: 'POST', body: inBody });
    assert.equal(response.status, 200, 'the same with the key in the body');
  });

  test('Custom batching: Larger batch sizes available', async () => {
    assert.equal((await server.post('/v1/batch', batchOf(4_000), withKey(LARGE_KEY))).status, 200);
  });
});

describe('Rate Limits: headers and 429', () => {
  test('X-RateLimit-Limit, -Remaining and -Reset are on every answer', async () => {
    for (const body of [event, { event: 'E' }]) {
      const response = await server.post('/v1/track', body);
      const remaining = Number(response.headers.get('x-ratelimit-remaining'));
      assert.ok(remaining >= 0 && remaining <= 999);
      const reset = Number(response.headers.get('x-ratelimit-reset'));
      assert.ok(Math.abs(reset - Date.now() / 1000) < 5, 'epoch seconds on word endpoints');
    }
    const delta = await server.post('/v1/t', event);
    assert.ok(Number(delta.headers.get('x-ratelimit-reset')) <= 1, 'delta seconds on letters');
  });

  test('When rate limited, the API returns 429 with the documented body, and Retry-After', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => server.post('/v1/track', event, withKey(SLOW_KEY))),
    );
    const limited = answers.filter(({ status }) => status === 429);
    assert.equal(answers.filter(({ status }) => status === 200).length, 2);
    assert.equal(limited.length, 4);
    for (const response of limited) {
      const { error } = await errorOf(response);
      assert.equal(error.type, 'rate_limit_exceeded');
      assert.equal(error.message, 'Rate limit exceeded');
      assert.equal(error.retryAfter, 1);
      assert.equal(response.headers.get('retry-after'), '1');
      assert.equal(response.headers.get('x-ratelimit-remaining'), '0');
    }
  });

  test('one source at its limit leaves the others alone', async () => {
    assert.equal((await server.post('/v1/track', event)).status, 200);
  });
});

describe('Response Codes', () => {
  test('200 | OK | {"success": true}', async () => {
    const response = await server.post('/v1/track', event);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
    assert.deepEqual(await response.json(), { success: true });
  });

  test('400 | Bad Request | Missing required field: userId or anonymousId', async () => {
    const response = await server.post('/v1/track', { event: 'E' });
    assert.equal(response.status, 400);
    const { error } = await errorOf(response);
    assert.equal(error.type, 'validation_error');
    assert.equal(error.message, 'Missing required field: userId or anonymousId');
  });

  test('400 | Missing required field: event', async () => {
    const response = await server.post('/v1/track', { userId: 'u' });
    assert.equal(response.status, 400);
    assert.deepEqual((await errorOf(response)).error, {
      type: 'validation_error',
      message: 'Missing required field: event',
      field: 'event',
    });
  });

  test('400 | Invalid request format', async () => {
    for (const body of ['', '{', '[]', '"x"', 'null', '{"userId":"u","event":"E"}}']) {
      const response = await server.post('/v1/track', body);
      assert.equal(response.status, 400, body);
      assert.equal((await errorOf(response)).error.type, 'validation_error');
    }
  });

  test('401 | Invalid or missing authentication: one answer for every cause', async () => {
    const bodies = new Set<string>();
    for (const headers of [
      { Authorization: '' },
      { Authorization: basicAuth('unknownKey12345') },
      { Authorization: 'Basic !!!' },
      { Authorization: 'Digest x' },
    ]) {
      const response = await server.post('/v1/track', event, headers);
      assert.equal(response.status, 401);
      bodies.add(await response.text());
    }
    assert.equal(bodies.size, 1);
    const [body] = bodies;
    assert.deepEqual((JSON.parse(body ?? '') as ErrorBody).error, {
      type: 'authentication_error',
      message: 'Invalid write key',
    });
  });

  test('404 and 405 are JSON too, and say what is allowed', async () => {
    const missing = await server.post('/v1/unknown', event);
    assert.equal(missing.status, 404);
    assert.equal((await errorOf(missing)).error.type, 'not_found');
    const wrong = await fetch(`${server.url}/v1/track`);
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.get('allow'), 'POST, OPTIONS');
  });
});

describe('Best Practices', () => {
  for (const [name, compress] of Object.entries({
    gzip: gzipSync,
    deflate: deflateSync,
    br: brotliCompressSync,
    zstd: zstdCompressSync,
  })) {
    test(`Enable Compression: Content-Encoding: ${name}`, async () => {
      const messageId = `compressed-${name}`;
      const body = compress(Buffer.from(JSON.stringify({ ...event, messageId })));
      const response = await fetch(`${server.url}/v1/track`, {
        method: 'POST',
        headers: {
          ...withKey(WRITE_KEY),
          'Content-Type': 'application/json',
          'Content-Encoding': name,
        },
        body: new Uint8Array(body),
      });
      assert.equal(response.status, 200);
      const rows = await server.sqlUntil(
        `select event from events where message_id = '${messageId}'`,
        (found) => found.length > 0,
      );
      assert.deepEqual(rows, [{ event: 'E' }]);
    });
  }

  test('an encoding that is not known is refused, naming those that are', async () => {
    const response = await server.post('/v1/track', event, { 'Content-Encoding': 'lzma' });
    assert.equal(response.status, 400);
    assert.match((await errorOf(response)).message, /gzip, deflate, br or zstd/);
  });

  test('Retry Logic: a repeated messageId is answered 200 and stored once', async () => {
    const body = { ...event, messageId: 'retried' };
    for (let attempt = 0; attempt < 3; attempt++) {
      const response = await server.post('/v1/track', body, { 'X-Retry-Count': String(attempt) });
      assert.equal(response.status, 200);
    }
    await server.post('/v1/track', { ...event, messageId: 'after-retried' });
    await server.sqlUntil(
      `select 1 from events where message_id = 'after-retried'`,
      (rows) => rows.length > 0,
    );
    const rows = await server.sql(`select 1 from events where message_id = 'retried'`);
    assert.equal(rows.length, 1);
  });

  test('Environment Separation: Use different keys for dev/staging/prod', async () => {
    for (const [key, environment] of [
      [DEV_KEY, 'development'],
      [STAGING_KEY, 'staging'],
      [WRITE_KEY, 'production'],
    ] as const) {
      const messageId = `of-${environment}`;
      await server.post('/v1/track', { ...event, messageId }, withKey(key));
      const rows = await server.sqlUntil(
        `select environment from events where message_id = '${messageId}'`,
        (found) => found.length > 0,
      );
      assert.deepEqual(rows, [{ environment }]);
    }
  });

  test('Monitor Usage: requests, events and refusals are counted by source', async () => {
    await server.post('/v1/track', { event: 'no user' });
    const endMs = performance.now() + 10_000;
    for (;;) {
      const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
      const isThere =
        /millrace_events_received_total\{source="production"\} \d+/.test(text) &&
        /millrace_events_rejected_total\{source="production",code="no_user_anon_id"\} \d+/.test(
          text,
        ) &&
        /millrace_rate_limited_total\{source="slow"\} 4/.test(text) &&
        /millrace_unauthorized_total\{cause="unknown"\} \d+/.test(text);
      if (isThere) break;
      assert.ok(performance.now() < endMs, text);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });

  test('Use HTTPS, Debugging, Validate Data: a batch says which events were refused, and why', async () => {
    const response = await server.post('/v1/batch', {
      batch: [
        { type: 'track', userId: 'u', event: 'good', messageId: 'good-of-mixed' },
        { type: 'track', userId: 'u' },
        { type: 'identify', userId: true },
        { type: 'nonsense', userId: 'u' },
      ],
    });
    assert.equal(response.status, 200);
    const body = (await response.json()) as {
      success: boolean;
      accepted: number;
      rejected: number;
      errors: { index: number; code: string; field: string }[];
    };
    assert.equal(body.success, true);
    assert.equal(body.accepted, 1);
    assert.equal(body.rejected, 3);
    assert.deepEqual(
      body.errors.map(({ index, code, field }) => [index, code, field]),
      [
        [1, 'event_not_defined', 'event'],
        [2, 'id_not_string', 'userId'],
        [3, 'bad_request', 'type'],
      ],
    );
    await server.sqlUntil(
      `select 1 from events where message_id = 'good-of-mixed'`,
      (rows) => rows.length === 1,
    );
    const rejected = await server.sqlUntil(
      `select code, field, body from rejected where route = 'batch' and "index" = 2`,
      (rows) => rows.length === 1,
    );
    assert.deepEqual(rejected, [
      { code: 'id_not_string', field: 'userId', body: '{"type":"identify","userId":true}' },
    ]);
  });

  test('a batch in which every event is bad is refused as a whole', async () => {
    const response = await server.post('/v1/batch', {
      batch: [{ type: 'track' }, { type: 'track' }],
    });
    assert.equal(response.status, 400);
    assert.equal((await errorOf(response)).code, 'empty_batch_result');
  });
});
