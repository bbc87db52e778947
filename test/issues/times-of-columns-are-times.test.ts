/**
 * The SQL engine reads times that are none (minute 75 of an offset, the year 0), and one beyond
 * the years 1 to 9999 became the edge of them in PostgreSQL and a year 10000 in the lake. What
 * `timestamp` would not be read as is in no column of times; `_rescued` has it as it was sent.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeOfProperty } from '../../src/events/timestamp.ts';
import { learn, newTable, place } from '../../src/destinations/warehouse/warehouse-columns.ts';
import { rowsOf } from '../../src/destinations/warehouse/warehouse-rows.ts';
import { POSTGRES_DIALECT } from '../../src/destinations/postgres/postgres-catalog.ts';
import { deliveryEvent } from '../support/warehouse-delivery.ts';
import { nextEvent, openHarness } from '../support/warehouse-harness.ts';

const FIRST = '2026-01-30T12:00:00Z';
const NO_TIMES = [
  '2026-01-30T12:00:00+05:75',
  '2026-01-30T12:00:00+25:00',
  '2026-01-30T12:00:00+24:00',
  '0000-01-01T00:00:00Z',
  '0000-02-28 12:59:59.123456',
  '9999-12-31T23:59:59-05:00',
  '0001-01-01T00:00:00+05:00',
  '0001-01-01T1:59 +05:30',
  '9999-12-31t12:00 PM-23:59',
];

test('texts that are no time between the years 1 and 9999 are of no time', () => {
  for (const text of NO_TIMES) assert.equal(timeOfProperty(text), null, text);
  assert.equal(timeOfProperty('9999-12-31T23:59:59.9999999Z'), 253_402_300_799_999);
  assert.equal(timeOfProperty('0001-01-01T00:00:00Z'), -62_135_596_800_000);
});

test('the lake rescues them', async () => {
  const harness = await openHarness();
  try {
    for (const at of [FIRST, ...NO_TIMES, '9999-12-31T23:59:59.9999999Z']) {
      const event = { event: 'Found', userId: 'u', properties: { begun: at } };
      await harness.send('my-shop', [nextEvent('track', event)]);
    }
    const rows = await harness.rows(
      `select begun::varchar as begun, _rescued->>'$.properties.begun' as rescued
       from my_shop.found order by received_at`,
    );
    assert.deepEqual(rows, [
      { begun: '2026-01-30 12:00:00', rescued: null },
      ...NO_TIMES.map((text) => ({ begun: null, rescued: text })),
      { begun: '9999-12-31 23:59:59.999999', rescued: null },
    ]);
  } finally {
    await harness.close();
  }
});

test('warehouses rescue them', () => {
  const limits = { columnsMax: 1_000, upsertColumnsMax: 1_000, rowBytesMax: 8_000 };
  const model = newTable('found', 'event');
  for (const [position, at] of [FIRST, ...NO_TIMES].entries()) {
    const message = { event: 'Found', properties: { begun: at } };
    const [, row] = rowsOf(deliveryEvent({ position, message }), POSTGRES_DIALECT, () => true);
    assert.ok(row);
    learn(model, row, POSTGRES_DIALECT, limits);
    const values = place(model, row, POSTGRES_DIALECT, limits);
    const [time, rescued] = [values.get('begun'), JSON.stringify(values.get('_rescued') ?? null)];
    if (at === FIRST) assert.deepEqual([time, rescued], ['2026-01-30T12:00:00.000Z', 'null']);
    else assert.deepEqual([time, rescued], [undefined, `{"properties":{"begun":"${at}"}}`]);
  }
});
