/**
 * What events can do to the tables of a real PostgreSQL (fault F27): every value must end up in a
 * column or in `_rescued`, and none may stop the others.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { postgres } from '../../src/destinations/postgres/postgres.ts';
import type { JsonObject } from '../../src/events/json.ts';
import { FIXED_COLUMNS } from '../../src/lake/schema/fixed-columns.ts';

import { postgresSkip, startPostgres } from '../support/postgres-server.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { deliveryEvent, openDestination } from '../support/warehouse-delivery.ts';
import type { OpenedDestination } from '../support/warehouse-delivery.ts';

const DELIVERED = { kind: 'delivered' };

interface Case {
  what: string;
  /** Properties of one event each. */
  properties: JsonObject[];
  /** What their rows have in columns of properties, and in `_rescued`; no nulls. */
  rows: JsonObject[];
  /** A statement after the first event; `t` is its table. */
  afterFirst?: string;
  settings?: JsonObject;
}

const LONG = 'a_rather_long_property_name_'.repeat(3);

const CASES: Case[] = [
  {
    what: 'a type that changes from integer to text to object is rescued',
    properties: [{ v: 1 }, { v: 'two' }, { v: { w: 3 } }, { v: true }, { v: [4] }, { v: 5 }],
    rows: [
      { v: 1 },
      { _rescued: { properties: { v: 'two' } } },
      { v_w: 3 },
      { _rescued: { properties: { v: true } } },
      { _rescued: { properties: { v: [4] } } },
      { v: 5 },
    ],
  },
  {
    what: 'a fraction makes a column of integers one of fractions, without loss',
    properties: [{ v: 1 }, { v: 2.5 }, { v: 3 }],
    rows: [{ v: 1 }, { v: 2.5 }, { v: 3 }],
  },
  {
    what: 'what is no time is rescued from a column of times; a text may look like one',
    properties: [
      { v: '2026-01-01T00:00:00.123456+02:00', w: 'x' },
      { v: 'soon', w: '2026-01-01T00:00:00Z' },
      { v: '2026-02-30T00:00:00Z' },
      { v: '0000-01-01T00:00:00Z' },
      { v: '0001-01-01T00:00:00Z' },
      { v: '9999-12-31T23:59:59-23:00' },
    ],
    rows: [
      { v: '2025-12-31T22:00:00.123456+00:00', w: 'x' },
      { w: '2026-01-01T00:00:00Z', _rescued: { properties: { v: 'soon' } } },
      { _rescued: { properties: { v: '2026-02-30T00:00:00Z' } } },
      { _rescued: { properties: { v: '0000-01-01T00:00:00Z' } } },
      { v: '0001-01-01T00:00:00+00:00' },
      { _rescued: { properties: { v: '9999-12-31T23:59:59-23:00' } } },
    ],
  },
  {
    what: 'numbers at the ends of their types keep their values',
    properties: [
      { i: 2 ** 53 + 2, f: 1e-320, g: 2 ** 63, z: -0 },
      { i: -(2 ** 62), f: 1.7976931348623157e308, g: -1e300, z: 0.1 },
      { i: 2 ** 63 - 1024 },
    ],
    rows: [
      { i: 2 ** 53 + 2, f: 1e-320, g: 2 ** 63, z: 0 },
      { i: -(2 ** 62), f: 1.7976931348623157e308, g: -1e300, z: 0.1 },
      { i: 2 ** 63 - 1024 },
    ],
  },
  {
    what: 'NUL and half a surrogate pair are written as escapes, in texts, arrays, keys and rescues',
    properties: [
      { v: 'a\0b\ud800', list: ['\0c', { 'd\0': '\udfff' }] },
      { v: [{ 'e\0': '\0' }] },
      { v: 7, list: false, 'w\0\ud800': true },
      { list: 'x', 'w\0\ud800': '\0\ud800' },
    ],
    rows: [
      { v: 'a\\u0000b\\ud800', list: String.raw`["\\u0000c",{"d\\u0000":"\\udfff"}]` },
      { v: String.raw`[{"e\\u0000":"\\u0000"}]` },
      { v: '7', list: 'false', w_ae7f074c: true },
      { list: 'x', _rescued: { properties: { 'w\\u0000\ufffd': '\\u0000\\ud800' } } },
    ],
  },
  {
    what: 'reserved words, and columns that PostgreSQL has itself, get a prefix',
    properties: [{ select: 'a', user: 'b', table: 'c', xmin: 'd', ctid: 'e', order: { by: 'f' } }],
    rows: [{ _select: 'a', _user: 'b', _table: 'c', _xmin: 'd', _ctid: 'e', order_by: 'f' }],
  },
  {
    what: 'names of Segment are not given away: what differs is rescued, what repeats is not',
    properties: [
      { id: 'm-1', userId: 'u1', event: 'own', receivedAt: 'x', context_a: 'y', uuid: 1 },
    ],
    rows: [
      { _rescued: { properties: { event: 'own', receivedAt: 'x', context_a: 'y', uuid: 1 } } },
    ],
  },
  {
    what: 'names beyond 63 bytes are cut and stay apart',
    properties: [{ [LONG]: 1, [`${LONG}x`]: 2 }],
    rows: [{ [`${LONG.slice(0, 54)}_1059a67f`]: 1, [`${LONG.slice(0, 54)}_7b99ca82`]: 2 }],
  },
  {
    what: 'two properties that give one name have a column each, whichever comes',
    properties: [{ orderId: 1 }, { order_id: 'b' }, { orderId: 3, order_id: 'd' }],
    rows: [{ order_id: 1 }, { order_id_9a00796f: 'b' }, { order_id: 3, order_id_9a00796f: 'd' }],
  },
  {
    what: 'empty names, emoji and other alphabets have columns',
    properties: [{ '': 1, '🚀': 2, 注文: 3, 'café ☕': 4, ' ': { '': 5 } }],
    rows: [
      {
        field_e3b0c442: 1,
        field_ebbc0b28: 2,
        field_266125dd: 3,
        caf_a7e46d54: 4,
        field_4d8fe064: 5,
      },
    ],
  },
  {
    what: 'keys of the prototype are keys like others',
    properties: [
      JSON.parse('{"__proto__": {"a": 1}, "constructor": 2, "toString": 3}') as JsonObject,
      JSON.parse('{"__proto__": {"a": "x"}, "constructor": "y"}') as JsonObject,
    ],
    rows: [
      { proto_a: 1, constructor: 2, to_string: 3 },
      {
        _rescued: {
          properties: JSON.parse('{"__proto__": {"a": "x"}, "constructor": "y"}') as JsonObject,
        },
      },
    ],
  },
  {
    what: 'beyond the limit of columns values are rescued',
    settings: { columnsMax: 50 },
    properties: [numbered(0, 60), { p0: 7, p59: 8 }],
    rows: [
      { ...numbered(0, 39), _rescued: { properties: numbered(39, 60) } },
      { p0: 7, _rescued: { properties: { p59: 8 } } },
    ],
  },
  {
    what: 'columns that were dropped count, because PostgreSQL counts them',
    settings: { columnsMax: 50 },
    properties: [numbered(0, 38), { q0: 1, q1: 2 }],
    afterFirst: 'alter table t drop column p0, drop column p1',
    rows: [numbered(2, 38), { q0: 1, _rescued: { properties: { q1: 2 } } }],
  },
  {
    what: 'a column that somebody else made is used when its type fits, and left alone otherwise',
    properties: [{}, { money: 1.5, code: 'a', label: 'b', note: 'c' }],
    afterFirst:
      'alter table t add money numeric, add code integer, add label varchar(3), add note text',
    rows: [{}, { money: 1.5, note: 'c', _rescued: { properties: { code: 'a', label: 'b' } } }],
  },
];

