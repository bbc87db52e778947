/** The way out against real sockets: who is connected to, and what a service may do to us. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { systemClock } from '../../src/base/clock.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { netSchema } from '../../src/config/net-schema.ts';
import { createNet } from '../../src/net/guarded-net.ts';
import type { Lookup } from '../../src/net/checked-lookup.ts';
import type { Net } from '../../src/net/net.ts';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { ROOT } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const PAST = { family: 4, address: '127.0.0.1' } as const;
const FORBIDDEN = { family: 4, address: '127.0.0.2' } as const;
/** Long enough that only a defect reaches it. */
const NEVER_MS = 60_000;

let service: FakeService;
const nets: Net[] = [];

beforeEach(async () => {
  service = await startFakeService();
});
afterEach(async () => {
  for (const net of nets.splice(0)) await net.close();
  await service.close();
});

/** Allows 127.0.0.1 alone, so that 127.0.0.2 can stand for a private address. */
function open(settings: Record<string, unknown> = {}, lookup?: Lookup): Net {
  const given = { allow: ['127.0.0.1'], ports: [service.port], timeoutMs: NEVER_MS, ...settings };
  const net = createNet({
    settings: netSchema.parse(given),
    clock: systemClock,
    ...(lookup ? { lookup } : {}),
  });
  nets.push(net);
  return net;
}

/** Answers each question with the next of the lists, the last one for ever. */
function dns(...answers: (readonly { address: string; family: 4 | 6 }[])[]) {
  const asked: string[] = [];
  const lookup: Lookup = async (name) => {
    asked.push(name);
    return answers[Math.min(asked.length, answers.length) - 1] ?? [];
  };
  return { asked, lookup };
}

function refusal(code: string, start: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof MillraceError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, start);
    assert.doesNotMatch(error.message, /s3cret/);
    return true;
  };
}
const isRefused = refusal('ADDRESS_REFUSED', /not allowed/);

