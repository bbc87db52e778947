/**
 * Integers beyond 2^53, long decimals, 1e400, -0 and 1.0: the log has the text that was sent, and
 * typed columns had what JavaScript makes of it. A column has exactly the number, or `_rescued` has
 * it to the last digit. Compared with the text that was sent, never with a parsed copy.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { clickhouse } from '../../src/destinations/clickhouse/clickhouse.ts';
import type { DeliveryEvent } from '../../src/destinations/destination-contract.ts';
import { postgres } from '../../src/destinations/postgres/postgres.ts';
import { clickHouseSkip, startClickHouse } from '../support/clickhouse-server.ts';
import { postgresSkip, startPostgres } from '../support/postgres-server.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { deliveryEvent, openDestination } from '../support/warehouse-delivery.ts';

/** Properties of one event each, as they are sent; `i`, `f` and `t` are of three types. */
const SENT = [
  '{"i":5,"f":0.5,"t":"text"}',
  '{"i":675127116845989888,"f":0.30000000000000004,"t":1.10}',
  '{"i":9223372036854775807,"f":19.90,"t":675127116845989888}',
  '{"i":-9007199254740993,"f":1e2,"t":1e400}',
  '{"i":9223372036854775808,"f":0.1234567890123456789,"t":true}',
  '{"i":18446744073709551615,"f":1e400,"t":-0}',
  '{"i":1.0,"f":675127116845989888,"t":[1.10,675127116845989888]}',
  '{"i":"6","f":"6.25","t":1.0}',
  '{"i":"06","f":"1e5","t":"x"}',
  '{"i":0.99999999999999999999,"f":1e-400,"t":false}',
];
/** Each value as its column has it, as text; null where it is rescued. */
const COLUMNS = [
  ['5', 0.5, 'text'],
  ['675127116845989888', 0.30000000000000004, '1.10'],
  ['9223372036854775807', 19.9, '675127116845989888'],
  ['-9007199254740993', 100, '1e400'],
  [null, null, 'true'],
  [null, null, '-0'],
  ['1', null, '[1.10,675127116845989888]'],
  ['6', 6.25, '1.0'],
  [null, null, 'x'],
  [null, null, 'false'],
];
const RESCUED = [
  '"i":9223372036854775808',
  '"f":0.1234567890123456789',
  '"i":18446744073709551615',
  '"f":1e400',
  '"f":675127116845989888',
  '"i":"06"',
  '"f":"1e5"',
  '"i":0.99999999999999999999',
  '"f":1e-400',
];

/** Digits of a number without the exponent, which `jsonb` writes out. */
function written(text: string): string {
  const [, mantissa, power] = /^(.*:)(?:1e(-?\d+))$/.exec(text) ?? [];
  if (mantissa === undefined) return text;
  const zeros = '0'.repeat(Math.abs(Number(power)) - (Number(power) < 0 ? 1 : 0));
  return Number(power) < 0 ? `${mantissa}0.${zeros}1` : `${mantissa}1${zeros}`;
}

function shown(rows: readonly Record<string, unknown>[]): unknown[][] {
  return rows.map(({ i, f, t }) => [
    i === null ? null : String(i),
    f === null ? null : Number(f),
    t,
  ]);
}

function rescuedOf(rows: readonly Record<string, unknown>[]): string {
  return rows.map((row) => String(row['rescued'] ?? '').replaceAll(/\s/g, '')).join('\n');
}

