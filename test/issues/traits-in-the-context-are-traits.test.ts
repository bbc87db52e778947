/**
 * RudderStack's SDKs, and old ones of Segment, send the traits of an identify in `context.traits`:
 * such a user had no traits in SQL and at destinations. They fill `traits` when that is absent.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startHookedServer } from '../support/hooked-server.ts';
import type { HookedServer } from '../support/hooked-server.ts';

const TRAITS = '{"email":"a@b.c","account":675127116845989888,"score": 1.50}';
const CONTEXT = `"context":{"library":{"name":"r"},"traits":${TRAITS}}`;

let server: HookedServer;
before(async () => {
  server = await startHookedServer();
});
after(() => server.stop());

/** Sends an event to a route; what the lake and the webhook have of its traits. */
async function traitsOf(id: string, route: string, body: string): Promise<[unknown, string]> {
  const answer = await server.post(route, body);
  assert.equal(answer.status, 200, await answer.text());
  const row = await server.stored(id);
  const sent = await server.delivered(id);
  assert.ok(!String(row['extra']).includes('_repairs'), String(row['extra']));
  return [row['traits'], sent];
}

const FILLED: [id: string, route: string, body: string][] = [
  ['absent', '/v1/identify', `{"userId":"u","messageId":"absent",${CONTEXT}}`],
  ['null', '/v1/identify', `{"userId":"u","messageId":"null","traits":null,${CONTEXT}}`],
  ['empty', '/v1/identify', `{"userId":"u","messageId":"empty","traits":"",${CONTEXT}}`],
  [
    'item',
    '/v1/batch',
    `{"batch":[{"type":"identify","userId":"u","messageId":"item",${CONTEXT}}]}`,
  ],
  [
    'shared',
    '/v1/batch',
    `{${CONTEXT},"batch":[{"type":"identify","userId":"u","messageId":"shared"}]}`,
  ],
];

for (const [id, route, body] of FILLED) {
  test(`${id}: the context's traits are the event's, to the last digit`, async () => {
    const [stored, sent] = await traitsOf(id, route, body);
    assert.equal(stored, TRAITS);
    assert.ok(sent.includes(`,"traits":${TRAITS},`), sent);
    // Where they were they stay.
    assert.equal(sent.split(TRAITS).length, 3, sent);
  });
}

test('traits of its own stay as they are, and other calls take none', async () => {
  const own = `{"userId":"u","messageId":"own","traits":{"a":1},${CONTEXT}}`;
  assert.equal((await traitsOf('own', '/v1/identify', own))[0], '{"a":1}');
  const none = `{"userId":"u","messageId":"none","traits":{},${CONTEXT}}`;
  assert.equal((await traitsOf('none', '/v1/identify', none))[0], '{}');
  const group = `{"userId":"u","groupId":"g","messageId":"group",${CONTEXT}}`;
  assert.equal((await traitsOf('group', '/v1/group', group))[0], null);
  const odd = `{"userId":"u","messageId":"odd","context":{"traits":[1]}}`;
  assert.equal((await traitsOf('odd', '/v1/identify', odd))[0], null);
});

test('users in SQL have them', async () => {
  const rows = await server.sql('select email, account::varchar as account from test.users');
  assert.deepEqual(rows, [{ email: 'a@b.c', account: '675127116845989888' }]);
});