describe('who is connected to', () => {
  test('an address is refused as a URL, as a host, and by the dispatcher under it', async () => {
    const net = open({ ports: [] });
    const forbidden = `http://127.0.0.2:8080/`;
    assert.throws(() => net.checkUrl(forbidden), isRefused);
    assert.throws(() => net.checkHost('127.0.0.2', 5432), isRefused);
    await assert.rejects(net.request({ method: 'GET', url: forbidden }), isRefused);
    const withPassword = service.url.replace('//', '//user:s3cret@');
    await assert.rejects(open().request({ method: 'GET', url: withPassword }), isRefused);
    await assert.rejects(net.connect({ host: '127.0.0.2', port: 5432 }), isRefused);
    await assert.rejects(net.resolve('2130706434', 5432), isRefused);
    const dispatcher = await net.dispatcher();
    const raw = dispatcher.request({ origin: forbidden, path: '/', method: 'GET' });
    await assert.rejects(raw, isRefused);
    const { port } = service;
    const odd = dispatcher.request({
      origin: `http://a.test:${port}`,
      path: '/',
      method: 'GET',
    });
    await assert.rejects(odd, isRefused);
    assert.equal(service.connections(), 0);
  });

  test('a name is resolved once, and is connected to where it was judged to be', async () => {
    const { asked, lookup } = dns([PAST], [FORBIDDEN]);
    const net = open({}, lookup);
    const url = `http://crm.test:${service.port}/hook`;
    assert.equal((await net.request({ method: 'GET', url })).status, 200);
    assert.deepEqual(asked, ['crm.test']);
    assert.equal(service.requests[0]?.headers.host, `crm.test:${service.port}`);
  });

  test('a name that turns to a private address gets no new connection', async () => {
    const trap = await startFakeService('127.0.0.2');
    try {
      const { lookup } = dns([PAST], [FORBIDDEN]);
      const net = open({ ports: [service.port, trap.port] }, lookup);
      const ask = (port: number) =>
        net.request({ method: 'GET', url: `http://crm.test:${port}/hook` });
      await ask(service.port);
      await assert.rejects(ask(trap.port), isRefused);
      await assert.rejects(net.connect({ host: 'crm.test', port: trap.port }), isRefused);
      await assert.rejects(net.resolve('crm.test', trap.port), isRefused);
      assert.equal(trap.connections(), 0);
    } finally {
      await trap.close();
    }
  });

  test('one private address among public ones refuses the name', async () => {
    const net = open({}, dns([PAST, FORBIDDEN]).lookup);
    const url = `http://crm.test:${service.port}/`;
    await assert.rejects(net.request({ method: 'GET', url }), isRefused);
    await assert.rejects(net.connect({ host: 'crm.test', port: service.port }), isRefused);
    assert.equal(service.connections(), 0);
  });

  test('a name that resolves to a metadata service is refused though it is allowed', async () => {
    const metadata = [{ family: 4, address: '169.254.169.254' } as const];
    const net = open({ allow: ['crm.test', '0.0.0.0/0'] }, dns(metadata).lookup);
    const url = `http://crm.test:${service.port}/`;
    await assert.rejects(net.request({ method: 'GET', url }), isRefused);
  });

  test('a redirect is an answer, and is not followed', async () => {
    const target = `${service.url}/elsewhere`;
    service.plan({ status: 302, headers: { Location: target } });
    const answer = await open().request({ method: 'POST', url: service.url, body: '{}' });
    assert.equal(answer.status, 302);
    assert.equal(answer.headers['location'], target);
    assert.equal(service.requests.length, 1);
  });

  test('raw connections go to a judged address, and carry bytes both ways', async () => {
    const echo = createServer((socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', () => resolve()));
    const { port } = echo.address() as AddressInfo;
    try {
      const { asked, lookup } = dns([PAST], [FORBIDDEN]);
      const socket = await open({}, lookup).connect({ host: 'db.test', port });
      socket.write('ping');
      const [bytes] = (await once(socket, 'data')) as [Buffer];
      assert.equal(bytes.toString(), 'ping');
      assert.equal(socket.remoteAddress, '127.0.0.1');
      assert.deepEqual(asked, ['db.test']);
      socket.destroy();
    } finally {
      echo.close();
    }
    const resolved = await open({}, dns([PAST]).lookup).resolve('db.test', port);
    assert.deepEqual(resolved, PAST);
  });

  test('TLS proves the name that was asked for, not the address', async () => {
    await withTlsServer(async (port, names) => {
      const net = open({ ports: [port] }, dns([PAST]).lookup);
      const ask = (name: string) =>
        net.request({ method: 'GET', url: `https://${name}:${port}/?s3cret` });
      assert.equal((await ask('first.millrace.test')).status, 200);
      assert.deepEqual(names, ['first.millrace.test']);
      await assert.rejects(ask('other.millrace.test'), refusal('NET_FAILED', /^tls: /));
    });
  });
});

/** @param use is given the port, and the names that clients asked for (SNI). */
async function withTlsServer(use: (port: number, names: string[]) => Promise<void>): Promise<void> {
  const file = (name: string) => readFile(`${ROOT}/test/fixtures/tls/first-${name}.pem`, 'utf8');
  const [cert, key] = await Promise.all([file('cert'), file('key')]);
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, cert]);
  const names: string[] = [];
  const server = createTlsServer({ cert, key }, (request, response) => {
    names.push((request.socket as Socket & { servername?: string }).servername ?? '');
    response.end('over TLS');
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  try {
    await use((server.address() as AddressInfo).port, names);
  } finally {
    setDefaultCACertificates(before);
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

describe('an exchange', () => {
  test('sends method, headers and body, and returns status, headers and body', async () => {
    service.answerWith(() => ({ status: 202, headers: { 'X-One': 'a' }, body: 'größe' }));
    const answer = await open().request({
      method: 'PUT',
      url: `${service.url}/a/b?c=d`,
      headers: { 'X-Two': 'b' },
      body: Buffer.from('bytes'),
    });
    assert.equal(answer.status, 202);
    assert.equal(answer.headers['x-one'], 'a');
    assert.equal(answer.body.toString(), 'größe');
    assert.equal(answer.isTruncated, false);
    const [{ method, path, headers, body } = assert.fail()] = service.requests;
    assert.deepEqual([method, path, body], ['PUT', '/a/b?c=d', 'bytes']);
    assert.equal(headers['x-two'], 'b');
    assert.equal(headers['content-length'], '5');
  });

  test('connections are kept and used again', async () => {
    const net = open();
    for (let at = 0; at < 20; at++) await net.request({ method: 'GET', url: service.url });
    assert.equal(service.requests.length, 20);
    // A request that follows at once may find the connection not quite free yet.
    assert.ok(service.connections() <= 2, `${service.connections()} connections`);
  });

  test('no more connections than allowed go to a host at once', async () => {
    service.always('hang');
    const net = open({ connectionsPerHost: 2 });
    const stop = new AbortController();
    const asked = Array.from({ length: 6 }, () =>
      net.request({ method: 'GET', url: service.url, signal: stop.signal }),
    );
    await until('two requests are in', () => service.requests.length === 2);
    assert.equal(service.connections(), 2);
    stop.abort();
    await Promise.allSettled(asked);
  });

  test('an endless body is cut, and the connection closed', async () => {
    service.plan('endless-body');
    const net = open({ responseBytesMax: 5_000 });
    const answer = await net.request({ method: 'GET', url: service.url });
    assert.equal(answer.status, 200);
    assert.equal(answer.isTruncated, true);
    assert.equal(answer.body.length, 5_000);
    await until('the connection is closed', () => service.openConnections() === 0);
  });

  test('a body as long as allowed is whole; a request may allow another length', async () => {
    service.answerWith(() => ({ status: 200, body: 'x'.repeat(2_000) }));
    const net = open({ responseBytesMax: 2_000 });
    const whole = await net.request({ method: 'GET', url: service.url });
    assert.deepEqual([whole.body.length, whole.isTruncated], [2_000, false]);
    const cut = await net.request({ method: 'GET', url: service.url, responseBytesMax: 1_999 });
    assert.deepEqual([cut.body.length, cut.isTruncated], [1_999, true]);
  });

  test('the bytes of an answer are not unpacked, so that they cannot explode', async () => {
    service.answerWith(() => ({ status: 200, headers: { 'Content-Encoding': 'gzip' }, body: 'z' }));
    const answer = await open().request({ method: 'GET', url: service.url });
    assert.equal(answer.body.toString(), 'z');
  });

  test('a request that cannot be written is a defect, not trouble of the network', async () => {
    const headers = { 'X-Bad': 'a\r\nHost: evil' };
    const asked = open().request({ method: 'GET', url: service.url, headers });
    await assert.rejects(asked, (error) => !(error instanceof MillraceError));
    assert.equal(service.requests.length, 0);
  });
});

describe('trouble', () => {
  const ask = (net: Net, extra: { signal?: AbortSignal; timeoutMs?: number } = {}) =>
    net.request({ method: 'POST', url: `${service.url}/s3cret?s3cret`, body: '{}', ...extra });

  test('a service that hangs, and one that stops half-way, are a timeout', async () => {
    service.plan('hang', 'slow-body', 'hang');
    const byDefault = open({ timeoutMs: 50 });
    await assert.rejects(ask(byDefault), refusal('NET_FAILED', /^timeout: 127\.0\.0\.1/));
    await assert.rejects(ask(byDefault), refusal('NET_FAILED', /^timeout: /));
    await assert.rejects(ask(open(), { timeoutMs: 50 }), refusal('NET_FAILED', /^timeout: /));
    await until('hung connections are closed', () => service.openConnections() === 0);
  });

  test('an abort ends the exchange at once and with it the connection', async () => {
    service.plan('hang', 'slow-body');
    for (const seen of [1, 2]) {
      const stop = new AbortController();
      const asked = ask(open(), { signal: stop.signal });
      await until('the request is in', () => service.requests.length === seen);
      stop.abort();
      await assert.rejects(asked, refusal('NET_FAILED', /^aborted: /));
    }
    await until('the connections are closed', () => service.openConnections() === 0);
    const early = ask(open(), { signal: AbortSignal.abort() });
    await assert.rejects(early, refusal('NET_FAILED', /^aborted: /));
    assert.equal(service.requests.length, 2);
  });

  test('a resolver that hangs is not waited for', async () => {
    const silent: Lookup = () => new Promise(() => undefined);
    const net = open({ connectTimeoutMs: 50 }, silent);
    const url = `http://crm.test:${service.port}/`;
    await assert.rejects(net.request({ method: 'GET', url }), refusal('NET_FAILED', /^timeout: /));
    const raw = net.connect({ host: 'crm.test', port: 1 });
    await assert.rejects(raw, refusal('NET_FAILED', /^timeout: /));
    await assert.rejects(net.resolve('crm.test', 1), refusal('NET_FAILED', /^timeout: /));
    const patient = open({ connectTimeoutMs: NEVER_MS }, silent);
    const stop = new AbortController();
    const asked = patient.request({ method: 'GET', url, signal: stop.signal });
    stop.abort();
    await assert.rejects(asked, refusal('NET_FAILED', /^aborted: /));
  });

  test('a name that does not resolve is told apart', async () => {
    const unknown: Lookup = () =>
      Promise.reject(Object.assign(new Error('s3cret'), { code: 'ENOTFOUND' }));
    for (const lookup of [unknown, dns([]).lookup]) {
      const net = open({}, lookup);
      const url = `http://crm.test:${service.port}/`;
      const asked = net.request({ method: 'GET', url });
      await assert.rejects(asked, refusal('NET_FAILED', /^dns: crm\.test/));
      const raw = net.connect({ host: 'crm.test', port: 1 });
      await assert.rejects(raw, refusal('NET_FAILED', /^dns: crm\.test/));
    }
  });

  test('a closed port is refused', async () => {
    const { port } = service;
    await service.close();
    await assert.rejects(ask(open()), refusal('NET_FAILED', /^refused: /));
    const raw = open().connect({ host: '127.0.0.1', port });
    await assert.rejects(raw, refusal('NET_FAILED', /^refused: 127\.0\.0\.1/));
  });

  test('a service that hangs up, in either way, is a reset', async () => {
    service.plan('reset', 'half-open', 'lost-answer');
    const net = open();
    for (let at = 0; at < 3; at++)
      await assert.rejects(ask(net), refusal('NET_FAILED', /^reset: /));
    assert.equal(service.requests.length, 3, 'a POST is not sent again behind our back');
    assert.equal((await ask(net)).status, 200);
  });

  test('a header of 10 MB and what is not HTTP are refused, and the connection closed', async () => {
    service.plan('huge-header', 'garbage');
    const net = open();
    await assert.rejects(ask(net), refusal('NET_FAILED', /^protocol: /));
    await assert.rejects(ask(net), refusal('NET_FAILED', /^protocol: /));
    await until('the connections are closed', () => service.openConnections() === 0);
  });

  test('closing ends what is under way', async () => {
    service.plan('hang');
    const net = open();
    const asked = ask(net);
    await until('the request is in', () => service.requests.length === 1);
    const closed = Promise.all([net.close(), net.close()]);
    await assert.rejects(asked, refusal('NET_FAILED', /^aborted: /));
    await closed;
    await assert.rejects(ask(net), refusal('NET_FAILED', /^aborted: /));
  });
});

describe('an outbound proxy', () => {
  const targets: string[] = [];
  const secrets: (string | undefined)[] = [];
  let isOpen = true;
  /** Connects wherever it is asked to, to the loopback interface; knows every name. */
  const proxy = createHttpServer((request, response) => {
    targets.push(`${request.method} ${request.url}`);
    secrets.push(request.headers['proxy-authorization']);
    response.writeHead(isOpen ? 200 : 407).end('by proxy');
  }).on('connect', (request, client: Socket) => {
    targets.push(`CONNECT ${request.url}`);
    secrets.push(request.headers['proxy-authorization']);
    if (!isOpen) return client.end('HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n');
    const port = Number(request.url?.split(':').at(-1));
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.pipe(upstream).pipe(client);
    });
    client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    return undefined;
  });
  let uri = '';
  beforeEach(async () => {
    targets.length = 0;
    secrets.length = 0;
    isOpen = true;
    if (!proxy.listening) {
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', () => resolve()));
    }
    uri = `http://user:s3cret@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const unknown: Lookup = () =>
    Promise.reject(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }));

  test('carries HTTPS through a tunnel and HTTP as such, and may know names alone', async () => {
    await withTlsServer(async (port) => {
      const net = open({ allow: [], proxy: uri, ports: [port] }, unknown);
      const url = `https://first.millrace.test:${port}/`;
      const answer = await net.request({ method: 'GET', url });
      assert.equal(answer.body.toString(), 'over TLS');
      assert.deepEqual(targets, [`CONNECT first.millrace.test:${port}`]);
      await net.request({ method: 'GET', url: 'http://crm.test/a?b' });
      assert.equal(targets[1], 'GET http://crm.test/a?b');
      const secret = `Basic ${Buffer.from('user:s3cret').toString('base64')}`;
      assert.deepEqual(secrets, [secret, secret]);
    });
  });

  test('is not asked for what the guard refuses, as written or as resolved here', async () => {
    const net = open({ proxy: uri, allow: [] }, dns([FORBIDDEN]).lookup);
    for (const url of ['http://127.0.0.2/', 'https://[::1]/', 'http://crm.test/', 'http://h:22/']) {
      await assert.rejects(net.request({ method: 'GET', url }), isRefused, url);
    }
    const dispatcher = await net.dispatcher();
    const raw = dispatcher.request({ origin: 'https://crm.test', path: '/', method: 'GET' });
    await assert.rejects(raw, isRefused);
    const byName = await open({ proxy: uri }, unknown).dispatcher();
    const odd = byName.request({ origin: 'http://crm.test:22', path: '/', method: 'GET' });
    await assert.rejects(odd, isRefused);
    assert.deepEqual(targets, []);
  });

  test('that refuses is told apart from a service that does', async () => {
    isOpen = false;
    const net = open({ proxy: uri }, unknown);
    for (const url of ['http://crm.test/', 'https://crm.test/']) {
      const asked = net.request({ method: 'GET', url });
      await assert.rejects(asked, refusal('NET_FAILED', /^refused: crm\.test .*by the proxy/), url);
    }
    assert.equal(targets.length, 2);
  });
});
