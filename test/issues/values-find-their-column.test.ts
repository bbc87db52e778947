/**
 * A number or a boolean in a column of texts became NULL and `_rescued`, "6" in one of integers
 * too, and a service that writes nine digits of a second (Go, .NET), `+0530` or a lower-case `z`
 * had no column of times. A value that can be said in the type of its column is in it.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clickhouse } from '../../src/destinations/clickhouse/clickhouse.ts';
import { postgres } from '../../src/destinations/postgres/postgres.ts';
import { isObject } from '../../src/events/json.ts';
import { clickHouseSkip, startClickHouse } from '../support/clickhouse-server.ts';
import { postgresSkip, startPostgres } from '../support/postgres-server.ts';
import { deliveryEvent, openDestination } from '../support/warehouse-delivery.ts';
import { nextEvent, openHarness } from '../support/warehouse-harness.ts';

/** The first one fixes the types: text, whole number, boolean, time. */
const SENT = [
  { t: 'text', n: 5, b: true, at: '2026-01-30T12:00:00.123456Z' },
  { t: 5, n: '6', b: 'false', at: '2026-01-30T12:00:00.123456789Z' },
  { t: true, n: '-7', b: false, at: '2026-01-30t17:30:00.1234567+0530' },
  { t: 1.5, n: '06', b: 'yes', at: '2026-01-30T12:00:00z' },
  { t: [1, 'a'], n: '6.0', b: 1, at: '2026-01-30 12:00:00 UTC' },
  { t: '', n: true, b: 'TRUE', at: '20260130T120000Z' },
  { t: '2026-01-30T12:00:00Z', n: ' 8', b: '', at: '2026-01-30' },
  { t: 'x', n: '9223372036854775807', b: true, at: 1769774400 },
];
const COLUMNS = [
  ['text', '5', true, '2026-01-30 12:00:00.123456'],
  ['5', '6', false, '2026-01-30 12:00:00.123456'],
  ['true', '-7', false, '2026-01-30 12:00:00.123456'],
  ['1.5', null, null, '2026-01-30 12:00:00.000000'],
  ['[1,"a"]', null, null, '2026-01-30 12:00:00.000000'],
  ['', null, null, '2026-01-30 12:00:00.000000'],
  ['2026-01-30T12:00:00Z', null, null, null],
  ['x', '9223372036854775807', true, null],
];
/** What has no column, by the row. */
const RESCUED = [
  null,
  null,
  null,
  { n: '06', b: 'yes' },
  { n: '6.0', b: 1 },
  { n: true, b: 'TRUE' },
  { n: ' 8', b: '', at: '2026-01-30' },
  { at: 1769774400 },
];

function assertRows(rows: readonly Record<string, unknown>[]): void {
  assert.deepEqual(
    rows.map(({ t, n, b, at }) => [t, n, b, at]),
    COLUMNS,
  );
  const rescued = rows.map(({ rescued: text }) => {
    const value: unknown = typeof text === 'string' ? JSON.parse(text) : null;
    return isObject(value) ? value['properties'] : null;
  });
  assert.deepEqual(rescued, RESCUED);
}

test('the lake has each value in its column that can be said in its type', async () => {
  const harness = await openHarness();
  try {
    const events = SENT.map((properties) => {
      return nextEvent('track', { event: 'Found', userId: 'u', properties });
    });
    // One by one, as types are learnt.
    for (const event of events) await harness.send('my-shop', [event]);
    const rows = await harness.rows(
      `select t, n::varchar as n, b, strftime(_at, '%Y-%m-%d %H:%M:%S.%f') as at,
         _rescued::varchar as rescued from my_shop.found order by received_at`,
    );
    assertRows(rows);
  } finally {
    await harness.close();
  }
});

const events = SENT.map((properties, position) => {
  return deliveryEvent({ position, message: { event: 'Found', properties } });
});

describe('PostgreSQL', { skip: postgresSkip() }, () => {
  test('has each value in its column that can be said in its type', async () => {
    const server = await startPostgres();
    const { host, port, user, password, database } = server;
    const settings = { host, port, user, password, database, ssl: 'disable' };
    const opened = await openDestination(postgres, settings, { ports: [port] });
    try {
      for (const event of events) await opened.deliver([event]);
      assertRows(
        await server.query(
          `select t, n::text, b, to_char(_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as at,
             _rescued::text as rescued from my_shop.found order by received_at`,
        ),
      );
    } finally {
      await opened.close();
      await server.stop();
    }
  });
});

describe('ClickHouse', { skip: await clickHouseSkip() }, () => {
  test('has each value in its column that can be said in its type', async () => {
    const server = await startClickHouse();
    const { url, port, password } = server;
    const opened = await openDestination(clickhouse, { url, password }, { ports: [port] });
    try {
      for (const event of events) await opened.deliver([event]);
      assertRows(
        await server.query(
          `select t, toString(n) as n, b, toString(_at) as at, _rescued as rescued
           from my_shop.found order by received_at format JSONEachRow`,
        ),
      );
    } finally {
      await opened.close();
      await server.stop();
    }
  });
});
