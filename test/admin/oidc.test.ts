/** Signing in with an OpenID provider: a real one, a real server, and a browser's cookies. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { request } from 'undici';
import { startOidcIssuer } from '../support/oidc-issuer.ts';
import type { Claims, OidcIssuer } from '../support/oidc-issuer.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

/** What the provider knows; the test goes to the server under test instead. */
const PUBLIC_URL = 'http://dashboard.example';
const HOPS_MAX = 10;
const NAVIGATION = {
  'Sec-Fetch-Site': 'cross-site',
  'Sec-Fetch-Mode': 'navigate',
  'Sec-Fetch-Dest': 'document',
};

const ADA: Claims = {
  sub: 'ada',
  email: 'ada@shop.example',
  email_verified: true,
  name: 'Ada',
  groups: ['staff', 'member'],
};

let issuer: OidcIssuer;
let server: TestServer;

const oidcSettings = () => ({
  issuer: issuer.url,
  clientId: issuer.clientId,
  clientSecret: issuer.clientSecret,
  publicUrl: PUBLIC_URL,
  buttonText: 'the company account',
  allowedDomains: ['shop.example'],
  rolesClaim: 'groups',
});

before(async () => {
  issuer = await startOidcIssuer(`${PUBLIC_URL}/admin/oidc/callback`);
  server = await startTestServer({
    config: {
      admin: { signIns: { perAddress: 10_000 } },
      net: { allow: ['127.0.0.1'], ports: [issuer.port] },
      oidc: oidcSettings(),
    },
  });
});
after(async () => {
  await server.stop();
  await issuer.stop();
});

interface Browser {
  cookies: Map<string, string>;
  get(url: string, headers?: Record<string, string>): Promise<Response>;
}

/** Keeps cookies, follows nothing by itself. */
function newBrowser(): Browser {
  const cookies = new Map<string, string>();
  return {
    cookies,
    async get(url, headers = {}) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      // Not fetch, which has its own mind about Sec-Fetch-Mode.
      const answer = await request(url.replace(PUBLIC_URL, server.adminUrl), {
        headers: { ...headers, Cookie: cookie },
      });
      const kept = Object.entries(answer.headers).flatMap(([name, value]) =>
        [value ?? []].flat().map((one): [string, string] => [name, one]),
      );
      const response = new Response(await answer.body.text(), {
        status: answer.statusCode,
        headers: kept,
      });
      for (const line of response.headers.getSetCookie()) {
        const [pair = ''] = line.split(';');
        const [name = '', value = ''] = pair.split('=');
        if (value === '' || line.includes('Max-Age=0')) cookies.delete(name);
        else cookies.set(name, value);
      }
      return response;
    },
  };
}

const START = '/admin/oidc/start';

/** To the provider and back, up to the address that the provider sends the browser to. */
async function callbackOf(
  browser: Browser,
  { to, change }: { to?: string; change?: (url: URL) => void } = {},
): Promise<URL> {
  const query = to === undefined ? '' : `?to=${encodeURIComponent(to)}`;
  const started = await browser.get(`${server.adminUrl}${START}${query}`, NAVIGATION);
  assert.equal(started.status, 302, await started.text());
  let next = new URL(started.headers.get('location') ?? '');
  assert.equal(next.origin, issuer.url);
  change?.(next);
  for (let hop = 0; hop < HOPS_MAX; hop++) {
    const response = await browser.get(next.href);
    const location = response.headers.get('location');
    assert.ok(location, `${response.status} ${await response.text()}`);
    next = new URL(location, next);
    if (next.origin === PUBLIC_URL) return next;
  }
  throw new Error('the provider never came to an end');
}

async function signIn(person: Claims, browser = newBrowser()): Promise<Response> {
  issuer.setPerson(person);
  const callback = await callbackOf(browser);
  return browser.get(callback.href, NAVIGATION);
}

async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(server.adminUrl + path, {
    ...init,
    headers: { Authorization: `Bearer ${server.token}` },
  });
  return (await response.json()) as T;
}

async function users() {
  return ask<{ id: string; email: string; role: string; name: string }[]>('/admin/users');
}