/** `p<n>: n` */
function numbered(from: number, to: number): JsonObject {
  const names = Array.from({ length: to - from }, (_, at) => from + at);
  return Object.fromEntries(names.map((at) => [`p${at}`, at]));
}

describe('hostile events in PostgreSQL', { skip: postgresSkip() }, () => {
  let server: PostgresServer;
  const opened: OpenedDestination[] = [];
  before(async () => {
    server = await startPostgres();
    await server.query(`set timezone = 'utc'`);
  });
  after(async () => {
    for (const one of opened) await one.close();
    await server.stop();
  });

  const open = async (slug: string, settings: JsonObject = {}) => {
    const { host, port, user, password, database } = server;
    const login = { host, port, user, password, database, ssl: 'disable', ...settings };
    const one = await openDestination(postgres, login, { destinationId: slug, slugs: [slug] });
    opened.push(one);
    return one;
  };
  const rowsOf = async (schema: string): Promise<JsonObject[]> => {
    const rows = await server.query(
      `select jsonb_strip_nulls(to_jsonb(o) - $1::text[])::text as row
       from ${schema}.order_completed o order by received_at`,
      [FIXED_COLUMNS.event.map(([name]) => name)],
    );
    return rows.map(({ row }) => JSON.parse(String(row)) as JsonObject);
  };
  const eventOf = (slug: string, position: number, properties: JsonObject, event?: string) => {
    const message = { event: event ?? 'Order Completed', properties, context: {} };
    return deliveryEvent({ position, slug, message });
  };

  CASES.forEach(({ what, properties, rows, afterFirst, settings }, at) => {
    test(what, async () => {
      // One by one; what is known is read from the database each time, as after a restart.
      const slug = `single_${at}`;
      for (const [index, own] of properties.entries()) {
        const one = await open(slug, settings);
        assert.deepEqual(await one.deliver([eventOf(slug, index + 1, own)]), [DELIVERED]);
        if (index > 0 || afterFirst === undefined) continue;
        await server.query(afterFirst.replace('t ', `${slug}.order_completed `));
      }
      assert.deepEqual(await rowsOf(slug), rows);
      if (afterFirst !== undefined) return;
      // And all in one batch, which must not make a difference.
      const batch = `batch_${at}`;
      const { deliver } = await open(batch, settings);
      const outcomes = await deliver(
        properties.map((own, index) => eventOf(batch, index + 1, own)),
      );
      assert.deepEqual(
        outcomes,
        properties.map(() => DELIVERED),
      );
      assert.deepEqual(await rowsOf(batch), rows);
    });
  });

  const wide: [what: string, valueOf: (at: number) => unknown][] = [
    ['numbers', (at) => at],
    ['short texts', (at) => `about 20 characters ${at}`],
    ['one character each', () => 'x'],
    ['characters and numbers in turn', (at) => (at % 2 === 0 ? 'x' : at)],
    ['booleans and long texts', (at) => (at % 2 === 0 ? true : 'long '.repeat(40))],
  ];
  wide.forEach(([what, valueOf], at) => {
    test(`a row with more values than a page holds is stored as a whole: ${what}`, async () => {
      const slug = `wide_${at}`;
      const names = Array.from({ length: 1_400 }, (_, index) => `p${index}`);
      const properties = Object.fromEntries(names.map((name, index) => [name, valueOf(index)]));
      const { deliver } = await open(slug, { columnsMax: 1_600 });
      assert.deepEqual(await deliver([eventOf(slug, 1, properties)]), [DELIVERED]);
      const [row] = await rowsOf(slug);
      const { _rescued: rescued, ...columns } = row ?? {};
      const stored = {
        ...columns,
        ...(rescued as { properties: JsonObject } | undefined)?.properties,
      };
      assert.deepEqual(stored, properties);
      assert.ok(Object.keys(columns).length > 250);
    });
  });

  test('10,000 distinct properties fill the columns there are, and none is lost', async () => {
    const slug = 'many';
    const { deliver } = await open(slug);
    const properties = Array.from({ length: 100 }, (_, at) => numbered(at * 100, at * 100 + 100));
    const events = properties.map((own, at) => eventOf(slug, at + 1, own));
    assert.deepEqual(
      await deliver(events),
      events.map(() => DELIVERED),
    );
    const rows = await rowsOf(slug);
    const stored = rows.map(({ _rescued: rescued, ...columns }) => {
      return { ...columns, ...(rescued as { properties: JsonObject } | undefined)?.properties };
    });
    assert.deepEqual(stored, properties);
    const [count] = await server.query(
      `select count(*)::int as columns from information_schema.columns
       where table_schema = 'many' and table_name = 'order_completed'`,
    );
    assert.equal(count?.['columns'], 1_000);
  });

  test('a user who gathers thousands of traits over time keeps having a row', async () => {
    const slug = 'gatherer';
    const { deliver } = await open(slug, { columnsMax: 1_600 });
    for (let round = 0; round < 4; round++) {
      const names = Array.from({ length: 400 }, (_, at) => `t${round * 400 + at}`);
      const traits = Object.fromEntries(names.map((name) => [name, 'a text of 20 letters']));
      const event = deliveryEvent({
        position: round + 1,
        slug,
        type: 'identify',
        message: { traits, context: {} },
      });
      assert.deepEqual(await deliver([event]), [DELIVERED]);
    }
    const [user] = await server.query('select id, t0 from gatherer.users');
    assert.deepEqual(user, { id: 'u1', t0: 'a text of 20 letters' });
  });

  test('names of events: empty, too long, emoji, reserved, colliding, and those of fixed tables', async () => {
    const slug = 'names';
    const { deliver } = await open(slug);
    const names = ['', 'e'.repeat(1_001), '🚀', 'Select', 'Users', 'a-b', 'A B', 'x'.repeat(100)];
    const events = names.map((name, at) => eventOf(slug, at + 1, { v: at }, name));
    const unnamed = eventOf(slug, 9, { v: 8 });
    const nameless = { ...unnamed, message: { ...unnamed.message, event: null } };
    assert.deepEqual(
      await deliver([...events, nameless]),
      [...names, null].map(() => DELIVERED),
    );
    const tracks = await server.query(
      `select event, _rescued->'properties'->>'v' as v from names.tracks order by received_at`,
    );
    assert.deepEqual(
      tracks.map(({ event, v }) => [event, v]),
      [
        [null, '0'],
        [null, '1'],
        ['event_ebbc0b28', null],
        ['_select', null],
        ['_users', null],
        ['a_b', null],
        ['a_b', null],
        [`${'x'.repeat(54)}_09ecb6eb`, null],
        [null, '8'],
      ],
    );
    for (const { event } of tracks.filter((row) => row['event'] !== null)) {
      const rows = await server.query(`select v from names."${event}"`);
      assert.equal(rows.length, event === 'a_b' ? 2 : 1);
    }
  });

  test('ids that no index holds do not stop their calls', async () => {
    const slug = 'ids';
    const userId = Array.from({ length: 3_000 }, (_, at) => (at * 7_919).toString(36)).join('');
    const { deliver } = await open(slug);
    const long = deliveryEvent({ position: 1, slug, type: 'identify', userId });
    const odd = deliveryEvent({ position: 2, slug, type: 'identify', userId: '\0\ud800' });
    assert.deepEqual(await deliver([long, odd]), [DELIVERED, DELIVERED]);
    const rows = await server.query('select length(user_id) n from ids.identifies order by 1');
    assert.deepEqual(rows, [{ n: 12 }, { n: userId.length }]);
    assert.deepEqual(await server.query('select id from ids.users'), [{ id: '\\u0000\\ud800' }]);
  });
});
