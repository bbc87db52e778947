/**
 * People and programs that mean harm at the admin listener: wrong keys and tokens (fault F39),
 * sources that somebody may not see (F40), one messageId in two sources (F41), guessing, forms of
 * other sites and stolen cookies (F44), and secrets in whatever comes out (F45). Foreign
 * workspaces are in test/admin/tenancy.test.ts, addresses (F42) in test/unit/net-*.test.ts, stored
 * scripts (F43) in test/dashboard.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { askAdmin, signedIn } from '../support/admin-people.ts';
import { readAdminRoutes } from '../support/admin-routes.ts';
import { basicAuth, startTestServer, WRITE_KEY } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const OTHER_KEY = 'otherWriteKey0123456789';
const OWN_PAGE = { 'Sec-Fetch-Site': 'same-origin' };

let server: TestServer;
let routes: readonly string[] = [];
/** Of somebody who may change `test`, and see nothing else. */
let keptCookie = '';

before(async () => {
  routes = await readAdminRoutes();
  server = await startTestServer({
    config: {
      logging: { level: 'debug' },
      admin: { signIns: { perAddress: 100_000 } },
      sources: [
        { name: 'Test', slug: 'test', writeKeys: [WRITE_KEY] },
        { name: 'Hidden 5e1f', slug: 'hidden-5e1f', writeKeys: [OTHER_KEY] },
      ],
    },
  });
  keptCookie = await signedIn(server, 'member', { read: [], write: ['test'] });
});
after(() => server.stop());

async function get(path: string, headers: Record<string, string>): Promise<Response> {
  return fetch(server.adminUrl + path, { headers, redirect: 'manual' });
}

async function textOf(response: Response): Promise<string> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    return response.text();
  }
  await response.body?.cancel();
  return '';
}

describe('keys and tokens that are wrong (F39)', () => {
  test('the collector answers each of them alike', async () => {
    const made = await askAdmin<{ id: string; writeKey: string }>(server, '/sources/test/keys', {
      method: 'POST',
    });
    const { id, writeKey: disabled } = made.value;
    await askAdmin(server, `/sources/test/keys/${id}/disable`, { method: 'POST' });
    const wrong = [
      disabled,
      WRITE_KEY.slice(0, -1),
      `${WRITE_KEY}x`,
      WRITE_KEY.toUpperCase(),
      createHash('sha256').update(WRITE_KEY).digest('hex'),
      server.token.slice(0, 32),
      randomBytes(16).toString('hex'),
    ];
    const answers = await Promise.all(
      wrong.map(async (key) => {
        const body = { userId: 'u', event: 'E' };
        const answer = await server.post('/v1/track', body, { Authorization: basicAuth(key) });
        return `${answer.status} ${await answer.text()}`;
      }),
    );
    assert.match(answers[0] ?? '', /^401 /);
    assert.equal(new Set(answers).size, 1, answers.join('\n'));
    assert.ok(wrong.every((key) => !answers[0]?.includes(key)));
  });

  test('the admin listener as well', async () => {
    const made = await askAdmin<{ id: string; token: string }>(server, '/tokens', {
      body: { name: 'revoked', role: 'viewer' },
    });
    const { id, token } = made.value;
    await askAdmin(server, `/tokens/${id}`, { method: 'DELETE' });
    const expired = await askAdmin<{ token: string }>(server, '/tokens', {
      body: { name: 'expired', expiresAt: '2020-01-01T00:00:00Z' },
    });
    const wrong = [
      token,
      expired.value.token,
      `${token.slice(0, -1)}0`,
      WRITE_KEY,
      server.token.slice(0, -1),
      `${server.token} `.repeat(2).trim(),
      createHash('sha256').update(server.token).digest('hex'),
      'x'.repeat(5_000),
    ];
    const answers = await Promise.all(
      wrong.map(async (one) => {
        const answer = await get('/admin/me', { Authorization: `Bearer ${one}` });
        return `${answer.status} ${await answer.text()}`;
      }),
    );
    assert.match(answers[0] ?? '', /^401 /);
    assert.equal(new Set(answers).size, 1, answers.join('\n'));
  });
});

