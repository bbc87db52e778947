/**
 * Access tokens with Segment's own SDKs, and what is refused. SDKs ask `POST /token` with an
 * assertion that they sign, and send `Authorization: Bearer` with their events.
 */
import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { preparePython } from '../../scripts/toolchains.ts';
import { ROOT, startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const KEYS = {
  guarded: 'oauthGuardedKey0123456789',
  other: 'oauthOtherKey0123456789',
  open: 'oauthOpenKey0123456789',
} as const;
const GRANT = {
  grant_type: 'client_credentials',
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  scope: 'tracking_api:write',
};
const RUN_MS_MAX = 60_000;

const pairOf = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
const own = pairOf();
const foreign = pairOf();

interface TokenAnswer {
  status: number;
  access_token?: string;
  token_type?: string;
  expires_in?: number;
  error?: string;
  error_description?: string;
}

let server: TestServer;
let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-oauth-'));
  await writeFile(join(folder, 'own.pem'), own.privateKey);
  await writeFile(join(folder, 'foreign.pem'), foreign.privateKey);
  const source = (slug: keyof typeof KEYS) => ({ name: slug, slug, writeKeys: [KEYS[slug]] });
  server = await startTestServer({
    config: {
      sources: [
        {
          ...source('guarded'),
          oauth: { clients: [{ id: 'app', publicKey: own.publicKey }], required: true },
        },
        {
          ...source('other'),
          oauth: { clients: [{ id: 'other', publicKey: foreign.publicKey }] },
        },
        source('open'),
      ],
    },
  });
});
after(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** An assertion as the SDKs make it, with what differs. */
function assertion(
  claims: Record<string, unknown> = {},
  key: string = own.privateKey,
  header: Record<string, unknown> = { alg: 'RS256', typ: 'JWT', kid: 'k1' },
): string {
  const now = Math.floor(Date.now() / 1000);
  const body = {
    iss: 'app',
    sub: 'app',
    aud: server.url,
    iat: now - 5,
    exp: now + 55,
    jti: crypto.randomUUID(),
    ...claims,
  };
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part(header)}.${part(body)}`;
  return `${text}.${sign('sha256', Buffer.from(text), createPrivateKey(key)).toString('base64url')}`;
}

async function ask(client_assertion: string, changes: object = {}): Promise<TokenAnswer> {
  const response = await fetch(`${server.url}/token`, {
    method: 'POST',
    body: new URLSearchParams({ ...GRANT, client_assertion, ...changes }),
  });
  return { status: response.status, ...((await response.json()) as object) };
}

async function send(key: string, authorization?: string) {
  const response = await fetch(`${server.url}/v1/track`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      ...(authorization === undefined ? {} : { Authorization: authorization }),
    },
    body: JSON.stringify({ userId: 'u1', event: 'Sent', writeKey: key }),
  });
  const { code } = (await response.json()) as { code?: string };
  return { status: response.status, code };
}

describe('SDKs', () => {
  const run = async (command: string, driver: string, client: string, keyFile: string) =>
    new Promise<string>((resolve) => {
      const file = join(ROOT, 'test/compat/drivers', driver);
      const args = [file, server.url, KEYS.guarded, client, join(folder, keyFile)];
      execFile(command, args, { timeout: RUN_MS_MAX }, (_, out, problems) => {
        resolve(out + problems);
      });
    });
  const countOf = async (): Promise<number> =>
    (await server.sql(`select 1 from events where event = 'With Token'`)).length;
  for (const [name, driver] of [
    ['@segment/analytics-node', 'oauth.mjs'],
    ['segment-analytics-python', 'oauth.py'],
  ] as const) {
    test(`${name}: its event arrives with a token, and a refusal does it no harm`, async (t) => {
      const python = driver.endsWith('.py') ? await preparePython() : undefined;
      if (python?.ok === false) return t.skip(python.reason);
      const command = python?.ok ? python.python : process.execPath;
      const count = await countOf();
      const text = await run(command, driver, 'app', 'own.pem');
      assert.match(text, /^end$/m, text);
      await server.sqlUntil(
        `select 1 from events where event = 'With Token'`,
        (rows) => rows.length === count + 1,
      );
      const refused = await run(command, driver, 'app', 'foreign.pem');
      assert.match(refused, /^reason: /m, refused);
      assert.match(refused, /^end$/m, refused);
      assert.doesNotMatch(refused, /Traceback|KeyError/);
      assert.equal(await countOf(), count + 1);
    });
  }
});

test('a token is for the sources of its client, and no other text is one', async () => {
  const { status, access_token: token = '', token_type, expires_in } = await ask(assertion());
  assert.equal(status, 200);
  assert.equal(token_type, 'Bearer');
  assert.equal(typeof expires_in, 'number');
  assert.deepEqual(await send(KEYS.guarded, `Bearer ${token}`), { status: 200, code: undefined });
  const refused = { status: 401, code: 'access_token_invalid' };
  assert.deepEqual(await send(KEYS.other, `Bearer ${token}`), refused, 'of another source');
  const [tag = '', end = '', mac = ''] = token.split('.');
  const later = [tag, Number(end) + 1_000, mac].join('.');
  for (const text of ['anything', later, `${token}x`, token.slice(0, -1)]) {
    assert.deepEqual(await send(KEYS.guarded, `Bearer ${text}`), refused, text);
  }
  const missing = { status: 401, code: 'access_token_missing' };
  assert.deepEqual(await send(KEYS.guarded), missing);
  const basic = `Basic ${Buffer.from(`${KEYS.guarded}:`).toString('base64')}`;
  assert.deepEqual(await send(KEYS.guarded, basic), missing);
  assert.equal((await send(KEYS.other)).status, 200, 'not required: the write key decides');
  assert.equal((await send(KEYS.open, 'Bearer anything')).status, 200, 'no clients: not looked at');
});

test('assertions that are refused, each with a reason that SDKs can read', async () => {
  const now = Math.floor(Date.now() / 1000);
  const used = assertion();
  assert.equal((await ask(used)).status, 200);
  const none = assertion({}, own.privateKey, { alg: 'none' });
  const cases: [string, TokenAnswer, string][] = [
    ['used before', await ask(used), 'invalid_grant'],
    ['of another key', await ask(assertion({}, foreign.privateKey)), 'invalid_client'],
    ['unknown', await ask(assertion({ iss: 'x', sub: 'x' })), 'invalid_client'],
    ['no algorithm', await ask(none.slice(0, none.lastIndexOf('.') + 1)), 'invalid_request'],
    ['HS256', await ask(assertion({}, own.privateKey, { alg: 'HS256' })), 'invalid_request'],
    ['for another', await ask(assertion({ aud: 'https://oauth2.segment.io' })), 'invalid_request'],
    ['without jti', await ask(assertion({ jti: undefined })), 'invalid_request'],
    ['for long', await ask(assertion({ exp: now + 86_400 })), 'invalid_request'],
    ['no JWT', await ask('x.y.z'), 'invalid_request'],
    ['grant', await ask(assertion(), { grant_type: 'password' }), 'unsupported_grant_type'],
    ['scope', await ask(assertion(), { scope: 'public_api:read_write' }), 'invalid_scope'],
  ];
  for (const [name, answer, error] of cases) {
    assert.equal(answer.error, error, name);
    assert.ok(answer.error_description, name);
    assert.ok([400, 401].includes(answer.status), name);
    assert.equal(answer.access_token, undefined, name);
  }
  const old = await ask(assertion({ iat: now - 600, exp: now - 540 }));
  assert.equal(old.error_description, 'Token is expired', 'SDKs correct their clocks at this');
  const early = await ask(assertion({ iat: now + 60, exp: now + 120 }));
  assert.equal(early.error_description, 'Token used before issued');
});

test('a client that is taken away takes its tokens with it', async () => {
  const { access_token: token = '' } = await ask(assertion());
  const change = async (clients: object[]): Promise<Response> => {
    return fetch(`${server.adminUrl}/admin/sources/guarded`, {
      method: 'PATCH',
      headers: { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ oauth: { clients, required: true } }),
    });
  };
  await change([{ id: 'app', publicKey: foreign.publicKey }]);
  assert.equal((await send(KEYS.guarded, `Bearer ${token}`)).code, 'access_token_invalid');
  assert.equal((await ask(assertion())).error, 'invalid_client');
  await change([]);
  assert.equal((await send(KEYS.guarded, `Bearer ${token}`)).status, 401, 'required, of nobody');
  const small = generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey;
  const publicKey = small.export({ type: 'spki', format: 'pem' });
  assert.equal((await change([{ id: 'app', publicKey }])).status, 400);
  const restored = await change([{ id: 'app', publicKey: own.publicKey }]);
  assert.equal(restored.status, 200);
  assert.equal((await send(KEYS.guarded, `Bearer ${token}`)).status, 200);
});
