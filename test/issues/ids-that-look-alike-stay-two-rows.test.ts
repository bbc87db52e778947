/**
 * Databases take neither NUL nor half a surrogate pair. They were removed or replaced, so that ids
 * which differ by them alone became one: one row was lost while the destination said delivered.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { clickhouse } from '../../src/destinations/clickhouse/clickhouse.ts';
import type { DeliveryEvent } from '../../src/destinations/destination-contract.ts';
import { postgres } from '../../src/destinations/postgres/postgres.ts';
import { cleanText } from '../../src/destinations/warehouse/warehouse-rows.ts';
import { clickHouseSkip, startClickHouse } from '../support/clickhouse-server.ts';
import { postgresSkip, startPostgres } from '../support/postgres-server.ts';
import { deliveryEvent, openDestination, RECEIVED_AT_MS } from '../support/warehouse-delivery.ts';

const IDS = ['a', 'a\0', '\0a', 'a\ud800', 'a\udfff', 'a\ufffd', 'a\\u0000', 'a\\u005cu0000', 'A'];
const KEPT = [
  'a',
  'a\\u0000',
  '\\u0000a',
  'a\\ud800',
  'a\\udfff',
  'a\ufffd',
  'a\\u005cu0000',
  'a\\u005cu005cu0000',
  'A',
];

/** An identify of each id, which is its messageId too; all were received in one millisecond. */
const events = IDS.map((id, position): DeliveryEvent => {
  const event = deliveryEvent({
    position,
    type: 'identify',
    userId: id,
    receivedAtMs: RECEIVED_AT_MS,
    message: { messageId: id, userId: id, traits: { n: position } },
  });
  return { ...event, messageId: id };
});
const EXPECTED = KEPT.map((id, n) => ({ id, user_id: id, n }));

test('texts that differ stay different, and every database can store them', () => {
  const part = fc.constantFrom('\0', '\ud800', '\udc00', '\\', 'u', '0000', '005c', 'd800', 'a');
  const text = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, text, (one, other) => {
      assert.ok(cleanText(one).isWellFormed() && !cleanText(one).includes('\0'));
      assert.equal(cleanText(one) === cleanText(other), one === other);
    }),
    { numRuns: 5_000 },
  );
});

describe('PostgreSQL', { skip: postgresSkip() }, () => {
  test('ids that differ by NUL or half a surrogate pair are rows and users of their own', async () => {
    const server = await startPostgres();
    const { host, port, user, password, database } = server;
    const opened = await openDestination(
      postgres,
      { host, port, user, password, database, ssl: 'disable' },
      { ports: [port] },
    );
    try {
      const outcomes = await opened.deliver(events);
      assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['delivered']));
      const calls = await server.query('select id, user_id, n::int from my_shop.identifies');
      assert.deepEqual(calls.toSorted(byNumber), EXPECTED);
      const users = await server.query('select id, id as user_id, n::int from my_shop.users');
      assert.deepEqual(users.toSorted(byNumber), EXPECTED);
      // The right to be forgotten reaches the one that is meant, and no other.
      await opened.destination.deleteUsers?.(['a\0'], new AbortController().signal);
      const rest = await server.query('select id, user_id, n::int from my_shop.identifies');
      assert.deepEqual(
        rest.toSorted(byNumber),
        EXPECTED.filter(({ n }) => n !== 1),
      );
    } finally {
      await opened.close();
      await server.stop();
    }
  });
});

describe('ClickHouse', { skip: await clickHouseSkip() }, () => {
  test('ids that differ by NUL or half a surrogate pair are rows of their own', async () => {
    const server = await startClickHouse();
    const { url, port, password } = server;
    const opened = await openDestination(clickhouse, { url, password }, { ports: [port] });
    try {
      const outcomes = await opened.deliver(events);
      assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['delivered']));
      const calls = await server.query(
        'select id, user_id, toInt32(n) as n from my_shop.identifies final ' +
          'order by n format JSONEachRow',
      );
      assert.deepEqual(calls, EXPECTED);
    } finally {
      await opened.close();
      await server.stop();
    }
  });
});

function byNumber(one: Record<string, unknown>, other: Record<string, unknown>): number {
  return Number(one['n']) - Number(other['n']);
}