describe('an account that is kept to one source (F40)', () => {
  test('finds nothing of the other one, by whatever route', async () => {
    const destination = {
      name: 'Hidden 5e1f hook',
      slug: 'hidden-5e1f',
      type: 'webhook',
      sources: ['hidden-5e1f'],
      settings: { url: 'https://example.com/' },
    };
    assert.equal((await askAdmin(server, '/destinations', { body: destination })).status, 201);
    const headers = { Cookie: keptCookie, ...OWN_PAGE };
    const wrong: string[] = [];
    for (const route of routes) {
      const [method = '', pattern = ''] = route.split(' ');
      const isNamed = /^\/admin\/(sources|destinations)\/:slug/.test(pattern);
      const isList = method === 'GET' && !pattern.includes(':') && !pattern.includes('*');
      // Counts for Prometheus are open to all, names included; the listener is private.
      if ((!isNamed && !isList) || pattern === '/metrics') continue;
      const path = pattern.replace(':slug', 'hidden-5e1f').replaceAll(/:\w+(\{[^}]*\})?/g, '1');
      const hasBody = method !== 'GET' && method !== 'DELETE';
      const response = await fetch(server.adminUrl + path, {
        method,
        headers,
        ...(hasBody && { body: '{}' }),
      });
      const text = (await textOf(response)).replaceAll(path, '');
      const isHidden = !isNamed || response.status === 404 || response.status === 400;
      const isSilent = !/Hidden 5e1f/.test(text) && (isNamed || !text.includes('hidden-5e1f'));
      if (!isHidden || !isSilent) wrong.push(`${method} ${path}: ${response.status} ${text}`);
    }
    assert.deepEqual(wrong, []);
  });

  test('cannot widen itself, and asks no questions over all sources', async () => {
    const cookie = await signedIn(server, 'viewer', { read: ['test'], write: [] });
    const me = await askAdmin<{ id: string }>(server, '/me', { cookie });
    const change = { method: 'PATCH', body: { role: 'owner', sources: null }, cookie };
    assert.equal((await askAdmin(server, `/users/${me.value.id}`, change)).status, 403);
    const headers = { Cookie: cookie, ...OWN_PAGE };
    assert.equal((await get('/admin/audit', headers)).status, 403);
    const sql = await fetch(`${server.adminUrl}/sql`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ sql: 'select * from events' }),
    });
    assert.equal(sql.status, 403);
  });

  test('fields that are not for changing are refused by name', async () => {
    const [first] = (await askAdmin<{ id: string }[]>(server, '/users')).value;
    for (const field of ['id', 'workspaceId', 'password', 'oidcSubject', 'createdAt']) {
      const body = { [field]: 'x' };
      const answer = await askAdmin(server, `/users/${first?.id}`, { method: 'PATCH', body });
      assert.equal(answer.status, 400, field);
      assert.match(answer.text, new RegExp(field));
    }
    for (const field of ['id', 'origin', 'workspaceId', 'createdAt']) {
      const path = '/destinations/hidden-5e1f';
      const answer = await askAdmin(server, path, { method: 'PATCH', body: { [field]: 'x' } });
      assert.equal(answer.status, 400, field);
    }
  });
});

test('one messageId in two sources is two events, and each is seen by its own people (F41)', async () => {
  const event = { userId: 'u', event: 'Twice', messageId: 'f41-same' };
  for (const key of [WRITE_KEY, OTHER_KEY, WRITE_KEY]) {
    const sent = await server.post('/v1/track', event, { Authorization: basicAuth(key) });
    assert.equal(sent.status, 200);
  }
  const query = `select source from events where message_id = 'f41-same' order by source`;
  const rows = await server.sqlUntil(query, ({ length }) => length >= 2);
  assert.deepEqual(rows, [{ source: 'hidden-5e1f' }, { source: 'test' }]);
  const copiesFor = async (asked: { cookie?: string }): Promise<string[]> => {
    const trace = await askAdmin<{ copies: { source: string }[] }>(
      server,
      '/trace/f41-same',
      asked,
    );
    return trace.value.copies.map(({ source }) => source).toSorted();
  };
  assert.deepEqual([...new Set(await copiesFor({}))], ['hidden-5e1f', 'test']);
  assert.deepEqual([...new Set(await copiesFor({ cookie: keptCookie }))], ['test']);
});

