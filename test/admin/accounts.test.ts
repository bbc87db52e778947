/** People, sessions, roles and tokens of the admin listener (faults F40, F44). */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const PASSWORD = 'correct horse battery';
let server: TestServer;

before(async () => {
  server = await startTestServer({ config: { admin: { signIns: { perAddress: 10_000 } } } });
});
after(() => server.stop());

interface Asked {
  method?: string;
  body?: unknown;
  token?: string;
  cookie?: string;
  headers?: Record<string, string>;
}

async function ask(path: string, asked: Asked = {}) {
  const { method = asked.body === undefined ? 'GET' : 'POST', body, token, cookie } = asked;
  const response = await fetch(`${server.adminUrl}${path}`, {
    method,
    headers: {
      ...(token && { Authorization: `Bearer ${token}` }),
      ...(cookie && { Cookie: cookie }),
      ...asked.headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const cookies = response.headers.getSetCookie();
  const value = (text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text) as never;
  return { status: response.status, value, cookies, cookie: cookies[0]?.split(';')[0] ?? '' };
}

/** What a browser adds to a change that our own page sends. */
const OWN_PAGE = { 'Sec-Fetch-Site': 'same-origin' };

async function personWith(role: string, email: string): Promise<string> {
  const invited = await ask('/admin/invitations', {
    body: { email, role },
    token: server.token,
  });
  const { invitation } = invited.value as { invitation: string };
  const accepted = await ask('/admin/invitations/accept', {
    body: { invitation, name: role, password: PASSWORD },
  });
  assert.equal(accepted.status, 201, JSON.stringify(accepted.value));
  return accepted.cookie;
}

describe('signing in', () => {
  test('the admin token is exchanged for a session, which other sites cannot use', async () => {
    const begin = (token: string, headers = OWN_PAGE) =>
      ask('/admin/sign-in/token', { body: { token }, headers });
    assert.equal((await begin('not-the-token')).status, 401);
    assert.equal((await begin(server.token, { 'Sec-Fetch-Site': 'same-site' })).status, 401);
    const { status, cookie, cookies } = await begin(server.token);
    assert.equal(status, 200);
    assert.match(cookies[0] ?? '', /; HttpOnly.*; SameSite=Strict/);
    assert.ok(!cookie.includes(server.token));
    const me = await ask('/admin/me', { cookie });
    assert.partialDeepStrictEqual(me.value, { type: 'token', role: 'owner' });
    const body = { email: 'new@example.com', role: 'viewer' };
    assert.equal((await ask('/admin/invitations', { cookie, body })).status, 403);
    const own = await ask('/admin/invitations', { cookie, body, headers: OWN_PAGE });
    assert.equal(own.status, 201);
    assert.equal((await ask('/admin/me', { cookie: `${cookie}x` })).status, 401);
  });

  test('an invitation works once, and its session knows who is asking', async () => {
    const cookie = await personWith('owner', 'ada@example.com');
    const me = await ask('/admin/me', { cookie });
    assert.partialDeepStrictEqual(me.value, {
      type: 'user',
      name: 'ada@example.com',
      role: 'owner',
    });
    const again = await ask('/admin/invitations/accept', {
      body: { invitation: 'x'.repeat(43), password: PASSWORD },
    });
    assert.equal(again.status, 404);
  });

  test('a password opens a new session each time, and a wrong one none', async () => {
    const body = { email: 'ADA@example.com', password: PASSWORD };
    const planted = 'millrace=planted-by-somebody-else';
    const first = await ask('/admin/sign-in', { body, cookie: planted, headers: OWN_PAGE });
    assert.equal(first.status, 200);
    assert.ok(!first.cookie.includes('planted'));
    for (const attribute of ['HttpOnly', 'SameSite=Strict', 'Path=/']) {
      assert.match(first.cookies[0] ?? '', new RegExp(attribute));
    }
    const proxied = await ask('/admin/sign-in', {
      body,
      headers: { ...OWN_PAGE, 'X-Forwarded-Proto': 'https' },
    });
    assert.match(proxied.cookies[0] ?? '', /^__Host-millrace=.*Secure/);
    const wrong = await ask('/admin/sign-in', { body: { ...body, password: 'wrong' } });
    const nobody = await ask('/admin/sign-in', { body: { ...body, email: 'nobody@example.com' } });
    assert.deepEqual([wrong.status, nobody.status], [401, 401]);
    assert.deepEqual(wrong.value, nobody.value, 'the answer does not tell who exists');
  });

  test('after signing out the cookie is worth nothing', async () => {
    const body = { email: 'ada@example.com', password: PASSWORD };
    const { cookie } = await ask('/admin/sign-in', { body });
    assert.equal((await ask('/admin/me', { cookie })).status, 200);
    await ask('/admin/sign-out', { method: 'POST', cookie });
    assert.equal((await ask('/admin/me', { cookie })).status, 401);
  });

  test('guessing is stopped before it costs anything', async () => {
    const body = { email: 'guessed@example.com', password: 'x' };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => ask('/admin/sign-in', { body })),
    );
    assert.ok(answers.some(({ status }) => status === 429));
  });
});

describe('sessions and other sites', () => {
  test('a change needs our own page; reading does not', async () => {
    const cookie = await personWith('admin', 'grace@example.com');
    const body = { email: 'x@example.com', role: 'viewer' };
    const invite = (headers: Record<string, string>) =>
      ask('/admin/invitations', { body, cookie, headers });
    assert.equal((await invite(OWN_PAGE)).status, 201);
    assert.equal((await invite({})).status, 403, 'neither header: not a browser of ours');
    assert.equal((await invite({ Origin: 'https://evil.example' })).status, 403);
    assert.equal((await invite({ Origin: server.adminUrl })).status, 201);
    assert.notEqual((await invite({ 'Sec-Fetch-Site': 'cross-site' })).status, 201);
    assert.equal((await ask('/admin/users', { cookie })).status, 200);
  });
});

describe('roles', () => {
  test('what each may', async () => {
    const cookies = {
      viewer: await personWith('viewer', 'v@example.com'),
      member: await personWith('member', 'm@example.com'),
      admin: await personWith('admin', 'a@example.com'),
    };
    const destination = {
      name: 'Hook',
      slug: 'hook',
      type: 'webhook',
      settings: { url: 'https://example.com/' },
    };
    const invite = (role: string) => ({ email: `${role}-by@example.com`, role });
    const table: [path: string, body: unknown, expected: [number, number, number]][] = [
      ['/admin/users', undefined, [200, 200, 200]],
      ['/admin/destinations', undefined, [200, 200, 200]],
      ['/admin/tokens', undefined, [403, 403, 200]],
      ['/admin/destinations', destination, [403, 201, 409]],
      ['/admin/invitations', invite('viewer'), [403, 403, 201]],
      ['/admin/invitations', invite('owner'), [403, 403, 403]],
      ['/admin/tokens', { name: 't', role: 'owner' }, [403, 403, 403]],
    ];
    for (const [path, body, expected] of table) {
      const statuses: number[] = [];
      for (const cookie of Object.values(cookies)) {
        statuses.push((await ask(path, { body, cookie, headers: OWN_PAGE })).status);
      }
      assert.deepEqual(statuses, expected, `${path} ${JSON.stringify(body)}`);
    }
  });

  test('a role that is lowered, and somebody who is disabled, lose their sessions at once', async () => {
    const cookie = await personWith('admin', 'down@example.com');
    const users = (await ask('/admin/users', { cookie })).value as { id: string; email: string }[];
    const id = users.find(({ email }) => email === 'down@example.com')?.id;
    const lowered = await ask(`/admin/users/${id}`, {
      method: 'PATCH',
      body: { isEnabled: false },
      token: server.token,
    });
    assert.equal(lowered.status, 200);
    assert.equal((await ask('/admin/me', { cookie })).status, 401);
    const body = { email: 'down@example.com', password: PASSWORD };
    assert.equal((await ask('/admin/sign-in', { body })).status, 401);
  });

  test('the last owner stays', async () => {
    const users = (await ask('/admin/users', { token: server.token })).value as {
      id: string;
      role: string;
    }[];
    const owners = users.filter(({ role }) => role === 'owner');
    assert.equal(owners.length, 1);
    const path = `/admin/users/${owners[0]?.id}`;
    const lowered = { method: 'PATCH', body: { role: 'viewer' }, token: server.token };
    assert.equal((await ask(path, lowered)).status, 409);
    assert.equal((await ask(path, { method: 'DELETE', token: server.token })).status, 409);
  });
});

describe('API tokens', () => {
  test('are shown once, carry a checksum, expire, and can be revoked', async () => {
    const body = { name: 'ci', role: 'viewer' };
    const made = await ask('/admin/tokens', { body, token: server.token });
    const { token, id } = made.value as { token: string; id: string };
    assert.match(token, /^mrt_[\w-]{43}[0-9a-f]{8}$/);
    assert.equal((await ask('/admin/users', { token })).status, 200);
    assert.equal((await ask('/admin/invitations', { token, body: {} })).status, 403);
    const listed = await ask('/admin/tokens', { token: server.token });
    assert.ok(!JSON.stringify(listed.value).includes(token));
    const mistyped = `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`;
    assert.equal((await ask('/admin/users', { token: mistyped })).status, 401);
    await ask(`/admin/tokens/${id}`, { method: 'DELETE', token: server.token });
    assert.equal((await ask('/admin/users', { token })).status, 401);
    const past = { ...body, expiresAt: '2020-01-01T00:00:00Z' };
    const old = (await ask('/admin/tokens', { body: past, token: server.token })).value;
    assert.equal(
      (await ask('/admin/users', { token: (old as { token: string }).token })).status,
      401,
    );
  });

  test('every change is in the audit log, and no secret is', async () => {
    const log = await ask('/admin/audit?limit=500', { token: server.token });
    const text = JSON.stringify(log.value);
    for (const action of [
      'User Invited',
      'User Created',
      'User Modified',
      'Token Created',
      'Token Revoked',
    ]) {
      assert.ok(text.includes(action), action);
    }
    assert.doesNotMatch(text, /mrt_[\w-]{20,}|scrypt/);
    assert.ok(!text.includes(PASSWORD));
  });
});

describe('the command line', () => {
  test('leaves each change in the audit log, and no key or secret', async () => {
    const run = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await server.cli(...args);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const shop = await run('sources', 'create', 'Shop', '--json');
    const first = (JSON.parse(shop) as { writeKey: string }).writeKey;
    const rotated = await run('keys', 'rotate', first, '--json');
    const { key } = (JSON.parse(rotated) as { created: { key: string } }).created;
    await run('keys', 'disable', key);
    const secret = 'a-shared-secret-of-the-hook';
    const settings = [
      '--setting',
      'url=https://hook.example/',
      '--setting',
      `sharedSecret=${secret}`,
    ];
    await run('destinations', 'create', 'webhook', '--name', 'CLI Hook', ...settings);
    await run('destinations', 'pause', 'cli-hook');
    await run('destinations', 'delete', 'cli-hook');
    await run('suppressions', 'add', 'u1');
    await run('suppressions', 'remove', 'u1');
    const { value } = await ask('/admin/audit?limit=20', { token: server.token });
    const entries = value as { action: string; actor: { name: string } }[];
    const own = entries.filter(({ actor }) => actor.name === 'command line');
    assert.deepEqual(own.map(({ action }) => action).toReversed(), [
      'Source Created',
      'Write Key Created',
      'Write Key Rotated',
      'Write Key Created',
      'Write Key Disabled',
      'Destination Created',
      'Destination Modified',
      'Destination Deleted',
      'Users Suppressed',
      'Users Unsuppressed',
    ]);
    const text = JSON.stringify(entries);
    assert.ok(![first, key, secret].some((hidden) => text.includes(hidden)));
  });

  test('invites people, makes and revokes tokens, beside the running server', async () => {
    const json = async <T>(...args: string[]): Promise<T> => {
      const { code, stdout, stderr } = await server.cli(...args, '--json');
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout) as T;
    };
    const invited = await json<{ invitation: string; url: string }>(
      'users',
      'invite',
      'cli@example.com',
      '--role',
      'admin',
    );
    assert.ok(invited.url.endsWith(`/app/#invitation=${invited.invitation}`));
    const accepted = await ask('/admin/invitations/accept', {
      body: { invitation: invited.invitation, password: PASSWORD },
    });
    assert.partialDeepStrictEqual(accepted.value, { email: 'cli@example.com', role: 'admin' });
    const made = await json<{ id: string; token: string }>(
      'tokens',
      'create',
      'cli',
      '--expires',
      '1d',
    );
    assert.equal((await ask('/admin/users', { token: made.token })).status, 200);
    await json('tokens', 'revoke', made.id);
    assert.equal((await ask('/admin/users', { token: made.token })).status, 401);
    await json('users', 'disable', 'cli@example.com');
    assert.equal((await ask('/admin/me', { cookie: accepted.cookie })).status, 401);
    const users = await json<{ email: string; isEnabled: boolean }[]>('users', 'list');
    assert.equal(users.find(({ email }) => email === 'cli@example.com')?.isEnabled, false);
    const unknown = await server.cli('users', 'delete', 'nobody@example.com');
    assert.equal(unknown.code, 1);
  });
});