describe('the lake', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.stop());

  async function rowsOf(event: string, sent: readonly string[]) {
    for (const [at, properties] of sent.entries()) {
      const ids = `"userId":"u","event":"${event}","messageId":"${event}${at}"`;
      const body = `{${ids},"properties":${properties}}`;
      assert.equal((await server.post('/v1/track', body)).status, 200);
    }
    await server.sqlUntil(
      `select 1 from events where event = '${event}'`,
      (rows) => rows.length === sent.length,
    );
    return server.sql(
      `select i::varchar as i, f, t, _rescued::varchar as rescued from test."${event}"
       order by length(id), id`,
    );
  }

  test('has each number in its column, or to the last digit in _rescued', async () => {
    const rows = await rowsOf('numbers', SENT);
    assert.deepEqual(shown(rows), COLUMNS);
    for (const text of RESCUED) assert.ok(rescuedOf(rows).includes(text), text);
    const whole = await server.sql(
      `select properties from events where event = 'numbers' order by length(message_id), message_id`,
    );
    assert.deepEqual(
      whole.map((row) => row['properties']),
      SENT,
    );
  });

  test('a column that becomes one of fractions rounds no integer that it has', async () => {
    const rows = await rowsOf('widened', [
      '{"i":675127116845989888,"f":1,"t":1}',
      '{"i":2.5,"f":1,"t":1}',
    ]);
    assert.deepEqual(
      rows.map(({ i }) => i),
      [null, '2.5'],
    );
    assert.ok(rescuedOf(rows).includes('"i":675127116845989888'));
  });

  test('an array has the numbers that were sent, whatever arrays came before', async () => {
    const sent = ['[1,2.5]', '[1.10,{"a":-0}]', '[675127116845989888,18446744073709551615]', '[3]'];
    const rows = await rowsOf(
      'arrays',
      sent.map((list) => `{"i":1,"f":0.5,"t":${list}}`),
    );
    assert.deepEqual(
      rows.map((row) => row['t']),
      sent,
    );
  });

  test('the first value may be one that no column of numbers holds', async () => {
    const first = '{"i":18446744073709551615,"f":1e400,"t":[0.10]}';
    const rows = await rowsOf('first', [first, '{"i":7,"f":2.5,"t":"x"}']);
    assert.deepEqual(shown(rows), [
      [null, null, '[0.10]'],
      ['7', 2.5, 'x'],
    ]);
    assert.ok(rescuedOf(rows).includes('"i":18446744073709551615'));
    assert.ok(rescuedOf(rows).includes('"f":1e400'));
  });
});

/** As delivery hands events over: with the bytes that were sent. */
function eventOf(properties: string, position: number): DeliveryEvent {
  const event = deliveryEvent({ position, message: { properties: JSON.parse(properties) } });
  const { properties: _, ...rest } = event.message;
  const json = `${JSON.stringify(rest).slice(0, -1)},"properties":${properties}}`;
  return { ...event, json: Buffer.from(json) };
}

describe('PostgreSQL', { skip: postgresSkip() }, () => {
  test('has each number in its column, or to the last digit in _rescued', async () => {
    const server = await startPostgres();
    const { host, port, user, password, database } = server;
    const settings = { host, port, user, password, database, ssl: 'disable' };
    const opened = await openDestination(postgres, settings, { ports: [port] });
    const ask = `select i::text, f, t, _rescued::text as rescued from my_shop.order_completed
      order by received_at`;
    try {
      for (const [at, sent] of SENT.entries()) await opened.deliver([eventOf(sent, at)]);
      const rows = await server.query(ask);
      assert.deepEqual(shown(rows), COLUMNS);
      for (const text of RESCUED) assert.ok(rescuedOf(rows).includes(written(text)), text);
      // A fraction would make doubles of the column, and round what is there.
      await opened.deliver([eventOf('{"i":2.5}', 100)]);
      const widened = await server.query(ask);
      assert.deepEqual(shown(widened.slice(0, SENT.length)), COLUMNS);
      assert.match(rescuedOf(widened.slice(-1)), /"i":2\.5/);
      // No database takes such a number; the event is there all the same.
      const [outcome] = await opened.deliver([eventOf('{"i":1e999999,"t":1e999999}', 101)]);
      assert.equal(outcome?.kind, 'delivered');
      const last = await server.query(ask);
      assert.match(rescuedOf(last.slice(-1)), /"i":"1e999999"/);
      assert.equal(last.at(-1)?.['t'], '1e999999');
    } finally {
      await opened.close();
      await server.stop();
    }
  });
});

describe('ClickHouse', { skip: await clickHouseSkip() }, () => {
  test('has each number in its column, or to the last digit in _rescued', async () => {
    const server = await startClickHouse();
    const { url, port, password } = server;
    const opened = await openDestination(clickhouse, { url, password }, { ports: [port] });
    const ask = `select toString(i) as i, f, t, _rescued as rescued from my_shop.order_completed
      order by received_at format JSONEachRow`;
    try {
      for (const [at, sent] of SENT.entries()) await opened.deliver([eventOf(sent, at)]);
      const rows = await server.query(ask);
      assert.deepEqual(shown(rows), COLUMNS);
      for (const text of RESCUED) assert.ok(rescuedOf(rows).includes(text), text);
      await opened.deliver([eventOf('{"i":2.5}', 100)]);
      const widened = await server.query(ask);
      assert.deepEqual(shown(widened.slice(0, SENT.length)), COLUMNS);
      assert.match(rescuedOf(widened.slice(-1)), /"i":2\.5/);
    } finally {
      await opened.close();
      await server.stop();
    }
  });
});
