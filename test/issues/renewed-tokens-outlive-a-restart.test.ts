/**
 * Tokens that a service gave at a renewal were in the memory of one thread. A service that rotates
 * refresh tokens has withdrawn the configured ones by then, so that after a restart the
 * destination could not renew anything, and waited for a person.
 */
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService, ServiceAnswer } from '../support/fake-service.ts';
import { deliver, eventOf, startSegmentHarness } from '../support/segment-harness.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const stops: (() => Promise<void>)[] = [];
after(async () => {
  for (const stop of stops.toReversed()) await stop();
});

const identifyOf = (at: number) => ({
  type: 'identify',
  userId: `u${at}`,
  messageId: `renewed-${at}`,
  traits: { email: `u${at}@b.example` },
});

/** Its newest token is accepted, and a new one given for name and password. */
async function startResponsys(): Promise<{ service: FakeService; renewals: () => number }> {
  const service = await startFakeService();
  let given = 0;
  service.answerWith(({ path, headers }): ServiceAnswer => {
    if (path.endsWith('/auth/token')) {
      return { status: 200, headers: JSON_TYPE, body: `{"authToken":"token-${++given}"}` };
    }
    return { status: headers.authorization === `token-${given}` ? 200 : 401, headers: JSON_TYPE };
  });
  return { service, renewals: () => given };
}

function startWith(service: FakeService, accessToken: string, folder?: string) {
  const destination = {
    name: 'Mail',
    slug: 'mail',
    type: 'actions-responsys',
    settings: {
      username: 'who',
      userPassword: 'what',
      baseUrl: service.url,
      profileListName: 'list',
      oauth: { access_token: accessToken, refresh_token: 'configured' },
      subscriptions: [{ partnerAction: 'upsertListMember', subscribe: 'type = "identify"' }],
    },
    delivery: { batchEvents: 1 },
  };
  const net = { allow: ['127.0.0.1'], ports: [service.port] };
  const config = { net, destinations: [destination] };
  return startTestServer({ config, ...(folder !== undefined && { folder }) });
}

async function sendAndSee(server: TestServer, service: FakeService, at: number): Promise<string[]> {
  const seen = service.requests.length;
  assert.equal((await server.post('/v1/identify', identifyOf(at))).status, 200);
  const isTaken = () =>
    service.requests.slice(seen).some(({ path, headers }) => {
      return path.includes('/lists/') && headers.authorization?.startsWith('token-');
    });
  await until(`event ${at} with a fresh token`, isTaken);
  // Each once: an event whose delivery was not noted before the end is sent again.
  const sent = service.requests.slice(seen).map(({ headers }) => headers.authorization);
  return [...new Set(sent.map((token) => token ?? 'a renewal'))];
}

test('after kill -9 the renewed token is used, not the configured one', async () => {
  const { service, renewals } = await startResponsys();
  stops.push(() => service.close());
  let server = await startWith(service, 'configured');
  stops.push(() => server.stop());
  assert.deepEqual(await sendAndSee(server, service, 1), ['configured', 'a renewal', 'token-1']);
  await server.kill();
  server = await startWith(service, 'configured', server.folder);
  assert.deepEqual(await sendAndSee(server, service, 2), ['token-1']);
  assert.equal(renewals(), 1);

  for (const name of await readdir(server.dataDir)) {
    if (!name.startsWith('control.db')) continue;
    const text = await readFile(join(server.dataDir, name), 'latin1');
    assert.doesNotMatch(text, /token-1/, `${name} has the token as it is`);
  }
  await server.terminate();
  assert.equal((await server.cli('secrets', 'rotate')).code, 0);
  server = await startWith(service, 'configured', server.folder);
  assert.deepEqual(await sendAndSee(server, service, 3), ['token-1'], 'under another sealing key');
  await server.terminate();
  server = await startWith(service, 'entered anew', server.folder);
  assert.deepEqual(await sendAndSee(server, service, 4), ['entered anew', 'a renewal', 'token-2']);
});

test('a rotated refresh token is the next that is used', async () => {
  const { open, service, close } = await startSegmentHarness();
  stops.push(close);
  const asked: (string | null)[] = [];
  let newest = '';
  service.answerWith(({ path, body, headers }): ServiceAnswer => {
    if (!path.startsWith('/oauth/token')) {
      return { status: headers.authorization === `Bearer ${newest}` ? 200 : 401 };
    }
    asked.push(new URLSearchParams(body).get('refresh_token'));
    newest = `access-${asked.length}`;
    const tokens = { access_token: newest, refresh_token: `refresh-${asked.length}` };
    return { status: 200, headers: JSON_TYPE, body: JSON.stringify(tokens) };
  });
  const oauth = { access_token: 'a', refresh_token: 'r', clientId: 'i', clientSecret: 's' };
  const subscriptions = [{ partnerAction: 'identify', subscribe: 'type = "identify"' }];
  for (let at = 0; at < 3; at++) {
    const destination = await open('actions-hilo', { integrationId: 'i', oauth, subscriptions });
    const [outcome] = await deliver(destination, [eventOf(identifyOf(at))]);
    assert.equal(outcome?.kind, 'delivered', JSON.stringify(outcome));
    await destination.close();
    newest = 'none: it has expired';
  }
  assert.deepEqual(asked, ['r', 'refresh-1', 'refresh-2']);
});