async function assertRefused(response: Response, status: number, words: RegExp): Promise<void> {
  assert.equal(response.status, status);
  assert.match(await response.text(), words);
  const session = response.headers.getSetCookie().find((line) => line.startsWith('millrace='));
  assert.equal(session, undefined, 'no session');
}

describe('signing in elsewhere', () => {
  test('the sign-in page is told of it', async () => {
    const response = await fetch(`${server.adminUrl}/admin/sign-in-methods`);
    assert.deepEqual(await response.json(), [
      { type: 'password' },
      { type: 'oidc', name: 'the company account', url: START },
    ]);
  });

  test('somebody of an allowed domain gets an account, its role from the claim, and a session', async () => {
    const browser = newBrowser();
    const response = await signIn(ADA, browser);
    assert.equal(response.status, 302, await response.text());
    assert.equal(response.headers.get('location'), '/app/');
    const me = await browser.get(`${server.adminUrl}/admin/me`);
    assert.partialDeepStrictEqual(await me.json(), {
      type: 'user',
      name: 'ada@shop.example',
      role: 'member',
      user: { name: 'Ada' },
    });
    assert.ok(!browser.cookies.has('millrace-oidc'), 'what was pending is gone');
    assert.equal((await signIn({ ...ADA, name: 'Ada L.' })).status, 302, 'again');
    assert.equal((await users()).length, 1, 'the account is the same');
  });

  test('a new email address of the same person is the same account', async () => {
    assert.equal((await signIn({ ...ADA, email: 'lovelace@shop.example' })).status, 302);
    assert.equal((await users()).length, 1);
  });

  test('an invited address gets the role of its invitation, once', async () => {
    const grace = { sub: 'grace', email: 'grace@guest.example', email_verified: true };
    await assertRefused(await signIn(grace), 403, /invitation/);
    await ask('/admin/invitations', {
      method: 'POST',
      body: JSON.stringify({ email: 'Grace@guest.example', role: 'admin' }),
    });
    assert.equal((await signIn(grace)).status, 302);
    const made = (await users()).find(({ email }) => email === 'grace@guest.example');
    assert.equal(made?.role, 'admin');
  });

  test('an address that the provider did not verify is nobody', async () => {
    const thief = { sub: 'thief', email: 'grace@guest.example', email_verified: false };
    await assertRefused(await signIn(thief), 403, /not verified/);
    const fresh = { sub: 'fresh', email: 'fresh@shop.example' };
    await assertRefused(await signIn(fresh), 403, /not verified/);
  });

  test('a known address does not open the account of another person', async () => {
    const thief = { sub: 'thief', email: 'grace@guest.example', email_verified: true };
    await assertRefused(await signIn(thief), 409, /another person/);
  });

  test('domains are compared whole', async () => {
    for (const domain of ['evilshop.example', 'shop.example.evil.example', 'sub.shop.example']) {
      const person = { sub: domain, email: `x@${domain}`, email_verified: true };
      await assertRefused(await signIn(person), 403, /no account here/);
    }
  });

  test('an account that is disabled stays outside', async () => {
    const person = { sub: 'off', email: 'off@shop.example', email_verified: true };
    assert.equal((await signIn(person)).status, 302);
    const { stderr, code } = await server.cli(
      'users',
      'invite',
      'boss@shop.example',
      '--role',
      'owner',
    );
    assert.equal(code, 0, stderr);
    const boss = { sub: 'boss', email: 'boss@shop.example', email_verified: true };
    assert.equal((await signIn(boss)).status, 302, 'somebody has to be owner');
    const id = (await users()).find(({ email }) => email === 'off@shop.example')?.id;
    await ask(`/admin/users/${id}`, {
      method: 'PATCH',
      body: JSON.stringify({ isEnabled: false }),
    });
    await assertRefused(await signIn(person), 403, /disabled/);
  });
});