describe('guessing, forms and stolen cookies (F44)', () => {
  const PASSWORD = 'correct horse battery';
  let owner = '';

  test('a flood of guesses at one name is cut before it costs anything; others sign in', async () => {
    const cookie = await signedIn(server, 'owner');
    const me = await askAdmin<{ name: string }>(server, '/me', { cookie });
    const guess = () =>
      fetch(`${server.adminUrl}/admin/sign-in`, {
        method: 'POST',
        body: JSON.stringify({ email: 'guessed@example.com', password: 'wrong' }),
      });
    const answers = await Promise.all(Array.from({ length: 300 }, guess));
    const hashed = answers.filter(({ status }) => status === 401).length;
    assert.ok(hashed <= 9, `${hashed} guesses were looked at`);
    assert.equal(answers.filter(({ status }) => status === 429).length, 300 - hashed);
    const own = await fetch(`${server.adminUrl}/admin/sign-in`, {
      method: 'POST',
      body: JSON.stringify({ email: me.value.name, password: PASSWORD }),
    });
    assert.equal(own.status, 200);
    owner = me.value.name;
  });

  test('behind a proxy guesses count against who made them, and nobody else names another', async () => {
    const guess = async (on: TestServer, from: string): Promise<number> => {
      const body = JSON.stringify({ email: `${from}@example.com`, password: 'wrong' });
      const headers = { 'X-Forwarded-For': from };
      const url = `${on.adminUrl}/admin/sign-in`;
      return (await fetch(url, { method: 'POST', body, headers })).status;
    };
    for (const trustedProxies of [['127.0.0.1'], []]) {
      const signIns = { perAddress: 3 };
      const own = await startTestServer({ config: { admin: { signIns, trustedProxies } } });
      try {
        for (let at = 0; at < 3; at++) assert.equal(await guess(own, '203.0.113.7'), 401);
        assert.equal(await guess(own, '203.0.113.7'), 429);
        const isTrusted = trustedProxies.length > 0;
        assert.equal(await guess(own, '203.0.113.8'), isTrusted ? 401 : 429);
      } finally {
        await own.stop();
      }
    }
  });

  test('a form of another site signs nobody in and changes nothing', async () => {
    const body = JSON.stringify({ email: owner, password: PASSWORD });
    const forms: Record<string, string>[] = [
      { 'Sec-Fetch-Site': 'cross-site', 'Content-Type': 'text/plain' },
      { Origin: 'https://evil.example', 'Content-Type': 'text/plain' },
      { Origin: 'null', 'Content-Type': 'application/x-www-form-urlencoded' },
      { 'Sec-Fetch-Site': 'same-site', Origin: 'https://evil.example' },
    ];
    for (const headers of forms) {
      const answer = await fetch(`${server.adminUrl}/admin/sign-in`, {
        method: 'POST',
        headers,
        body,
      });
      assert.ok([401, 403].includes(answer.status), JSON.stringify(headers));
      assert.deepEqual(answer.headers.getSetCookie(), []);
    }
  });

  test('a cookie that was copied is worth nothing after a new password, or after signing out', async () => {
    const cookie = await signedIn(server, 'admin');
    const me = await askAdmin<{ id: string }>(server, '/me', { cookie });
    assert.equal(me.status, 200);
    const path = `/users/${me.value.id}/new-password`;
    const offered = await askAdmin<{ invitation: string }>(server, path, { method: 'POST' });
    const body = { invitation: offered.value.invitation, password: 'another good password' };
    const accepted = await askAdmin(server, '/invitations/accept', { body });
    assert.equal(accepted.status, 201, accepted.text);
    assert.equal((await askAdmin(server, '/me', { cookie })).status, 401);
    const again = await askAdmin(server, '/invitations/accept', { body });
    assert.equal(again.status, 404, 'the link works once');
  });

  test('answers of the admin listener are not for other sites, frames or guesses of their type', async () => {
    const answer = await get('/admin/users', {
      Authorization: `Bearer ${server.token}`,
      Origin: 'https://evil.example',
    });
    assert.equal(answer.headers.get('access-control-allow-origin'), null);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(answer.headers.get('x-frame-options'), 'DENY');
    assert.equal(answer.headers.get('referrer-policy'), 'no-referrer');
    await answer.body?.cancel();
  });
});

