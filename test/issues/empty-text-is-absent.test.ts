/**
 * Kotlin and C# send `"category":""` for every `screen(name)`, Ruby and Rust `"name":""` for a page
 * without one, RudderStack's JavaScript `"userId":""` for every visitor before identify: 12 of 12
 * such events were refused. An empty text in an optional field says as little as null does.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startHookedServer } from '../support/hooked-server.ts';
import type { HookedServer } from '../support/hooked-server.ts';

let server: HookedServer;
before(async () => {
  server = await startHookedServer();
});
after(() => server.stop());

/** Path, body without messageId, columns that are null, keys that the message does not have. */
const CASES: [path: string, body: string, columns: string[], keys: string[]][] = [
  ['/v1/screen', '"anonymousId":"a","name":"Home","category":""', ['category'], ['category']],
  ['/v1/page', '"userId":"u","name":"","properties":{"path":"/"}', ['name'], ['name']],
  ['/v1/track', '"userId":"","anonymousId":"a","event":"Seen"', ['user_id'], ['userId']],
  ['/v1/track', '"userId":"u","anonymousId":"","event":"Seen"', ['anonymous_id'], ['anonymousId']],
  [
    '/v1/track',
    '"userId":"u","event":"Seen","groupId":"","previousId":""',
    ['group_id', 'previous_id'],
    ['groupId', 'previousId'],
  ],
  [
    '/v1/identify',
    '"userId":"u","traits":"","context":"","integrations":""',
    ['traits'],
    ['traits'],
  ],
  ['/v1/track', '"userId":"u","event":"Seen","properties":""', ['properties'], ['properties']],
  [
    '/v1/track',
    '"userId":"u","event":"Seen","timestamp":"","sentAt":"","originalTimestamp":""',
    ['sent_at'],
    ['sentAt'],
  ],
];

for (const [at, [path, body, columns, keys]] of CASES.entries()) {
  test(`${path} {${body}} is stored`, async () => {
    const messageId = `empty-${at}`;
    const response = await server.post(path, `{${body},"messageId":"${messageId}"}`);
    assert.equal(response.status, 200, await response.text());
    const row = await server.stored(messageId);
    for (const column of columns) assert.equal(row[column], null, column);
    assert.equal(row['extra'], null, 'absent is no repair');
    const message = JSON.parse(await server.delivered(messageId)) as Record<string, unknown>;
    for (const key of keys) assert.ok(!(key in message), key);
    assert.deepEqual([message['context'], message['integrations']], [{}, {}]);
  });
}

test('a name that is empty on the page is taken from its properties, as one that is missing', async () => {
  const event = '"userId":"u","name":"","properties":{"name":"Pricing"},"messageId":"named"';
  assert.equal((await server.post('/v1/page', `{${event}}`)).status, 200);
  assert.equal((await server.stored('named'))['name'], 'Pricing');
});

test('an empty messageId is none: each event gets one of its own', async () => {
  for (let n = 0; n < 2; n++) {
    const event = '{"userId":"u","event":"No id","messageId":""}';
    assert.equal((await server.post('/v1/track', event)).status, 200);
  }
  const rows = await server.sqlUntil(
    "select message_id from events where event = 'No id'",
    (all) => {
      return all.length === 2;
    },
  );
  for (const { message_id } of rows) assert.match(String(message_id), /^millrace-us-0-\d+-0$/);
});

test('what must say something is still refused', async () => {
  for (const [path, body, code] of [
    ['/v1/track', { userId: 'u', event: '' }, 'event_not_defined'],
    ['/v1/track', { userId: '', anonymousId: '', event: 'E' }, 'no_user_anon_id'],
    ['/v1/identify', { userId: '' }, 'no_user_anon_id'],
    ['/v1/group', { userId: 'u', groupId: '' }, 'id_required'],
  ] as const) {
    const response = await server.post(path, body);
    assert.equal(response.status, 400, path);
    assert.equal(((await response.json()) as { code: string }).code, code);
  }
});

test('it is counted', async () => {
  await server.counted('millrace_events_repaired_total{rule="empty_text"}', 11);
});