describe('what others could try', () => {
  test('a state that is not ours, or none', async () => {
    issuer.setPerson(ADA);
    for (const change of [
      (url: URL) => url.searchParams.set('state', 'x'.repeat(43)),
      (url: URL) => url.searchParams.delete('state'),
    ]) {
      const browser = newBrowser();
      const callback = await callbackOf(browser);
      change(callback);
      await assertRefused(await browser.get(callback.href, NAVIGATION), 401, /did not confirm/);
    }
  });

  test('an identity with another nonce', async () => {
    issuer.setPerson(ADA);
    const browser = newBrowser();
    const callback = await callbackOf(browser, {
      change: (url) => url.searchParams.set('nonce', 'n'.repeat(43)),
    });
    await assertRefused(await browser.get(callback.href, NAVIGATION), 401, /did not confirm/);
  });

  test('a code a second time, even with the cookie of the first', async () => {
    issuer.setPerson(ADA);
    const browser = newBrowser();
    const callback = await callbackOf(browser);
    const pending = browser.cookies.get('millrace-oidc') ?? '';
    assert.equal((await browser.get(callback.href, NAVIGATION)).status, 302);
    const other = newBrowser();
    other.cookies.set('millrace-oidc', pending);
    await assertRefused(await other.get(callback.href, NAVIGATION), 401, /did not confirm/);
  });

  test('a sign-in that another browser began, or a cookie that was made up', async () => {
    issuer.setPerson(ADA);
    const browser = newBrowser();
    const callback = await callbackOf(browser);
    await assertRefused(await newBrowser().get(callback.href, NAVIGATION), 401, /begun elsewhere/);
    const forged = newBrowser();
    const cookie = browser.cookies.get('millrace-oidc') ?? '';
    forged.cookies.set('millrace-oidc', `${cookie.slice(0, -4)}AAAA`);
    await assertRefused(await forged.get(callback.href, NAVIGATION), 401, /begun elsewhere/);
  });

  test('a code of another client or none, and an error of the provider', async () => {
    issuer.setPerson(ADA);
    for (const change of [
      (url: URL) => url.searchParams.set('code', 'x'.repeat(43)),
      (url: URL) => url.searchParams.delete('code'),
      (url: URL) => url.searchParams.set('error', '<script>alert(1)</script>'),
    ]) {
      const browser = newBrowser();
      const callback = await callbackOf(browser);
      change(callback);
      const answer = await browser.get(callback.href, NAVIGATION);
      assert.equal(answer.status, 401);
      assert.ok(!(await answer.text()).includes('<script'));
    }
  });

  test('a way back that leads elsewhere', async () => {
    issuer.setPerson(ADA);
    const ways: [to: string, location: string][] = [
      ['/sources/shop?tab=keys', '/app/sources/shop?tab=keys'],
      ['//evil.example', '/app/'],
      ['/\\evil.example', '/app/'],
      ['https://evil.example/', '/app/'],
      ['/x\r\nSet-Cookie: a=b', '/app/'],
    ];
    for (const [to, location] of ways) {
      const browser = newBrowser();
      const callback = await callbackOf(browser, { to });
      const answer = await browser.get(callback.href, NAVIGATION);
      assert.equal(answer.headers.get('location'), location, to);
    }
  });

  test('each sign-in is in the audit log; no code, token or secret is anywhere', async () => {
    const entries = await ask<{ action: string; actor: { name: string } }[]>('/admin/audit');
    const actions = new Set(entries.map(({ action }) => action));
    for (const action of ['User Created', 'User Signed In']) assert.ok(actions.has(action), action);
    const text = JSON.stringify(entries) + server.output();
    assert.ok(!text.includes(issuer.clientSecret));
    assert.doesNotMatch(text, /eyJ[\w-]+\.eyJ/, 'a token');
  });
});

test('an internal provider that the configuration does not allow is not reached', async () => {
  const asked = issuer.requests();
  const kept = await startTestServer({ config: { oidc: oidcSettings() } });
  try {
    const answer = await fetch(`${kept.adminUrl}${START}`, { redirect: 'manual' });
    assert.equal(answer.status, 503);
    assert.match(await answer.text(), /cannot be reached/);
    assert.equal(issuer.requests(), asked);
    assert.ok(!kept.output().includes(issuer.clientSecret));
  } finally {
    await kept.stop();
  }
});
