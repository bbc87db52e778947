/**
 * The README of analytics-ruby has `user_id: 42`; PHP sends what it has. Every such event was
 * refused. A number as an id becomes the digits that were sent, all of them.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startHookedServer } from '../support/hooked-server.ts';
import type { HookedServer } from '../support/hooked-server.ts';

/** As a double it ends in 900. */
const LONG = '675127116845989888';

let server: HookedServer;
before(async () => {
  server = await startHookedServer();
});
after(() => server.stop());

test('every id keeps every digit, in the lake and in what is delivered', async () => {
  const body =
    `{"batch":[{"type":"group","userId":${LONG},"anonymousId":9007199254740993,` +
    `"groupId":7,"messageId":${LONG}1,"traits":{"n":${LONG}},"own":[1.50]},` +
    `{"type":"alias","userId":42,"previousId":-1,"messageId":2}]}`;
  const response = await server.post('/v1/batch', body);
  assert.deepEqual([response.status, await response.json()], [200, { success: true }]);
  const group = await server.stored(`${LONG}1`);
  assert.deepEqual(
    [group['user_id'], group['anonymous_id'], group['group_id'], group['traits']],
    [LONG, '9007199254740993', '7', `{"n":${LONG}}`],
  );
  assert.equal(
    group['extra'],
    `{"own":[1.50],"_repairs":{"userId":${LONG},"anonymousId":9007199254740993,"groupId":7,` +
      `"messageId":${LONG}1}}`,
  );
  const alias = await server.stored('2');
  assert.deepEqual([alias['user_id'], alias['previous_id']], ['42', '-1']);
  assert.equal(alias['extra'], '{"_repairs":{"userId":42,"previousId":-1,"messageId":2}}');
  const sent = await server.delivered(`${LONG}1`);
  for (const part of [
    `"userId":"${LONG}"`,
    '"anonymousId":"9007199254740993"',
    '"groupId":"7"',
    `"messageId":"${LONG}1"`,
    `"traits":{"n":${LONG}}`,
    '"own":[1.50]',
  ]) {
    assert.ok(sent.includes(part), `${part} in ${sent}`);
  }
  assert.ok(!sent.includes('_repairs'), sent);
});

test('42 and "42" are one user', async () => {
  await server.post('/v1/track', '{"userId":42,"event":"Of a number","messageId":"n"}');
  await server.post('/v1/track', '{"userId":"42","event":"Of a text","messageId":"t"}');
  const rows = await server.sqlUntil(
    "select distinct user_id from events where message_id in ('n', 't')",
    (all) => all.length > 0,
  );
  assert.deepEqual(rows, [{ user_id: '42' }]);
});

test('messageId 43 and "43" are copies of one event', async () => {
  await server.post('/v1/track', '{"userId":"u","event":"Once","messageId":43}');
  await server.post('/v1/track', '{"userId":"u","event":"Once","messageId":"43"}');
  // The slow way: a consent object is judged on parsed values.
  const slow = '{"userId":"u","event":"Once","messageId":43,"context":{"consent":{}}}';
  await server.post('/v1/track', slow);
  await server.post('/v1/track', '{"userId":"u","event":"Behind","messageId":"behind"}');
  await server.stored('behind');
  const rows = await server.sql("select message_id, extra from events where event = 'Once'");
  assert.deepEqual(rows, [{ message_id: '43', extra: '{"_repairs":{"messageId":43}}' }]);
  await server.counted('millrace_dispatch_duplicates_total{source="test"}', 2);
});

test('an account that the context names by a number is that account', async () => {
  const event = `{"userId":"u","event":"In group","messageId":"in","context":{"groupId":${LONG}}}`;
  await server.post('/v1/track', event);
  const row = await server.stored('in');
  assert.deepEqual([row['group_id'], row['context']], [LONG, `{"groupId":${LONG}}`]);
});

test('what is neither text nor number is still refused', async () => {
  for (const [field, value, code] of [
    ['userId', 'true', 'id_not_string'],
    ['anonymousId', '{}', 'id_not_string'],
    ['groupId', '[1]', 'id_not_string'],
    ['previousId', '[]', 'id_not_string'],
    ['messageId', 'false', 'message_id_not_string'],
    ['messageId', '1'.repeat(101), 'message_id_too_long'],
  ] as const) {
    const body = `{"userId":"u","event":"E","${field}":${value}}`.replace(
      field === 'userId' ? '"userId":"u",' : '',
      '',
    );
    const response = await server.post('/v1/track', body);
    assert.equal(response.status, 400, body);
    assert.equal(((await response.json()) as { code: string }).code, code);
  }
});

test('it is counted, once an event', async () => {
  // Two of the batch, one of a user, two copies of one event.
  await server.counted('millrace_events_repaired_total{rule="number_id"}', 5);
});
