/** Bodies that want to break something: nothing is lost because of them, and nobody is held up. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { basicAuth, startTestServer, WRITE_KEY } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { rawExchange } from '../support/raw-http.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer({ config: { collector: { headersTimeoutMs: 1_500 } } });
});
after(() => server.stop());

function post(body: Buffer | string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${server.url}/v1/track`, {
    method: 'POST',
    headers: {
      Authorization: basicAuth(WRITE_KEY),
      'Content-Type': 'application/json',
      ...headers,
    },
    body: new Uint8Array(Buffer.from(body)),
  });
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { code: string }).code;
}

async function stored(messageId: string): Promise<Record<string, unknown>> {
  const rows = await server.sqlUntil(
    `select * from events where message_id = '${messageId}'`,
    (found) => found.length === 1,
  );
  return rows[0] ?? {};
}

describe('compression', () => {
  test('a gzip bomb is cut at the limit, not after it', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024));
    assert.ok(bomb.length < 200_000);
    const rss = () => residentBytes(server);
    const beforeBytes = await rss();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => post(bomb, { 'Content-Encoding': 'gzip' })),
    );
    for (const response of answers) {
      assert.equal(response.status, 400);
      assert.equal(await codeOf(response), 'request_too_large');
    }
    assert.ok((await rss()) - beforeBytes < 200 * 1024 * 1024, 'memory stays near the limit');
  });

  test('bytes that are not what Content-Encoding says, or end early, are refused', async () => {
    const whole = gzipSync('{"userId":"u","event":"E"}');
    for (const [body, encoding] of [
      [Buffer.from('{"userId":"u","event":"E"}'), 'gzip'],
      [whole.subarray(0, whole.length - 9), 'gzip'],
      [deflateSync('{}'), 'br'],
      [whole, 'zstd'],
    ] as const) {
      const response = await post(body, { 'Content-Encoding': encoding });
      assert.equal(response.status, 400, encoding);
      assert.equal(await codeOf(response), 'BAD_REQUEST');
    }
  });

  test('gzip of several members is one body', async () => {
    const body = Buffer.concat([
      gzipSync('{"userId":"u","event":"E",'),
      gzipSync('"messageId":"two-members"}'),
    ]);
    assert.equal((await post(body, { 'Content-Encoding': 'gzip' })).status, 200);
    assert.equal((await stored('two-members'))['event'], 'E');
  });
});

describe('JSON', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

  test('depth: what is too deep is refused by name, 10,000 levels as well as 65', async () => {
    for (const depth of [65, 10_000]) {
      const response = await post(`{"userId":"u","event":"E","properties":{"x":${nested(depth)}}}`);
      assert.equal(response.status, 400);
      assert.equal(await codeOf(response), 'too_deep');
    }
    const fits = `{"userId":"u","event":"E","messageId":"deep-62","properties":{"x":${nested(62)}}}`;
    assert.equal((await post(fits)).status, 200);
    await stored('deep-62');
  });

  test('very many keys are refused by name', async () => {
    const keys = (count: number) =>
      `{${Array.from({ length: count }, (_, at) => `"${at.toString(36)}":1`).join(',')}}`;
    const event = (count: number) => `{"userId":"u","event":"E","properties":${keys(count)}}`;
    const small = await startTestServer({
      config: { limits: { eventBytesMax: '500KB', keysMax: 12_000 } },
    });
    try {
      const tooMany = await small.post('/v1/track', event(10_001));
      assert.equal(await codeOf(tooMany), 'too_many_properties');
      const tooManyKeys = await small.post('/v1/track', event(20_000));
      assert.equal(await codeOf(tooManyKeys), 'too_many_keys');
      assert.equal((await small.post('/v1/track', event(10_000))).status, 200);
    } finally {
      await small.stop();
    }
  });

  test('__proto__, constructor and prototype are ordinary keys', async () => {
    const properties =
      '{"__proto__":{"admin":true},"constructor":{"prototype":{"x":1}},"toString":"t"}';
    const body = `{"userId":"u","event":"E","messageId":"proto","properties":${properties}}`;
    assert.equal((await post(body)).status, 200);
    assert.equal((await stored('proto'))['properties'], properties);
  });

  test('of a repeated key the last one counts, for the check as for the row', async () => {
    const body = '{"userId":5,"userId":"last","event":"E","messageId":"repeated"}';
    assert.equal((await post(body)).status, 200);
    assert.equal((await stored('repeated'))['user_id'], 'last');
    const other = await post('{"userId":"first","userId":true,"event":"E"}');
    assert.equal(await codeOf(other), 'id_not_string');
    const number = '{"userId":"first","userId":9007199254740993,"event":"E","messageId":"digits"}';
    assert.equal((await post(number)).status, 200);
    assert.equal((await stored('digits'))['user_id'], '9007199254740993');
  });

  test('numbers beyond what JSON readers keep are stored to the last digit, as they were sent', async () => {
    const properties =
      '{"big":1e400,"odd":9007199254740993,"zero":-0,"long":0.1000000000000000055511,"one":1.0}';
    const body = `{"userId":"u","event":"E","messageId":"numbers","properties":${properties}}`;
    assert.equal((await post(body)).status, 200);
    assert.equal((await stored('numbers'))['properties'], properties);
  });

  test('a byte order mark is skipped', async () => {
    const body = `\ufeff{"userId":"u","event":"E","messageId":"bom"}`;
    assert.equal((await post(body)).status, 200);
    await stored('bom');
  });

  test('text that databases dislike arrives whole: NUL, U+2028, lone surrogates, invalid UTF-8', async () => {
    const cases: [id: string, body: Buffer][] = [
      ['nul', Buffer.from('{"userId":"u","event":"a\\u0000b","messageId":"nul"}')],
      ['sep', Buffer.from('{"userId":"u","event":"a\u2028b","messageId":"sep"}')],
      ['lone', Buffer.from('{"userId":"u","event":"a\\ud800b","messageId":"lone"}')],
      [
        'bytes',
        Buffer.concat([
          Buffer.from('{"userId":"u","event":"a'),
          Buffer.from([0xff, 0xfe]),
          Buffer.from('b","messageId":"bytes"}'),
        ]),
      ],
      ['key', Buffer.from('{"userId":"u","event":"E","messageId":"key","properties":{"":{"":1}}}')],
    ];
    for (const [id, body] of cases) {
      assert.equal((await post(body)).status, 200, id);
      const event = String((await stored(id))['event']);
      if (id === 'nul') assert.equal(event, 'a\u0000b');
      if (id === 'sep') assert.equal(event, 'a\u2028b');
      if (id === 'lone') assert.equal(event, 'a\ufffdb');
      if (id === 'bytes') assert.equal(event, 'a\ufffd\ufffdb');
    }
  });
});

describe('connections', () => {
  test('an announced length above the limit is refused, and the connection closed', async () => {
    const text = await rawExchange(server, [
      `POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: ${basicAuth(WRITE_KEY)}\r\n` +
        `Content-Type: application/json\r\nContent-Length: 900000\r\n\r\n`,
      'x'.repeat(900_000),
    ]);
    assert.match(text, /^HTTP\/1\.1 400/);
    assert.match(text, /request_too_large/);
    assert.match(text, /Connection: close/i);
  });

  test('chunked without end is cut at the limit', async () => {
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const text = await rawExchange(server, [
      `POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: ${basicAuth(WRITE_KEY)}\r\n` +
        `Transfer-Encoding: chunked\r\n\r\n`,
      ...Array.from({ length: 12 }, () => chunk),
    ]);
    assert.match(text, /^HTTP\/1\.1 400/);
  });

  test('both Content-Length and Transfer-Encoding are refused', async () => {
    const text = await rawExchange(server, [
      'POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ]);
    assert.match(text, /^HTTP\/1\.1 400/);
  });

  test('headers that never end are cut by the timeout', async () => {
    const text = await rawExchange(
      server,
      ['POST /v1/track HTTP/1.1\r\nHost: x\r\nX-Slow: '],
      8_000,
    );
    assert.match(text, /^HTTP\/1\.1 408/);
  });

  test('a client that hangs up in the middle of its body leaves nothing behind', async () => {
    await rawExchange(
      server,
      [
        `POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: ${basicAuth(WRITE_KEY)}\r\n` +
          `Content-Length: 100\r\n\r\n{"userId":"u","messageId":"half"`,
      ],
      200,
    );
    await server.post('/v1/track', { userId: 'u', event: 'E', messageId: 'after-half' });
    await stored('after-half');
    assert.deepEqual(await server.sql(`select 1 from events where message_id = 'half'`), []);
  });

  test('a forged X-Forwarded-For is not believed without a trusted proxy', async () => {
    const body = { anonymousId: 'a', event: 'E', messageId: 'forged' };
    await server.post('/v1/t', body, { 'X-Forwarded-For': '6.6.6.6' });
    const context = JSON.parse(String((await stored('forged'))['context'])) as { ip: string };
    assert.equal(context.ip, '127.0.0.1');
  });

  test('paths that only look like routes are not routes', async () => {
    for (const path of [
      '/v1%2Ftrack',
      '/v1/%74rack',
      '/V1/track',
      '/v1/track/x',
      '/v1/./track',
      '/v1/track//x',
    ]) {
      const text = await rawExchange(
        server,
        [`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`],
        2_000,
      );
      assert.match(text, /^HTTP\/1\.1 404/, path);
    }
  });
});

async function residentBytes({ adminUrl }: TestServer): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  return Number(/^millrace_resident_bytes (\d+)/m.exec(text)?.[1]);
}
