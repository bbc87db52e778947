/**
 * What Segment's Terraform provider asks, in its order, by its source (1.6.0): make, read, plan
 * again without a difference, change, destroy. The provider keeps what it wrote, and what it reads
 * must be equal; its client is strict about fields, which `askOperation` looks at. The provider
 * itself is run by scripts/terraform-check.ts.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { askOperation } from '../support/public-api-client.ts';
import type { OperationAsk } from '../support/public-api-client.ts';
import { basicAuth, startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

/** The provider's pages begin with the number 0 in base64. */
const FIRST_PAGE = 'pagination%5Bcount%5D=200&pagination%5Bcursor%5D=MA%3D%3D';

let server: TestServer;
before(async () => {
  server = await startTestServer({ config: { net: { allow: ['127.0.0.1'] } } });
});
after(() => server.stop());

interface Labelled {
  labels: { key: string; value: string; description?: string }[];
}
interface Source extends Labelled {
  id: string;
  slug: string;
  name: string;
  enabled: boolean;
  writeKeys: string[];
  settings: object;
}
interface Named {
  id: string;
  name: string;
  enabled: boolean;
  settings: Record<string, unknown>;
}
const ask = (name: string, options?: OperationAsk) => askOperation(server, name, options);
const sourceOf = async (id: string): Promise<Source> =>
  (await ask('getSource', { params: [id] }))['source'] as Source;
const sendWith = async (writeKey: string): Promise<number> => {
  const headers = { Authorization: basicAuth(writeKey) };
  return (await server.post('/v1/track', { userId: 'u', event: 'Sent' }, headers)).status;
};

