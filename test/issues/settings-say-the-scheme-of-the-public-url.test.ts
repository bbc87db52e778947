/**
 * SDK settings said `protocol: https` whenever a public host was known, also when `publicUrl` was
 * plain http, where browsers that batch then found nobody.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { startTestServer, WRITE_KEY } from '../support/test-server.ts';

interface Settings {
  integrations: { 'Segment.io': { apiHost: string; protocol: string } };
}

/** Known before the start, because the server tells its public address only. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function toldWith(config: Record<string, unknown>, headers: Record<string, string> = {}) {
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const collector = { ...(config['collector'] as object | undefined), port };
  const server = await startTestServer({ config: { ...config, collector } });
  try {
    const url = `http://${host}/v1/projects/${WRITE_KEY}/settings`;
    const answer = await fetch(url, { headers });
    const { apiHost, protocol } = ((await answer.json()) as Settings).integrations['Segment.io'];
    return { apiHost: apiHost.replace(host, 'asked'), protocol };
  } finally {
    await server.stop();
  }
}

test('the scheme is that of publicUrl; else that of the request', async () => {
  const behindTls = { 'X-Forwarded-Proto': 'https' };
  const plain = { collector: { publicUrl: 'http://events.local:8080' } };
  const own = { apiHost: 'events.local:8080/v1', protocol: 'http' };
  assert.deepEqual(await toldWith(plain), own);
  assert.deepEqual(await toldWith(plain, behindTls), own);
  const secure = { collector: { publicUrl: 'https://events.local' } };
  assert.deepEqual(await toldWith(secure), { apiHost: 'events.local/v1', protocol: 'https' });
  const named = { sdk: { apiHost: 'events.local' } };
  assert.deepEqual(await toldWith(named), { apiHost: 'events.local/v1', protocol: 'https' });
  assert.deepEqual(await toldWith({}), { apiHost: 'asked/v1', protocol: 'http' });
  assert.deepEqual(await toldWith({}, behindTls), { apiHost: 'asked/v1', protocol: 'https' });
});
