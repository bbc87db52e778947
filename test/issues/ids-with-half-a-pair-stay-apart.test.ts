/**
 * UTF-8 has no half of a surrogate pair, JSON has. Two messageIds that differed by one alone were
 * copies of one event, and the second was dropped; two users were one in SQL.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { idAsSent, writableId } from '../../src/events/writable-id.ts';
import { startHookedServer } from '../support/hooked-server.ts';
import type { HookedServer } from '../support/hooked-server.ts';

/** As JSON has them, and as columns do. */
const IDS = [
  ['a', 'a'],
  ['a\\ud800', 'a\\ud800'],
  ['a\\uD801', 'a\\ud801'],
  ['a\\udc00', 'a\\udc00'],
  ['a\\ufffd', 'a\ufffd'],
  ['a\\ud83d\\ude00', 'a\u{1f600}'],
  ['a\\\\ud800', 'a\\u005cud800'],
  ['a\\u0000', 'a\0'],
] as const;
const SHOWN = IDS.map(([, shown]) => shown).toSorted();

let server: HookedServer;
before(async () => {
  server = await startHookedServer();
});
after(() => server.stop());

async function send(type: string, prefix: string): Promise<void> {
  for (const [id] of IDS) {
    const body = `{"messageId":"${prefix}${id}","userId":"${id}","event":"Half","traits":{"n":1}}`;
    assert.equal((await server.post(`/v1/${type}`, body)).status, 200);
  }
}

test('events are copies of each other when their ids are the same, and not when they are alike', async () => {
  await send('track', 't');
  await send('track', 't');
  const rows = await server.sqlUntil(
    `select message_id from events where type = 'track'`,
    (found) => found.length >= IDS.length,
  );
  assert.deepEqual(
    rows.map((row) => row['message_id']).toSorted(),
    SHOWN.map((id) => `t${id}`),
  );
});

test('each user is one in SQL', async () => {
  await send('identify', 'i');
  const rows = await server.sqlUntil(
    'select id from test.users',
    (found) => found.length >= IDS.length,
  );
  assert.deepEqual(rows.map(({ id }) => id).toSorted(), SHOWN);
});

test('what a column has says which id was sent', () => {
  const parts = fc.constantFrom('a', '\ud800', '\udfff', '\u{1f600}', '\\', 'ud800', 'u005c', '\0');
  const ids = fc.array(parts, { maxLength: 6 }).map((all) => all.join(''));
  fc.assert(
    fc.property(ids, (id) => {
      const written = writableId(id);
      assert.ok(written.isWellFormed());
      assert.equal(idAsSent(written), id);
    }),
  );
});
