/** TLS with reload, proxies, several threads, pixels, and what SDKs fetch before they send. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { basicAuth, ROOT, startTestServer, WRITE_KEY } from '../support/test-server.ts';
import type { Row, TestServer } from '../support/test-server.ts';
import { readFile } from 'node:fs/promises';

const FIXTURES = join(ROOT, 'test/fixtures/tls');

async function storedRow(server: TestServer, messageId: string): Promise<Row> {
  const [row = {}] = await server.sqlUntil(
    `select * from events where message_id = '${messageId}'`,
    (rows) => rows.length === 1,
  );
  return row;
}

describe('TLS', () => {
  test('events over HTTPS, and a renewed certificate in use without a restart', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-tls-'));
    const cert = join(folder, 'cert.pem');
    const key = join(folder, 'key.pem');
    const install = async (name: string) => {
      await writeFile(key, await readFile(join(FIXTURES, `${name}-key.pem`)));
      await writeFile(cert, await readFile(join(FIXTURES, `${name}-cert.pem`)));
    };
    await install('first');
    const server = await startTestServer({ folder, config: { tls: { cert, key } } });
    try {
      assert.match(server.url, /^https:/);
      const port = Number(new URL(server.url).port);
      const answer = await new Promise<string>((resolve, reject) => {
        const outgoing = request(
          `${server.url}/v1/track`,
          {
            method: 'POST',
            rejectUnauthorized: false,
            headers: { Authorization: basicAuth(WRITE_KEY) },
          },
          (response) => {
            response.on('data', (chunk: Buffer) => resolve(chunk.toString()));
          },
        );
        outgoing.on('error', reject);
        outgoing.end('{"userId":"u","event":"Secure","messageId":"secure"}');
      });
      assert.equal(answer, '{"success":true}');
      assert.equal((await storedRow(server, 'secure'))['event'], 'Secure');
      assert.equal(await commonName(port), 'first.millrace.test');
      // Half a renewal, as when two files are copied: the old one stays in use.
      await writeFile(cert, await readFile(join(FIXTURES, 'second-cert.pem')));
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      assert.equal(await commonName(port), 'first.millrace.test');
      await install('second');
      const endMs = performance.now() + 10_000;
      while ((await commonName(port)) !== 'second.millrace.test') {
        assert.ok(performance.now() < endMs, 'the renewed certificate is not in use');
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    } finally {
      await server.stop();
    }
  });
});

describe('behind a proxy, with several threads', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer({
      config: {
        collector: { threads: 3, trustedProxies: ['127.0.0.1', '10.0.0.0/8'] },
        sources: [
          { name: 'Keep', slug: 'keep', writeKeys: [WRITE_KEY] },
          { name: 'Truncate', slug: 'truncate', ip: 'truncate', writeKeys: ['truncateKey12345'] },
          { name: 'Drop', slug: 'drop', ip: 'drop', writeKeys: ['dropAddressKey12345'] },
          {
            name: 'Exact',
            slug: 'exact',
            writeKeys: ['exactKey1234567890'],
            limits: { requestsPerSecond: 1, burst: 50 },
          },
          {
            name: 'Lenient',
            slug: 'lenient',
            responses: 'lenient',
            writeKeys: ['lenientKey12345678'],
          },
        ],
      },
    });
  });
  after(() => server.stop());

  const address = async (
    path: string,
    key: string,
    headers: Record<string, string>,
    event: Row = {},
  ): Promise<unknown> => {
    const messageId = `ip-${Math.random()}`;
    const body = { userId: 'u', event: 'E', messageId, ...event };
    await server.post(path, body, { Authorization: basicAuth(key), ...headers });
    const row = await storedRow(server, messageId);
    return (JSON.parse(String(row['context'])) as Row)['ip'];
  };

  test('the client is the first hop from the right that is no trusted proxy', async () => {
    const chain = { 'X-Forwarded-For': '1.1.1.1, 203.0.113.7, 10.1.2.3' };
    assert.equal(await address('/v1/t', WRITE_KEY, chain), '203.0.113.7');
    const v6 = { 'X-Forwarded-For': '2001:db8:1:2::3' };
    assert.equal(await address('/v1/t', WRITE_KEY, v6), '2001:db8:1:2::3');
    assert.equal(await address('/v1/t', WRITE_KEY, { 'X-Forwarded-For': 'junk' }), '127.0.0.1');
  });

  test('servers: no address, unless they speak for the client; one that is given stays', async () => {
    const chain = { 'X-Forwarded-For': '203.0.113.7' };
    assert.equal(await address('/v1/track', WRITE_KEY, chain), undefined);
    const direct = { context: { direct: true } };
    assert.equal(await address('/v1/track', WRITE_KEY, chain, direct), '203.0.113.7');
    const own = { context: { ip: '0.0.0.0' } };
    assert.equal(await address('/v1/t', WRITE_KEY, chain, own), '0.0.0.0');
  });

  test('ip: truncate keeps the network, drop keeps nothing', async () => {
    const v4 = { 'X-Forwarded-For': '203.0.113.7' };
    const v6 = { 'X-Forwarded-For': '2001:db8:1:2::3' };
    assert.equal(await address('/v1/t', 'truncateKey12345', v4), '203.0.113.0');
    assert.equal(await address('/v1/t', 'truncateKey12345', v6), '2001:db8:1::');
    assert.equal(await address('/v1/t', 'dropAddressKey12345', v4), undefined);
  });

  test('the rate limit is exact over all threads', async () => {
    const headers = { Authorization: basicAuth('exactKey1234567890'), Connection: 'close' };
    const started = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 120 }, () =>
        server.post('/v1/track', { userId: 'u', event: 'E' }, headers),
      ),
    );
    const granted = answers.filter(({ status }) => status === 200).length;
    const refilled = Math.ceil((performance.now() - started) / 1000);
    assert.ok(granted >= 50 && granted <= 50 + refilled, `${granted} granted`);
    assert.equal(answers.filter(({ status }) => status === 429).length, 120 - granted);
  });

  test('responses: lenient answers 200 to invalid events, which are kept as rejected', async () => {
    const headers = { Authorization: basicAuth('lenientKey12345678') };
    const response = await server.post('/v1/track', { event: 'nobody' }, headers);
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { success: true });
    await server.sqlUntil(
      `select 1 from rejected where source = 'lenient' and code = 'no_user_anon_id'`,
      (rows) => rows.length === 1,
    );
  });

  test('all threads have written, and their events are in one table', async () => {
    const send = () =>
      server.post('/v1/track', { userId: 'u', event: 'Spread' }, { Connection: 'close' });
    for (let round = 0; round < 30; round++) await Promise.all(Array.from({ length: 10 }, send));
    const rows = await server.sqlUntil(
      `select count(*)::int as n, count(distinct partition)::int as p
       from events where event = 'Spread'`,
      ([row]) => row?.['n'] === 300,
    );
    assert.equal(rows[0]?.['p'], 3);
  });
});

describe('pixel, settings, browser SDK', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.stop());

  const pixel = async (path: string): Promise<void> => {
    const response = await fetch(server.url + path, { headers: { 'User-Agent': 'Mail/1.0' } });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'image/gif');
    assert.equal(
      Buffer.from(await response.arrayBuffer())
        .subarray(0, 6)
        .toString(),
      'GIF89a',
    );
  };

  test('pixel with base64 data, with and without padding, URL-safe or not', async () => {
    const event = { userId: 'ü?>', event: 'Opened', writeKey: WRITE_KEY, messageId: 'pixel-1' };
    const text = Buffer.from(JSON.stringify(event)).toString('base64');
    await pixel(`/v1/pixel/track?data=${encodeURIComponent(text)}`);
    const row = await storedRow(server, 'pixel-1');
    assert.equal(row['user_id'], 'ü?>');
    assert.equal((JSON.parse(String(row['context'])) as Row)['userAgent'], 'Mail/1.0');
    const safe = Buffer.from(JSON.stringify({ ...event, messageId: 'pixel-2' }));
    await pixel(`/v1/pixel/track?data=${safe.toString('base64url')}`);
    await storedRow(server, 'pixel-2');
  });

  test('pixel with dotted parameters', async () => {
    await pixel(
      `/v1/pixel/page?writeKey=${WRITE_KEY}&anonymousId=a&name=Mail&messageId=pixel-3` +
        `&properties.subject=Hi%20there&context.page.url=https%3A%2F%2Fshop.example%2F`,
    );
    const row = await storedRow(server, 'pixel-3');
    assert.equal(row['type'], 'page');
    assert.equal(row['properties'], '{"subject":"Hi there"}');
    assert.deepEqual((JSON.parse(String(row['context'])) as Row)['page'], {
      url: 'https://shop.example/',
    });
  });

  test('a pixel that cannot be read is an image all the same', async () => {
    for (const path of ['/v1/pixel/track', '/v1/pixel/track?data=!!!', '/v1/pixel/identify?x=1']) {
      await pixel(path);
    }
  });

  test('settings name this server, so that mobile SDKs send here', async () => {
    const response = await fetch(`${server.url}/v1/projects/${WRITE_KEY}/settings`);
    assert.equal(response.status, 200);
    const settings = (await response.json()) as {
      integrations: { 'Segment.io': { apiKey: string; apiHost: string } };
    };
    assert.equal(settings.integrations['Segment.io'].apiKey, WRITE_KEY);
    assert.equal(settings.integrations['Segment.io'].apiHost, `${new URL(server.url).host}/v1`);
    assert.equal((await fetch(`${server.url}/v1/projects/unknown1/settings`)).status, 404);
  });

  test('analytics.js carries the key, and its bundles are served from here', async () => {
    const loader = await fetch(`${server.url}/analytics.js/v1/${WRITE_KEY}/analytics.min.js`);
    assert.equal(loader.status, 200);
    const text = await loader.text();
    assert.ok(text.includes(WRITE_KEY));
    assert.ok(!text.includes('__WRITE_KEY__'));
    const again = await fetch(`${server.url}/analytics.js/v1/${WRITE_KEY}/analytics.min.js`, {
      headers: { 'If-None-Match': loader.headers.get('etag') ?? '' },
    });
    assert.equal(again.status, 304);
    const missing = await fetch(`${server.url}/analytics-next/bundles/..%2f..%2fpackage.json`);
    assert.equal(missing.status, 404);
  });
});

function commonName(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      resolve(String(subject.CN));
    });
    socket.on('error', reject);
  });
}