describe("Segment's Terraform provider", () => {
  const made = { source: '', writeKey: '', webhook: '', filter: '', warehouse: '' };
  const label = { key: 'team', value: 'growth', description: 'who pays' };

  test('label and source: made, named, labelled, with open schema settings', async () => {
    await ask('createLabel', { body: { label } });
    const { labels } = (await ask('listLabels')) as unknown as Labelled;
    assert.deepEqual(labels, [label]);
    const { source } = (await ask('createSource', {
      body: {
        slug: 'tf-shop',
        enabled: true,
        metadataId: 'IqDTy1TpoU',
        settings: { website_url: 'https://shop.example', old: 'gone soon' },
        // Always there in its source_resource.go, and the other in its warehouse_resource.go.
        disconnectAllWarehouses: true,
      },
    })) as { source: Source };
    made.source = source.id;
    made.writeKey = source.writeKeys[0] ?? '';
    // The provider names a source after it made it, because it cannot before.
    await ask('updateSource', { params: [source.id], body: { name: 'Shop' } });
    await ask('replaceLabelsInSource', { params: [source.id], body: { labels: [label] } });
    const settings = {
      track: { allowUnplannedEvents: true, commonEventOnViolations: 'ALLOW' },
      identify: { allowUnplannedTraits: true },
    };
    const params = [source.id];
    const kept = await ask('updateSchemaSettingsInSource', { params, body: settings });
    assert.partialDeepStrictEqual(kept['settings'], settings);
    const read = await ask('listSchemaSettingsInSource', { params });
    assert.partialDeepStrictEqual(read['settings'], settings);
    const seen = await sourceOf(source.id);
    assert.equal(seen.name, 'Shop');
    assert.equal(seen.slug, 'tf-shop');
    assert.deepEqual(seen.labels, [{ key: label.key, value: label.value }]);
    assert.equal(await sendWith(made.writeKey), 200);
  });

  test('a schema setting that would hold events back is refused by name', async () => {
    const refused = await ask('updateSchemaSettingsInSource', {
      params: [made.source],
      body: { track: { allowUnplannedEvents: false } },
      status: 501,
    });
    assert.equal(refused['field'], 'track.allowUnplannedEvents');
    assert.match(String(refused['message']), /tracking plans/);
  });

  test('a setting that left the plan is sent as null, and gone', async () => {
    const { settings: written } = await sourceOf(made.source);
    const settings = { website_url: 'https://new.example', old: null };
    assert.ok('old' in written);
    await ask('updateSource', {
      params: [made.source],
      body: { slug: 'tf-shop', enabled: true, name: 'Shop', settings },
    });
    assert.deepEqual((await sourceOf(made.source)).settings, {
      website_url: 'https://new.example',
    });
  });

  test('destination and filter: read back as they were written', async () => {
    const settings = { url: 'http://127.0.0.1:9/hook' };
    const body = {
      sourceId: made.source,
      metadataId: 'webhook',
      enabled: true,
      name: 'CRM',
      settings,
    };
    const { destination } = (await ask('createDestination', { body })) as { destination: Named };
    made.webhook = destination.id;
    const read = (await ask('getDestination', { params: [made.webhook] })) as {
      destination: Named & { sourceId: string };
    };
    assert.equal(read.destination.sourceId, made.source);
    assert.equal(read.destination.settings['url'], settings.url);
    await ask('updateDestination', {
      params: [made.webhook],
      body: { name: null, enabled: false, settings },
    });
    const filter = {
      sourceId: made.source,
      if: 'type = "track"',
      title: 'A tenth',
      description: 'of everything',
      enabled: true,
      actions: [{ type: 'SAMPLE', percent: 0.1, path: 'userId' }],
    };
    const added = (await ask('createFilterForDestination', {
      params: [made.webhook],
      body: filter,
    })) as { filter: { id: string } };
    made.filter = added.filter.id;
    const params = [made.webhook, made.filter];
    assert.partialDeepStrictEqual(
      (await ask('getFilterInDestination', { params }))['filter'],
      filter,
    );
    const { sourceId: _, ...rest } = filter;
    await ask('updateFilterForDestination', {
      params,
      body: { ...rest, description: null, enabled: false },
    });
    const changed = (await ask('getFilterInDestination', { params }))['filter'] as object;
    assert.ok(!('description' in changed), 'an empty description is none');
    assert.partialDeepStrictEqual(changed, { enabled: false });
  });

  test('warehouse: made without a source, connected, disconnected', async () => {
    const settings = {
      hostname: '127.0.0.1',
      port: '9',
      database: 'd',
      username: 'u',
      password: 's3cret-pw',
    };
    const { warehouse } = (await ask('createWarehouse', {
      body: {
        metadataId: '55d3d3aea3c',
        enabled: true,
        name: 'Tables',
        settings,
        disconnectAllSources: true,
      },
    })) as { warehouse: Named };
    made.warehouse = warehouse.id;
    const connected = async (): Promise<string[]> => {
      const page = { params: [made.source], query: FIRST_PAGE };
      const { warehouses } = await ask('listConnectedWarehousesFromSource', page);
      return (warehouses as Named[]).map(({ id }) => id);
    };
    assert.deepEqual(await connected(), []);
    const params = [made.warehouse, made.source];
    const added = await ask('addConnectionFromSourceToWarehouse', { params });
    assert.equal(added['status'], 'CONNECTED');
    assert.deepEqual(await connected(), [made.warehouse]);
    const { sources } = await ask('listConnectedSourcesFromWarehouse', {
      params: [made.warehouse],
    });
    assert.deepEqual(
      (sources as Source[]).map(({ id }) => id),
      [made.source],
    );
    await ask('updateWarehouse', {
      params: [made.warehouse],
      body: { enabled: true, name: 'Tables 2', settings: { ...settings, database: 'e' } },
    });
    const read = (await ask('getWarehouse', { params: [made.warehouse] })) as { warehouse: Named };
    assert.partialDeepStrictEqual(read.warehouse.settings, { name: 'Tables 2', database: 'e' });
    assert.ok(!JSON.stringify(read).includes(settings.password), 'secrets are masked');
    const { connectionState } = await ask('getConnectionStateFromWarehouse', { params });
    assert.equal(connectionState, 'FAILED', 'nobody listens there');
    await ask('removeSourceConnectionFromWarehouse', { params });
    assert.deepEqual(await connected(), []);
  });

  test('user: invited, found nowhere among users, changed, taken back', async () => {
    const email = 'kim@example.com';
    const workspace = (await ask('getWorkspace'))['workspace'] as { id: string };
    const source = { id: made.source, type: 'SOURCE' };
    const invite = (permissions: object[]) =>
      ask('createInvites', { body: { invites: [{ email, permissions }] } });
    assert.deepEqual(
      (
        await invite([
          {
            roleId: 'viewer',
            resources: [{ ...workspace, type: 'WORKSPACE' }].map(({ id, type }) => ({ id, type })),
          },
        ])
      )['emails'],
      [email],
    );
    const { users } = await ask('listUsers', { query: FIRST_PAGE });
    assert.deepEqual(users, []);
    assert.deepEqual((await ask('listInvites', { query: FIRST_PAGE }))['invites'], [email]);
    await ask('deleteInvites', { query: `emails=${email}` });
    const sourceAdmin = '1WDUuSF1kN1xis2lp09RVKOsnnL';
    await invite([{ roleId: sourceAdmin, resources: [source] }]);
    const accepted = await acceptedUser(email, source.id);
    const params = [accepted];
    const first = (await ask('getUser', { params }))['user'] as { permissions: object[] };
    // By the id that was asked, or the next plan would change it back.
    assert.partialDeepStrictEqual(first.permissions, [
      { roleId: sourceAdmin, resources: [source] },
    ]);
    const { roles } = (await ask('listRoles', { query: FIRST_PAGE })) as {
      roles: { id: string }[];
    };
    assert.ok(roles.some(({ id }) => id === sourceAdmin));
    await ask('replacePermissionsForUser', {
      params,
      body: { permissions: [{ roleId: 'viewer', resources: [source] }] },
    });
    const read = (await ask('getUser', { params }))['user'] as { permissions: object[] };
    assert.partialDeepStrictEqual(read.permissions, [{ roleId: 'viewer', resources: [source] }]);
    await ask('addPermissionsToUser', {
      params,
      body: { permissions: [{ roleId: 'admin', resources: [] }] },
    });
    const { user } = (await ask('getUser', { params })) as { user: typeof read };
    assert.partialDeepStrictEqual(user.permissions, [{ roleId: 'admin' }]);
    assert.deepEqual((await ask('listUserGroupsFromUser', { params }))['groups'], []);
    // The provider asks for a user without an id after it took an invitation back.
    await ask('deleteUsers', { query: 'userIds=' });
    await ask('deleteUsers', { query: `userIds%5B0%5D=${accepted}` });
    await ask('getUser', { params, status: 404 });
  });

  test('permissions that do not map are refused by the field', async () => {
    const invite = (permission: object) =>
      ask('createInvites', {
        body: { invites: [{ email: 'x@example.com', permissions: [permission] }] },
        status: 400,
      });
    const unknown = await invite({ roleId: 'boss' });
    assert.equal(unknown['field'], 'permissions[0].roleId');
    const space = await invite({ roleId: 'viewer', resources: [{ id: 'x', type: 'SPACE' }] });
    assert.equal(space['field'], 'permissions[0].resources[0].type');
    const narrow = await invite({
      roleId: 'owner',
      resources: [{ id: made.source, type: 'SOURCE' }],
    });
    assert.match(String(narrow['message']), /whole workspace/);
    assert.deepEqual((await ask('listInvites'))['invites'], [], 'nobody was invited');
  });

  test('destroyed in the order of what depends on what; the source can be made again', async () => {
    await ask('removeFilterFromDestination', { params: [made.webhook, made.filter] });
    await ask('deleteSource', { params: [made.source] });
    await until('its key is refused', async () => (await sendWith(made.writeKey)) === 401);
    await ask('getSource', { params: [made.source], status: 404 });
    const { sources } = await ask('listSources', { query: FIRST_PAGE });
    assert.ok(!(sources as Source[]).some(({ id }) => id === made.source));
    const { destination } = (await ask('getDestination', { params: [made.webhook] })) as {
      destination: { sourceId: string };
    };
    assert.equal(destination.sourceId, '', 'the destination has lost it');
    await ask('deleteDestination', { params: [made.webhook] });
    await ask('deleteWarehouse', { params: [made.warehouse] });
    await ask('deleteLabel', { params: [label.key, label.value] });
    assert.deepEqual(
      await server.sql(`select count(*)::int as n from events where source = 'tf-shop'`),
      [{ n: 1 }],
    );
    const body = {
      slug: 'tf-shop',
      enabled: true,
      metadataId: 'IqDTy1TpoU',
      settings: {},
      disconnectAllWarehouses: true,
    };
    const again = (await ask('createSource', { body })) as { source: Source };
    const [key = ''] = again.source.writeKeys;
    assert.equal(await sendWith(key), 200);
    assert.equal(await sendWith(made.writeKey), 401, 'a key that was refused stays so');
    await server.sqlUntil(
      `select count(*)::int as n from events where source = 'tf-shop'`,
      ([row]) => row?.['n'] === 2,
    );
    const { code, stdout } = await server.cli('verify');
    assert.equal(code, 0, stdout);
  });

  /** Accepts the link of an invitation, which an admin makes for somebody who is invited. */
  const acceptedUser = async (email: string, sourceId: string): Promise<string> => {
    const headers = { Authorization: `Bearer ${server.token}` };
    const pending = (await (
      await fetch(`${server.adminUrl}/admin/invitations`, { headers })
    ).json()) as { email: string; role: string; sources: { write: string[] } }[];
    assert.deepEqual(pending[0]?.sources.write, ['tf-shop'], sourceId);
    const { role, sources } = pending[0] ?? {};
    const made2 = await fetch(`${server.adminUrl}/admin/invitations`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ email, role, sources }),
    });
    const { invitation } = (await made2.json()) as { invitation: string };
    const accepted = await fetch(`${server.adminUrl}/admin/invitations/accept`, {
      method: 'POST',
      body: JSON.stringify({ invitation, name: 'Kim', password: 'a long password' }),
    });
    const user = (await accepted.json()) as { id: string; sources: { write: string[] } };
    assert.deepEqual(user.sources.write, ['tf-shop']);
    return user.id;
  };
});
