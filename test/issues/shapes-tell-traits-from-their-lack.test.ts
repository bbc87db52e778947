/**
 * Columns are learnt from one event of each shape. An identify with `traits: []` (PHP) and one
 * without traits were of one shape, but the second has the traits of its context: they had no
 * column, and were not in `_rescued` either.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

/** Sends them one by one; rows of `users` when all are there. */
async function usersOf(columns: string, like: string, bodies: readonly string[]) {
  for (const body of bodies) assert.equal((await server.post('/v1/identify', body)).status, 200);
  return server.sqlUntil(
    `select id, ${columns} from test.users where id like '${like}%' order by id`,
    (found) => found.length === bodies.length,
  );
}

test('the traits of a context are columns, whatever came before in the same shape', async () => {
  const rows = await usersOf('plan', 'a', [
    '{"userId":"a1","traits":[],"context":{"traits":{"plan":"free"}}}',
    '{"userId":"a2","context":{"traits":{"plan":"paid"}}}',
  ]);
  assert.deepEqual(rows, [
    { id: 'a1', plan: null },
    { id: 'a2', plan: 'paid' },
  ]);
});

test('a field that is there twice is of another shape than one that is there once', async () => {
  const rows = await usersOf('score', 'b', [
    '{"userId":"b1","traits":{"score":1},"traits":null}',
    '{"userId":"b2","traits":{"score":2}}',
  ]);
  assert.deepEqual(rows, [
    { id: 'b1', score: null },
    { id: 'b2', score: '2' },
  ]);
});
