/**
 * Terraform refused its own apply when a destination or a warehouse was given no name ("was null,
 * but now"), and never found a person again whose e-mail address was invited in capitals and
 * accepted in small letters: changing and destroying ended at 404, as they did for an invitation
 * that was over after its week. Of a role that was asked by two names one came back.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { askOperation } from '../support/public-api-client.ts';
import type { OperationAsk } from '../support/public-api-client.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

let server: TestServer;
before(async () => {
  server = await startTestServer({ config: { net: { allow: ['127.0.0.0/8'] } } });
});
after(() => server.stop());

const ask = (name: string, options?: OperationAsk) => askOperation(server, name, options);

interface Named {
  id: string;
  name?: string;
  settings: { name?: string };
}

const KINDS = {
  Destination: {
    metadataId: '5f7dd6d21ad74f3842b1fc47',
    settings: { apiKey: 'k', secretKey: 's', endpoint: 'north_america' },
    nameOf: ({ name }: Named) => name,
  },
  Warehouse: {
    metadataId: '55d3d3aea3c',
    settings: { hostname: '127.0.0.1', port: '9', database: 'd', username: 'u', password: 'p' },
    nameOf: ({ settings: { name } }: Named) => name,
  },
};

for (const [kind, { metadataId, settings, nameOf }] of Object.entries(KINDS)) {
  test(`a ${kind} without a name has none, until it is given one`, async () => {
    const slug = `for-${kind.toLowerCase()}`;
    const source = { slug, enabled: true, metadataId: 'iUM16Md8P2', settings: {} };
    const { id: sourceId } = (await ask('createSource', { body: source }))['source'] as Named;
    const key = kind.toLowerCase();
    const made = async (body: object): Promise<Named> =>
      (await ask(`create${kind}`, { body: { sourceId, metadataId, settings, ...body } }))[
        key
      ] as Named;
    const { id, ...rest } = await made({});
    assert.equal(nameOf({ id, ...rest }), undefined);
    assert.notEqual(nameOf(await made({ name: 'Its own' })), undefined);
    const params = [id];
    const read = async (): Promise<string | undefined> =>
      nameOf((await ask(`get${kind}`, { params }))[key] as Named);
    const change = (body: object) => ask(`update${kind}`, { params, body });
    await change({ name: null, enabled: false });
    assert.equal(await read(), undefined);
    await change({ name: 'Named' });
    assert.equal(await read(), 'Named');
    await change({ enabled: true });
    assert.equal(await read(), 'Named');
  });
}

test('a person has the e-mail address by which a script asked', async () => {
  const email = 'Kim.Example@Example.com';
  const permissions = [{ roleId: '1WDUuNOXQYGLtEI7LcfBMpvU9ll' }];
  const invites = [{ email, permissions }];
  await ask('createInvites', { body: { invites } });
  const headers = {
    Authorization: `Bearer ${server.token}`,
    'Content-Type': 'application/json',
  };
  const post = async (path: string, body: object): Promise<{ invitation: string }> => {
    const request = { method: 'POST', headers, body: JSON.stringify(body) };
    const answer = await fetch(`${server.adminUrl}/admin/${path}`, request);
    return (await answer.json()) as { invitation: string };
  };
  // Somebody gives him a link, and writes his address as people do.
  const { invitation } = await post('invitations', {
    email: email.toLowerCase(),
    role: 'viewer',
  });
  assert.deepEqual((await ask('listInvites'))['invites'], [email]);
  await post('invitations/accept', { invitation, password: 'a long enough password' });
  const users = (await ask('listUsers'))['users'] as { id: string; email: string }[];
  assert.deepEqual(
    users.map((user) => user.email),
    [email],
  );
  const { user } = (await ask('getUser', { params: [users[0]?.id ?? ''] })) as {
    user: { email: string };
  };
  assert.equal(user.email, email);
  const params = [users[0]?.id ?? ''];
  await ask('replacePermissionsForUser', { params, body: { permissions: [{ roleId: 'admin' }] } });
  const changed = (await ask('getUser', { params }))['user'] as { email: string };
  assert.equal(changed.email, email, 'also when his rights are changed');
});

test('permissions are answered as they were asked, until the person has others', async () => {
  const sourceOf = async (slug: string) => {
    const body = { slug, enabled: true, metadataId: 'iUM16Md8P2', settings: {} };
    const { id } = (await ask('createSource', { body }))['source'] as Named;
    return { id, type: 'SOURCE' };
  };
  const [first, second] = [await sourceOf('first'), await sourceOf('second')];
  const users = (await ask('listUsers'))['users'] as { id: string }[];
  const params = [users[0]?.id ?? ''];
  // Two names of one role, a source twice, and not in our order.
  const permissions = [
    { roleId: '1WDUuNOXQYGLtEI7LcfBMpvU9ll', resources: [second] },
    { roleId: 'viewer', resources: [first] },
    { roleId: 'member', resources: [first] },
  ];
  const read = async (): Promise<object[]> => {
    const { user } = (await ask('getUser', { params })) as { user: { permissions: object[] } };
    return user.permissions.map((each) => ({ ...each, roleName: undefined }));
  };
  const shown = permissions.map((each) => ({ ...each, roleName: undefined }));
  await ask('replacePermissionsForUser', { params, body: { permissions } });
  assert.deepEqual(await read(), shown);
  await fetch(`${server.adminUrl}/admin/users/${params[0]}`, {
    method: 'PATCH',
    headers: { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ role: 'viewer', sources: { read: ['second'], write: [] } }),
  });
  assert.deepEqual(await read(), shown.slice(0, 1));
});

test('an invitation that is over is taken back without a complaint', async () => {
  const answer = await ask('deleteInvites', { query: 'emails=gone@example.com' });
  assert.equal(answer['status'], 'SUCCESS');
});
