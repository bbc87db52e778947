/**
 * Nobody could sign in at Google, which names itself in `iss`, at LinkedIn, whose answer has no
 * `token_type`, or at Reddit, which does not undo escapes in Basic credentials. The sign-in of a
 * destination could be finished for another one with its slug, whose service got the code; and
 * tokens of one service went to another when the type was changed.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService, ServiceAnswer } from '../support/fake-service.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const TOKENS = { access_token: 'given', refresh_token: 'again', token_type: 'Bearer' };
const CLIENT = { clientId: 'id-with_marks', clientSecret: 's-e_c' };
const MASK = '••••••';

let server: TestServer;
let service: FakeService;
let tokenAnswer: ServiceAnswer;
before(async () => {
  service = await startFakeService();
  service.answerWith(({ path }) => {
    if (path === '/token') return tokenAnswer;
    if (path.endsWith('/auth/token')) {
      return { status: 200, headers: JSON_TYPE, body: '{"authToken":"renewed"}' };
    }
    return { status: path.includes('/lists/') ? 401 : 200 };
  });
  const net = { allow: ['127.0.0.1'], ports: [service.port] };
  server = await startTestServer({ config: { net } });
});
after(async () => {
  await server.stop();
  await service.close();
});

interface Answer {
  code: string;
  error: { field?: string };
  url: string;
}

async function admin(method: string, path: string, body?: unknown) {
  const answer = await fetch(`${server.adminUrl}/admin/${path}`, {
    method,
    headers: { Authorization: `Bearer ${server.token}`, ...JSON_TYPE },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, ...((await answer.json()) as Answer) };
}

const oauthOf = (own: object = {}) => ({
  ...CLIENT,
  authorizationUrl: `${service.url}/auth`,
  tokenUrl: `${service.url}/token`,
  ...own,
});
const responsys = (oauth: unknown = oauthOf()) => ({
  type: 'actions-responsys',
  settings: {
    username: 'who',
    userPassword: 'what',
    profileListName: 'list',
    baseUrl: service.url,
    oauth,
    subscriptions: [{ partnerAction: 'upsertListMember', subscribe: 'type = "identify"' }],
  },
});
const make = (slug: string, { type, settings }: { type: string; settings: object }) => {
  const given = { name: slug, slug, type, settings, delivery: { batchEvents: 1 } };
  return admin('POST', 'destinations', given);
};
const hubspot = { type: 'actions-hubspot-cloud', settings: { oauth: CLIENT } };

async function begin(slug: string): Promise<string> {
  const { url } = await admin('POST', `destinations/${slug}/authorization`, {
    origin: server.adminUrl,
  });
  return new URL(url).searchParams.get('state') ?? '';
}
const finish = (state: string, more = '') =>
  admin('POST', 'authorizations', { search: `?code=c&state=${state}${more}` });
async function authorizationOf(slug: string): Promise<unknown> {
  const headers = { Authorization: `Bearer ${server.token}` };
  const answer = await fetch(`${server.adminUrl}/admin/destinations`, { headers });
  const all = (await answer.json()) as { slug: string; authorization: unknown }[];
  return all.find((each) => each.slug === slug)?.authorization;
}

test('services that name themselves, or answer in their own form, are signed in at', async () => {
  assert.equal((await make('mail', responsys())).status, 201);
  const asText = JSON.stringify({ access_token: 'given', expires_in: '5183944' });
  const answers: Record<string, ServiceAnswer> = {
    google: { status: 200, headers: JSON_TYPE, body: JSON.stringify(TOKENS) },
    linkedin: { status: 200, headers: JSON_TYPE, body: asText },
    'no content type': { status: 200, body: asText },
    created: { status: 201, headers: JSON_TYPE, body: asText },
    'an id token of a name that nobody told us': {
      status: 200,
      headers: JSON_TYPE,
      body: JSON.stringify({ ...TOKENS, id_token: 'a.b.c', expires_in: null, scope: ['x'] }),
    },
  };
  for (const [name, answer] of Object.entries(answers)) {
    tokenAnswer = answer;
    const { status } = await finish(await begin('mail'), '&iss=https://accounts.google.com');
    assert.equal(status, 200, name);
    assert.notEqual(await authorizationOf('mail'), null);
    assert.equal((await admin('DELETE', 'destinations/mail/authorization')).status, 200);
  }
  for (const body of ['', '[1]', '{"access_token":5}', '<html>']) {
    tokenAnswer = { status: 200, headers: JSON_TYPE, body };
    assert.equal((await finish(await begin('mail'))).code, 'DESTINATION_TEST_FAILED', body);
  }
});

test('Basic credentials are sent as they are', async () => {
  tokenAnswer = { status: 200, headers: JSON_TYPE, body: JSON.stringify(TOKENS) };
  const settings = { oauth: oauthOf(), ad_account_id: 'a', subscriptions: [] };
  const made = await make('reddit', { type: 'actions-reddit-audiences', settings });
  assert.equal(made.status, 201);
  assert.equal((await finish(await begin('reddit'))).status, 200);
  const { authorization = '' } = service.requests.at(-1)?.headers ?? {};
  const sent = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString();
  assert.equal(sent, `${CLIENT.clientId}:${CLIENT.clientSecret}`);
});

test('a code goes to the application that the sign-in began with, or nowhere', async () => {
  assert.equal((await make('moved', responsys())).status, 201);
  const state = await begin('moved');
  const asked = service.requests.length;
  const other = oauthOf({ tokenUrl: `${service.url}/other` });
  const changed = await admin('PATCH', 'destinations/moved', {
    settings: responsys(other).settings,
  });
  assert.equal(changed.status, 200);
  assert.equal((await finish(state)).code, 'CONFLICT');
  assert.equal((await admin('DELETE', 'destinations/moved')).status, 200);
  assert.equal((await make('moved', responsys())).status, 201);
  assert.equal((await finish(state)).code, 'CONFLICT');
  assert.equal(service.requests.length, asked, 'no service has seen the code');
});

test('another service gets no token and no secret of the one before', async () => {
  tokenAnswer = { status: 200, headers: JSON_TYPE, body: JSON.stringify(TOKENS) };
  const own = { ...hubspot, settings: { oauth: oauthOf(), subscriptions: [] } };
  assert.equal((await make('turned', own)).status, 201);
  assert.equal((await finish(await begin('turned'))).status, 200);
  const masked = await admin('PATCH', 'destinations/turned', responsys(MASK));
  assert.deepEqual([masked.code, masked.error.field], ['DESTINATION_INVALID', 'oauth']);
  const copied = await make('copy', responsys(MASK));
  assert.deepEqual([copied.code, copied.error.field], ['DESTINATION_INVALID', 'oauth']);
  const bare = await admin('PATCH', 'destinations/turned', { type: 'actions-intercom-cloud' });
  assert.deepEqual([bare.code, bare.error.field], ['DESTINATION_INVALID', 'oauth']);
  const again = await admin('PATCH', 'destinations/turned', {
    type: hubspot.type,
    settings: { oauth: MASK, subscriptions: [] },
  });
  assert.equal(again.status, 200);
  assert.notEqual(await authorizationOf('turned'), null, 'nothing has changed');
  assert.equal((await admin('PATCH', 'destinations/turned', responsys())).status, 200);
  assert.equal(await authorizationOf('turned'), null);
});

test('tokens that are forgotten are gone, with those that they were renewed to', async () => {
  tokenAnswer = { status: 200, headers: JSON_TYPE, body: JSON.stringify(TOKENS) };
  assert.equal((await finish(await begin('mail'))).status, 200);
  const kept = (): number => {
    const database = new DatabaseSync(join(server.dataDir, 'control.db'), { readOnly: true });
    const sql = `select 1 from renewed_tokens join destinations on id = destination_id
      where slug = 'mail'`;
    const rows = database.prepare(sql).all();
    database.close();
    return rows.length;
  };
  await server.post('/v1/identify', { userId: 'u', traits: { email: 'u@b.example' } });
  await until('a renewal is stored', () => kept() === 1);
  assert.equal((await admin('DELETE', 'destinations/mail/authorization')).status, 200);
  assert.equal(kept(), 0);
});
