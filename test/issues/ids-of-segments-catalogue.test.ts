/**
 * Terraform files and scripts have ids of Segment's catalogue: `IqDTy1TpoU` (Javascript),
 * `5f7dd6d21ad74f3842b1fc47` (Amplitude), `55d3d3aea3c` (Postgres), ids of actions and of roles.
 * All were 404 or 400, and so was `hostname` of a warehouse. They are taken, and answered with the
 * id and the names by which was asked.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { askOperation } from '../support/public-api-client.ts';
import type { OperationAsk } from '../support/public-api-client.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const AMPLITUDE = '5f7dd6d21ad74f3842b1fc47';
const LOG_EVENT_V2 = 'uhprCN3Pc9fjb89v4xDrfP';

interface Made {
  id: string;
  metadata: { id: string; slug: string; actions?: { id: string; slug: string }[] };
  settings: Record<string, unknown>;
}

let server: TestServer;
let source: string;
before(async () => {
  server = await startTestServer({ config: { net: { allow: ['127.0.0.0/8'] } } });
  const body = { slug: 'web', enabled: true, metadataId: 'IqDTy1TpoU', settings: {} };
  source = ((await ask('createSource', { body }))['source'] as Made).id;
});
after(() => server.stop());

const ask = (name: string, options?: OperationAsk) => askOperation(server, name, options);

test('a source', async () => {
  const { metadata } = (await ask('getSource', { params: [source] }))['source'] as Made;
  assert.deepEqual([metadata.id, metadata.slug], ['IqDTy1TpoU', 'javascript']);
  const found = (await ask('getSourceMetadata', { params: ['iUM16Md8P2'] }))['sourceMetadata'];
  assert.partialDeepStrictEqual(found, { id: 'iUM16Md8P2', slug: 'http-api' });
});

test('a destination, its actions and a subscription', async () => {
  const settings = { apiKey: 'k', secretKey: 's', endpoint: 'north_america' };
  const body = { sourceId: source, metadataId: AMPLITUDE, name: 'Amplitude', settings };
  const { id } = (await ask('createDestination', { body }))['destination'] as Made;
  const { metadata } = (await ask('getDestination', { params: [id] }))['destination'] as Made;
  assert.deepEqual([metadata.id, metadata.slug], [AMPLITUDE, 'actions-amplitude']);
  assert.equal(metadata.actions?.find(({ slug }) => slug === 'logEventV2')?.id, LOG_EVENT_V2);
  const found = (await ask('getDestinationMetadata', { params: [AMPLITUDE] })) as {
    destinationMetadata: Made['metadata'];
  };
  assert.equal(found.destinationMetadata.id, AMPLITUDE);
  for (const actionId of [LOG_EVENT_V2, 'logPurchase']) {
    const subscription = { name: 's', actionId, trigger: 'type = "track"', enabled: true };
    const made = await ask('createDestinationSubscription', {
      params: [id],
      body: { ...subscription, settings: {} },
    });
    const own = made['destinationSubscription'] as { id: string; actionSlug: string };
    assert.equal(own.actionSlug, actionId === LOG_EVENT_V2 ? 'logEventV2' : actionId);
    const params = [id, own.id];
    const read = await ask('getSubscriptionFromDestination', { params });
    assert.equal((read['subscription'] as { actionId: string }).actionId, actionId);
  }
});

test("a warehouse, with Segment's names of its settings", async () => {
  const settings = { hostname: '127.0.0.1', port: '9', database: 'd', username: 'u' };
  const { id } = (
    await ask('createWarehouse', {
      body: { metadataId: '55d3d3aea3c', name: 'T', settings: { ...settings, password: 'secret' } },
    })
  )['warehouse'] as Made;
  const read = async () => (await ask('getWarehouse', { params: [id] }))['warehouse'] as Made;
  const { metadata, settings: shown } = await read();
  assert.deepEqual([metadata.id, metadata.slug], ['55d3d3aea3c', 'postgres']);
  assert.partialDeepStrictEqual(shown, { hostname: '127.0.0.1', port: '9', username: 'u' });
  assert.ok(!('host' in shown) && !('user' in shown));
  await ask('updateWarehouse', { params: [id], body: { settings: { hostname: '127.0.0.2' } } });
  assert.partialDeepStrictEqual((await read()).settings, { hostname: '127.0.0.2', username: 'u' });
});

test('a role', async () => {
  const permissions = [{ roleId: '1WDUuNOXQYGLtEI7LcfBMpvU9ll' }];
  const invites = [{ email: 'kim@example.com', permissions }];
  assert.deepEqual((await ask('createInvites', { body: { invites } }))['emails'], [
    'kim@example.com',
  ]);
});

test('our names stay good, and are answered', async () => {
  const settings = { apiKey: 'k', secretKey: 's' };
  const body = { sourceId: source, metadataId: 'actions-amplitude', name: 'Again', settings };
  const { metadata } = (await ask('createDestination', { body }))['destination'] as Made;
  assert.equal(metadata.id, 'actions-amplitude');
  assert.ok(metadata.actions?.some(({ id }) => id === 'logEventV2'));
});
