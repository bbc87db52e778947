/**
 * Requests that clients really send and that were refused or lost: each is taken, or at least
 * counted and kept with its reason.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { rawExchange } from '../support/raw-http.ts';
import { basicAuth, startTestServer, WRITE_KEY } from '../support/test-server.ts';
import { until } from '../support/until.ts';
import type { TestServer } from '../support/test-server.ts';

const SHORT_KEY = 'abc123';
let server: TestServer;
let count = 0;

before(async () => {
  server = await startTestServer({
    config: {
      sources: [
        { name: 'Test', slug: 'test', writeKeys: [WRITE_KEY] },
        { name: 'Seed', slug: 'seed', writeKeys: [SHORT_KEY] },
      ],
      collector: { trustedProxies: ['127.0.0.1', '::1', '10.0.0.0/8'] },
    },
  });
});
after(() => server.stop());

/** An event with a messageId of its own. */
function newEvent(more: object = {}): { messageId: string; body: string } {
  const messageId = `m-${++count}`;
  return { messageId, body: JSON.stringify({ userId: 'u', event: 'E', messageId, ...more }) };
}

async function stored(messageId: string): Promise<Record<string, unknown>> {
  const query = `select source, context->>'$.ip' as ip, event from events where message_id = '${messageId}'`;
  const [row] = await server.sqlUntil(query, (rows) => rows.length === 1);
  assert.ok(row);
  return row;
}

describe('a content type that nobody knows', () => {
  for (const type of [
    'application/vnd.api+json',
    'application/octet-stream',
    'json',
    'text/json',
  ]) {
    test(`with JSON in it is taken: ${type}`, async () => {
      const { messageId, body } = newEvent();
      const headers = { 'Content-Type': type };
      const { status } = await server.post('/v1/track', body, headers);
      assert.equal(status, 200);
      await stored(messageId);
    });
  }

  test('with something else in it is counted, and kept with a sample', async () => {
    const headers = { 'Content-Type': 'application/x-protobuf' };
    const answer = await server.post('/v1/track', '\u0001proto-sample', headers);
    assert.equal(answer.status, 400);
    await server.sqlUntil(
      `select code from rejected where body like '%proto-sample%'`,
      (rows) => rows.length === 1,
    );
  });
});

describe('a key in the query', () => {
  for (const path of ['/v1/track', '/v1/t', '/v1/batch', '/v1/b', '/batch']) {
    test(`is the key of the request: ${path}`, async () => {
      const { messageId, body } = newEvent({ type: 'track' });
      const sent = /\/b/.test(path) ? `{"batch":[${body}]}` : body;
      const response = await fetch(`${server.url}${path}?writeKey=${SHORT_KEY}`, {
        method: 'POST',
        body: sent,
      });
      assert.equal(response.status, 200, await response.text());
      assert.equal((await stored(messageId))['source'], 'seed');
    });
  }

  test('must agree with the header and with the body', async () => {
    const { body } = newEvent();
    const header = await server.post(`/v1/track?writeKey=${SHORT_KEY}`, body);
    assert.equal(header.status, 401);
    const own = newEvent({ writeKey: WRITE_KEY });
    const inBody = await fetch(`${server.url}/v1/track?writeKey=${SHORT_KEY}`, {
      method: 'POST',
      body: own.body,
    });
    assert.equal(inBody.status, 401);
  });
});

test('a declared key of fewer than 8 characters works, and is warned of', async () => {
  const { messageId, body } = newEvent();
  const headers = { Authorization: basicAuth(SHORT_KEY) };
  const response = await fetch(`${server.url}/v1/track`, { method: 'POST', headers, body });
  assert.equal(response.status, 200);
  assert.equal((await stored(messageId))['source'], 'seed');
  assert.match(server.output(), /sources\[1\]\.writeKeys\[0\].*fewer than 8 characters/);
  assert.doesNotMatch(server.output(), new RegExp(SHORT_KEY));
});

test('paths with doubled slashes work, as of hosts that end in one', async () => {
  for (const path of ['//v1/track', '/v1//track', '//v1//track//']) {
    const { messageId, body } = newEvent();
    const { status } = await server.post(path, body);
    assert.equal(status, 200, path);
    await stored(messageId);
  }
  const settings = await fetch(`${server.url}//v1/projects/${WRITE_KEY}/settings`);
  assert.equal(settings.status, 200);
});