describe('secrets (F45)', () => {
  const SETTING = 'canary-setting-8d21c4';
  const PASSWORD = 'canary password 77e0aa';
  const CODE = 'canaryWriteKey5b3f9e';

  /** Every answer, what commands print, and, once the server has ended, its log and files. */
  async function readEverything(places: Map<string, string>): Promise<void> {
    for (const route of routes) {
      const [method, pattern = ''] = route.split(' ');
      if (method !== 'GET' || pattern.includes('*')) continue;
      const path = pattern
        .replace('/destinations/:slug', '/destinations/canary')
        .replace('/sources/:slug', '/sources/canary')
        .replaceAll(/:\w+(\{[^}]*\})?/g, '1');
      const answer = await get(path, { Authorization: `Bearer ${server.token}` });
      places.set(`GET ${path}`, await textOf(answer));
    }
    for (const command of ['config --print', 'export', 'destinations list --json', 'keys list']) {
      const { stdout, stderr } = await server.cli(...command.split(' '));
      places.set(`millrace ${command}`, stdout + stderr);
    }
    assert.equal(await server.terminate(), 0);
    places.set('the log to its end', server.output());
    for (const name of readdirSync(server.dataDir, { recursive: true, withFileTypes: true })) {
      const path = join(name.parentPath, name.name);
      if (name.isFile()) places.set(path, readFileSync(path, 'latin1'));
    }
  }

  test('are in no answer, log line, command output or file', async () => {
    const secrets = new Map<string, string>([
      ['destination setting', SETTING],
      ['password', PASSWORD],
      ['write key', CODE],
    ]);
    const destination = {
      name: 'Canary',
      slug: 'canary',
      type: 'webhook',
      settings: {
        url: 'http://127.0.0.1:9/',
        sharedSecret: SETTING,
        headers: { Authorization: SETTING },
      },
    };
    // The address is refused, with the secret in the request.
    const refused = await askAdmin(server, '/destinations', { body: destination });
    assert.equal(refused.status, 400);
    const settings = { ...destination.settings, url: 'https://example.com/' };
    const made = await askAdmin(server, '/destinations', { body: { ...destination, settings } });
    assert.equal(made.status, 201, made.text);
    const wrong = { settings: { ...settings, sharedSecret: { nested: SETTING } } };
    const invalid = await askAdmin(server, '/destinations/canary', {
      method: 'PATCH',
      body: wrong,
    });
    const document = {
      version: 1,
      sources: [{ slug: 'canary', name: 'Canary', writeKeys: [{ key: CODE }] }],
    };
    const applied = await askAdmin(server, '/apply', { body: { document } });
    assert.equal(applied.status, 200, applied.text);
    const sent = await server.post(
      '/v1/track',
      { userId: 'u', event: 'E' },
      { Authorization: basicAuth(CODE) },
    );
    assert.equal(sent.status, 200);
    const invited = await askAdmin<{ invitation: string }>(server, '/invitations', {
      body: { email: 'canary@example.com', role: 'owner' },
    });
    const { invitation } = invited.value;
    const signUp = { invitation, password: PASSWORD };
    assert.equal((await askAdmin(server, '/invitations/accept', { body: signUp })).status, 201);
    const signIn = await fetch(`${server.adminUrl}/admin/sign-in`, {
      method: 'POST',
      body: JSON.stringify({ email: 'canary@example.com', password: PASSWORD }),
    });
    const session = /millrace=([^;]+)/.exec(signIn.headers.getSetCookie()[0] ?? '')?.[1] ?? '';
    const token = await askAdmin<{ token: string }>(server, '/tokens', { body: { name: 'c' } });
    secrets.set('session', session).set('invitation', invitation);
    secrets.set('API token', token.value.token).set('admin token', server.token);

    const places = new Map<string, string>([
      ['the refusal of an address', refused.text],
      ['a new destination', made.text],
      ['the refusal of a setting', invalid.text],
      ['the plan', applied.text],
      ['the log', server.output()],
    ]);
    await readEverything(places);
    assert.ok(places.size > 40, `${places.size} places`);
    const database = [...places].find(([place]) => place.endsWith('control.db'));
    assert.ok(database?.[1].includes('Canary'), 'files are read as they are');
    const found = [...places].flatMap(([place, text]) =>
      [...secrets]
        .filter(([, secret]) => secret.length > 0 && text.includes(secret))
        .filter(([what]) => !(what === 'admin token' && place.endsWith('/admin-token')))
        .map(([what]) => `${what} in ${place}`),
    );
    assert.deepEqual(found, []);
    assert.ok([...secrets.values()].every((secret) => secret.length >= 16));
  });
});
