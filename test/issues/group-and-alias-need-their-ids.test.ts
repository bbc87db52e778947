/**
 * An alias without previousId and a group without groupId were stored: rows that no account and no
 * user ever sees. Segment requires both, and docs/errors.md said that they are refused.
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

async function answerTo(path: string, body: object): Promise<unknown> {
  const response = await server.post(path, body);
  const { code, error } = (await response.json()) as { code?: string; error?: { field: string } };
  return [response.status, code, error?.field];
}

test('a group without groupId is refused', async () => {
  assert.deepEqual(await answerTo('/v1/group', { userId: 'u' }), [400, 'id_required', 'groupId']);
  assert.deepEqual(await answerTo('/v1/g', { groupId: null, anonymousId: 'a' }), [
    400,
    'id_required',
    'groupId',
  ]);
});

test('an alias without previousId is refused', async () => {
  const expected = [400, 'id_required', 'previousId'];
  assert.deepEqual(await answerTo('/v1/alias', { userId: 'u' }), expected);
  assert.deepEqual(await answerTo('/v1/alias', { userId: 'u', previousId: '' }), expected);
});

test('in a batch the others are kept', async () => {
  const response = await server.post('/v1/batch', {
    batch: [
      { type: 'group', userId: 'u', messageId: 'g0' },
      { type: 'group', userId: 'u', groupId: 'g', messageId: 'g1' },
      { type: 'alias', userId: 'u', messageId: 'a0' },
      { type: 'alias', userId: 'u', previousId: 'p', messageId: 'a1' },
      // The account may be named where the context names it.
      { type: 'group', userId: 'u', messageId: 'g2', context: { groupId: 'c' } },
    ],
  });
  const { accepted, rejected, errors } = (await response.json()) as {
    accepted: number;
    rejected: number;
    errors: { index: number; code: string; field: string }[];
  };
  assert.deepEqual([accepted, rejected], [3, 2]);
  assert.deepEqual(
    errors.map(({ index, code, field }) => [index, code, field]),
    [
      [0, 'id_required', 'groupId'],
      [2, 'id_required', 'previousId'],
    ],
  );
  const rows = await server.sqlUntil(
    'select message_id, group_id, previous_id from events order by message_id',
    (all) => all.length === 3,
  );
  assert.deepEqual(rows, [
    { message_id: 'a1', group_id: null, previous_id: 'p' },
    { message_id: 'g1', group_id: 'g', previous_id: null },
    { message_id: 'g2', group_id: 'c', previous_id: null },
  ]);
});
