/**
 * PHP has one kind of array, and an empty one is written `[]`: `'integrations' => []` cost the
 * event, and beside others in a batch nobody heard of it. `[]` where an object is meant is `{}`.
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

test('each of the objects may be an empty list, and what was sent can be seen', async () => {
  const lists = '"properties":[],"traits":[ ],"context":[],"integrations":[]';
  const event = `{"userId":"u","event":"E","messageId":"lists",${lists}}`;
  const response = await server.post('/v1/track', event);
  assert.equal(response.status, 200, await response.text());
  const row = await server.stored('lists');
  assert.deepEqual(
    [row['properties'], row['traits'], row['context'], row['integrations']],
    ['{}', '{}', '{}', '{}'],
  );
  assert.equal(
    row['extra'],
    '{"_repairs":{"properties":[],"traits":[ ],"context":[],"integrations":[]}}',
  );
  const sent = await server.delivered('lists');
  for (const key of ['properties', 'traits', 'context', 'integrations']) {
    assert.ok(sent.includes(`"${key}":{}`), `${key} in ${sent}`);
  }
  assert.ok(!sent.includes('_repairs'), sent);
});

test('so may those of the batch', async () => {
  const event =
    '{"type":"track","userId":"u","event":"E","messageId":"shared","context":{"a":1.0}}';
  const body = `{"context":[],"integrations":[ ],"batch":[${event}]}`;
  const response = await server.post('/v1/batch', body);
  assert.deepEqual([response.status, await response.json()], [200, { success: true }]);
  const row = await server.stored('shared');
  assert.deepEqual([row['context'], row['integrations']], ['{"a":1.0}', '{}']);
  assert.equal(row['extra'], '{"_repairs":{"batch.context":[],"batch.integrations":[ ]}}');
});

test('a client gets its address into a context that was an empty list', async () => {
  const event = '{"userId":"u","event":"E","messageId":"client","context":[]}';
  assert.equal((await server.post('/v1/t', event)).status, 200);
  assert.match(String((await server.stored('client'))['context']), /^\{"ip":"[^"]+"\}$/);
});

test('a list that holds something is still refused', async () => {
  for (const field of ['properties', 'traits', 'context', 'integrations']) {
    const response = await server.post('/v1/track', `{"userId":"u","event":"E","${field}":[0]}`);
    assert.equal(response.status, 400);
    assert.equal(((await response.json()) as { code: string }).code, `${field}_not_object`);
  }
});

test('it is counted, once an event', async () => {
  await server.counted('millrace_events_repaired_total{rule="empty_list"}', 3);
});