describe('a pixel', () => {
  const bytes = (text: string): string => Buffer.from(text).toString('base64');

  test('whose base64 has a plus that nobody escaped is stored', async () => {
    const { messageId, body } = newEvent({ writeKey: WRITE_KEY, properties: { a: '~~>>>??>' } });
    const data = bytes(body);
    assert.match(data, /\+/, 'the sample has one');
    assert.equal((await fetch(`${server.url}/v1/pixel/track?data=${data}`)).status, 200);
    await stored(messageId);
  });

  test('that was cut off on its way is counted, and kept as rejected', async () => {
    const { body } = newEvent({
      writeKey: WRITE_KEY,
      properties: { long: 'cut-sample'.repeat(9) },
    });
    const data = bytes(body).slice(0, -24);
    const { status } = await fetch(`${server.url}/v1/pixel/track?data=${encodeURIComponent(data)}`);
    assert.equal(status, 200);
    await server.sqlUntil(
      `select code from rejected where body like '%cut-sample%'`,
      (rows) => rows.length === 1,
    );
  });

  for (const data of ['@@no-base64@@', '{"no-base64":']) {
    test(`whose data is no base64 is kept as it came: ${data}`, async () => {
      const query = new URLSearchParams({ writeKey: WRITE_KEY, data }).toString();
      assert.equal((await fetch(`${server.url}/v1/pixel/track?${query}`)).status, 200);
      const kept = `select code from rejected where body = '${data}'`;
      await server.sqlUntil(kept, (rows) => rows.length === 1);
    });
  }

  test('whose base64 is in lines is stored', async () => {
    const { messageId, body } = newEvent({ writeKey: WRITE_KEY });
    const data = bytes(body).replaceAll(/.{20}/g, '$&\r\n');
    await fetch(`${server.url}/v1/pixel/track?data=${encodeURIComponent(data)}`);
    await stored(messageId);
  });

  test('whose key is beside its data is known by it', async () => {
    const data = bytes('not json: beside-sample');
    await fetch(`${server.url}/v1/pixel/track?writeKey=${WRITE_KEY}&data=${data}`);
    await server.sqlUntil(
      `select code from rejected where body like '%beside-sample%'`,
      (rows) => rows.length === 1,
    );
  });
});

describe('the address of a client behind a proxy', () => {
  const cases: [name: string, headers: Record<string, string>, ip: string][] = [
    ['with a port', { 'X-Forwarded-For': '203.0.113.7:51234' }, '203.0.113.7'],
    ['of IPv6 with a port', { 'X-Forwarded-For': '[2001:db8::1]:443' }, '2001:db8::1'],
    ['of IPv6 in brackets', { 'X-Forwarded-For': '[2001:db8::2]' }, '2001:db8::2'],
    ['in quotes', { 'X-Forwarded-For': '"203.0.113.8"' }, '203.0.113.8'],
    ['before an empty member', { 'X-Forwarded-For': '203.0.113.11, ,' }, '203.0.113.11'],
    ['behind two proxies', { 'X-Forwarded-For': '203.0.113.9:1, 10.1.2.3:80' }, '203.0.113.9'],
    [
      'as RFC 7239 says it',
      { Forwarded: 'for=203.0.113.10;proto=https;by=10.0.0.1' },
      '203.0.113.10',
    ],
    [
      'as RFC 7239 says it of IPv6, twice',
      { Forwarded: 'for="[2001:db8:cafe::17]:4711", for=10.1.2.3' },
      '2001:db8:cafe::17',
    ],
    ['that is hidden', { Forwarded: 'for=_hidden' }, '127.0.0.1'],
  ];
  for (const [name, headers, ip] of cases) {
    test(name, async () => {
      const { messageId, body } = newEvent();
      assert.equal((await server.post('/v1/t', body, headers)).status, 200);
      assert.equal((await stored(messageId))['ip'], ip);
    });
  }
});

describe('requests by hand', () => {
  const lines = (target: string, headers: readonly string[], body: string): string =>
    [`POST ${target} HTTP/1.1`, ...headers, `Content-Length: ${body.length}`, '', body].join(
      '\r\n',
    );
  const authorization = `Authorization: ${basicAuth(WRITE_KEY)}`;

  test('with two Host headers are refused, and say why', async () => {
    const { body } = newEvent();
    const text = lines(
      '/v1/track',
      ['Host: a', 'Host: b', authorization, 'Connection: close'],
      body,
    );
    const answer = await rawExchange(server, [text]);
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.match(answer, /Host/);
  });

  test('with the whole address as their target are taken', async () => {
    const { messageId, body } = newEvent();
    const text = lines(
      'http://collector.example/v1/track',
      ['Host: collector.example', authorization, 'Connection: close'],
      body,
    );
    assert.match(await rawExchange(server, [text]), /^HTTP\/1\.1 200 /);
    await stored(messageId);
  });

  test('whose headers are too large get a 431 that browsers may read, and are counted', async () => {
    const head = 'POST /v1/track HTTP/1.1\r\nHost: a\r\nOrigin: https://shop.example\r\n';
    const answer = await rawExchange(server, [`${head}X: ${'x'.repeat(20_000)}\r\n\r\n`]);
    assert.match(answer, /^HTTP\/1\.1 431 /);
    assert.match(answer, /Access-Control-Allow-Origin: https:\/\/shop\.example/i);
    assert.match(answer, /"code":"headers_too_large"/);
    await until('it is counted', async () => {
      const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
      return /millrace_requests_total\{status="431"\} [1-9]/.test(metrics);
    });
  });
});
