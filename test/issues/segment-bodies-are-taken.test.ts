/**
 * Segment's Terraform provider always sends `disconnectAllWarehouses` and `disconnectAllSources`.
 * Bodies of the Public API refused fields that they did not know, so that no source and no
 * warehouse could be made. Fields that Segment has are honoured, all others ignored.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { askOperation } from '../support/public-api-client.ts';
import type { OperationAsk } from '../support/public-api-client.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

let server: TestServer;
before(async () => {
  server = await startTestServer({ config: { net: { allow: ['127.0.0.1'] } } });
});
after(() => server.stop());

const ask = (name: string, options?: OperationAsk) => askOperation(server, name, options);

async function madeSource(slug: string, more: object): Promise<string> {
  const body = { slug, enabled: true, metadataId: 'javascript', settings: {}, ...more };
  return ((await ask('createSource', { body }))['source'] as { id: string }).id;
}

async function madeWarehouse(name: string, more: object): Promise<string> {
  const settings = { host: '127.0.0.1', port: 9, database: 'd', user: 'u', password: 'secret' };
  const body = { metadataId: 'postgres', enabled: true, name, settings, ...more };
  return ((await ask('createWarehouse', { body }))['warehouse'] as { id: string }).id;
}

async function connected(source: string): Promise<string[]> {
  const answer = await ask('listConnectedWarehousesFromSource', { params: [source] });
  return (answer['warehouses'] as { id: string }[]).map(({ id }) => id);
}

test('what the provider sends makes a source and a warehouse that are not connected', async () => {
  const everything = await madeWarehouse('Everything', { disconnectAllSources: false });
  const earlier = await madeSource('before', {});
  const warehouse = await madeWarehouse('Tables', { disconnectAllSources: true });
  const source = await madeSource('alone', { disconnectAllWarehouses: true });
  assert.deepEqual(await connected(source), []);
  assert.deepEqual(await connected(earlier), [everything], 'others stay connected');
  const joined = await madeSource('joined', { disconnectAllWarehouses: false });
  assert.deepEqual((await connected(joined)).toSorted(), [everything, warehouse].toSorted());
});

test('fields that we do not know are ignored, in every body', async () => {
  const extra = { somethingNew: { a: 1 }, workspaceId: 'w' };
  const source = await madeSource('extra', extra);
  const label = { key: 'k', value: 'v', ...extra };
  await ask('createLabel', { body: { label, ...extra } });
  await ask('updateSource', { params: [source], body: { name: 'Extra', ...extra } });
  await ask('replaceLabelsInSource', { params: [source], body: { labels: [label], ...extra } });
  await ask('updateSchemaSettingsInSource', {
    params: [source],
    body: { track: { allowUnplannedEvents: true, ...extra }, ...extra },
  });
  const url = 'http://127.0.0.1:9/';
  const made = await ask('createDestination', {
    body: { sourceId: source, metadataId: 'webhook', name: 'Hook', settings: { url }, ...extra },
  });
  const { id } = made['destination'] as { id: string };
  await ask('updateDestination', { params: [id], body: { enabled: false, ...extra } });
  const filter = { if: 'all', title: 't', enabled: true, actions: [{ type: 'DROP' }] };
  const body = { sourceId: source, ...filter, ...extra };
  const added = await ask('createFilterForDestination', { params: [id], body });
  assert.ok(!('somethingNew' in (added['filter'] as object)));
  const warehouse = await madeWarehouse('Extra', extra);
  await ask('updateWarehouse', { params: [warehouse], body: { enabled: false, ...extra } });
  const permissions = [{ roleId: 'viewer', ...extra }];
  const invites = [{ email: 'kim@example.com', permissions, ...extra }];
  await ask('createInvites', { body: { invites, ...extra } });
});

test('a field that is known and wrong is still named', async () => {
  const body = { slug: 'x', metadataId: 'javascript', disconnectAllWarehouses: 'yes' };
  const refused = await ask('createSource', { body, status: 400 });
  assert.equal(refused['field'], 'disconnectAllWarehouses');
});
