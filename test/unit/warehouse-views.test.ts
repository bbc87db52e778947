import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { nextEvent, openHarness } from '../support/warehouse-harness.ts';
import type { Harness } from '../support/warehouse-harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await openHarness();
});
afterEach(() => harness.close());

function track(event: string, properties: unknown, rest: Record<string, unknown> = {}) {
  return nextEvent('track', { event, userId: 'u1', properties, ...rest });
}

function json(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : value;
}

test('a new source has every fixed table, and tables of Segment columns', async () => {
  await harness.send('my-shop', [track('Order Completed', { price: 5 })]);
  const tables = await harness.rows(
    `select view_name from duckdb_views() where schema_name = 'my_shop' order by 1`,
  );
  assert.deepEqual(
    tables.map((row) => row['view_name']),
    [
      'accounts',
      'aliases',
      'groups',
      'identifies',
      'identity_links',
      'order_completed',
      'pages',
      'screens',
      'tracks',
      'users',
    ],
  );
  const columns = await harness.rows('describe my_shop.order_completed');
  assert.deepEqual(
    columns.map((row) => `${row['column_name']} ${row['column_type']}`),
    [
      'id VARCHAR',
      'received_at TIMESTAMP',
      'uuid_ts TIMESTAMP',
      'sent_at TIMESTAMP',
      'timestamp TIMESTAMP',
      'original_timestamp TIMESTAMP',
      'anonymous_id VARCHAR',
      'user_id VARCHAR',
      'event VARCHAR',
      'event_text VARCHAR',
      'price BIGINT',
      '_rescued JSON',
    ],
  );
});

test('users query the views through the guard', async () => {
  await harness.send('my-shop', [track('Order Completed', { price: 5 })]);
  const rows = await harness.query('select event, event_text, price from my_shop.order_completed');
  assert.deepEqual(rows, [{ event: 'order_completed', event_text: 'Order Completed', price: '5' }]);
  for (const table of ['tracks', 'users', 'accounts', 'identity_links', 'pages']) {
    await harness.query(`select * from my_shop.${table}`);
  }
});

test('views keep working when the base view is replaced', async () => {
  await harness.send('my-shop', [
    track('Paid', { price: 5 }),
    nextEvent('identify', { userId: 'u1', anonymousId: 'a1', traits: { plan: 'pro' } }),
  ]);
  await harness.replaceEvents();
  await harness.send('my-shop', [track('Paid', { price: 7 })]);
  assert.deepEqual(await harness.query('select sum(price)::int as total from my_shop.paid'), [
    { total: 12 },
  ]);
  assert.equal((await harness.query('select * from my_shop.users')).length, 1);
  assert.equal((await harness.query('select * from my_shop.identity_links')).length, 1);
});

test('tracks has the context but no properties', async () => {
  const context = { ip: '192.0.2.1', library: { name: 'x', versions: [1, 2] } };
  await harness.send('my-shop', [track('Paid', { price: 5 }, { context })]);
  const [row = {}] = await harness.rows('select * from my_shop.tracks');
  assert.equal(row['context_ip'], '192.0.2.1');
  assert.equal(row['context_library_name'], 'x');
  assert.equal(row['context_library_versions'], '[1,2]');
  assert.equal(row['event'], 'paid');
  assert.equal('price' in row, false);
});

test('spellings of one event share a table, and each row keeps its own', async () => {
  await harness.send('my-shop', [
    track('Order Completed', { a: 1 }),
    track('order_completed', { a: 2 }),
    track('Order Refunded', { a: 3 }),
  ]);
  const rows = await harness.rows('select event_text, a from my_shop.order_completed order by a');
  assert.deepEqual(rows, [
    { event_text: 'Order Completed', a: '1' },
    { event_text: 'order_completed', a: '2' },
  ]);
});

test('the first value that is not null fixes the type of its column', async () => {
  await harness.send('my-shop', [
    track('Typed', { at: null, count: null, ratio: Infinity }),
    track('Typed', { at: '2026-01-02T03:04:05.678+02:00', day: '2026-01-02', count: 3 }),
    track('Typed', { ratio: 0.5, on: false, name: 'x', big: 2 ** 53 + 2, huge: 1e300 }),
  ]);
  const columns = await harness.rows(
    `select column_name, column_type from (describe my_shop.typed)
     where column_name in ('_at', 'day', 'count', 'ratio', '_on', 'name', 'big', 'huge')
     order by 1`,
  );
  assert.deepEqual(
    columns.map((row) => `${row['column_name']} ${row['column_type']}`),
    [
      '_at TIMESTAMP',
      '_on BOOLEAN',
      'big BIGINT',
      'count BIGINT',
      'day VARCHAR',
      'huge DOUBLE',
      'name VARCHAR',
      'ratio DOUBLE',
    ],
  );
  const rows = await harness.rows('select _at, big, huge from my_shop.typed order by received_at');
  assert.deepEqual(rows, [
    { _at: null, big: null, huge: null },
    { _at: '2026-01-02 01:04:05.678', big: null, huge: null },
    { _at: null, big: String(2 ** 53 + 2), huge: 1e300 },
  ]);
});

test('a timestamp is in UTC, whatever offset it came with', async () => {
  await harness.send('my-shop', [
    track('Timed', { when_done: '2026-01-02T03:04:05', n: 1 }),
    track('Timed', { when_done: '2026-01-02 03:04:05Z', n: 2 }),
    track('Timed', { when_done: '2026-01-02T03:04:05-01:30', n: 3 }),
  ]);
  const rows = await harness.rows('select when_done from my_shop.timed order by n');
  assert.deepEqual(
    rows.map((row) => row['when_done']),
    ['2026-01-02 03:04:05', '2026-01-02 03:04:05', '2026-01-02 04:34:05'],
  );
});

// test/issues/sql-runs-in-utc.test.ts runs this file in other zones.
test('people ask in UTC, whatever the zone of the machine', async () => {
  await harness.send('my-shop', [track('Now', {})]);
  const rows = await harness.query(
    `select strftime(timestamptz '2026-06-01 12:00:00+00', '%H:%M') as noon,
       '2026-06-01 12:00:00'::timestamptz = '2026-06-01T12:00:00Z'::timestamptz as is_same,
       now()::timestamp = now() at time zone 'UTC' as is_utc from my_shop.now`,
  );
  assert.deepEqual(rows, [{ noon: '12:00', is_same: true, is_utc: true }]);
});

test('a value of another type is rescued, and nothing else is', async () => {
  await harness.send('my-shop', [
    track('Mixed', {
      price: 5,
      address: { zip: 'a' },
      on_sale: true,
      done: '2026-01-02T03:04:05Z',
    }),
    track('Mixed', { price: 'free', address: { zip: 9 }, on_sale: [1], done: 'never' }),
    track('Mixed', {
      price: { amount: 5 },
      address: 'flat',
      on_sale: null,
      done: '2026-02-30T00:00:00Z',
    }),
  ]);
  const rows = await harness.rows('select * from my_shop.mixed order by received_at');
  assert.deepEqual(
    rows.map((row) => json(row['_rescued'])),
    [
      null,
      { properties: { price: 'free', on_sale: [1], done: 'never' } },
      { properties: { done: '2026-02-30T00:00:00Z' } },
    ],
  );
  assert.deepEqual(
    rows.map((row) => [row['price'], row['price_amount'], row['address'], row['address_zip']]),
    [
      ['5', null, null, 'a'],
      [null, null, null, '9'],
      [null, '5', 'flat', null],
    ],
  );
});

test('an integer column widens to float and loses nothing', async () => {
  await harness.send('my-shop', [track('Paid', { price: 5, id: 1 })]);
  await harness.send('my-shop', [track('Paid', { price: 5.5 }), track('Paid', { price: 'x' })]);
  await harness.send('my-shop', [track('Paid', { price: 1e30 })]);
  const rows = await harness.rows('select price, _rescued from my_shop.paid order by received_at');
  assert.deepEqual(
    rows.map((row) => row['price']),
    [5, 5.5, null, 1e30],
  );
  assert.deepEqual(json(rows[2]?.['_rescued']), { properties: { price: 'x' } });
});

test('arrays are JSON text, also beside strings', async () => {
  await harness.send('my-shop', [
    track('Listed', { products: [{ sku: 'a', note: null }, 2] }),
    track('Listed', { products: 'none' }),
  ]);
  const rows = await harness.rows('select products from my_shop.listed order by received_at');
  assert.deepEqual(rows, [{ products: '[{"sku":"a","note":null},2]' }, { products: 'none' }]);
});

test('reserved columns win, and what they displace is rescued unless it is the same', async () => {
  await harness.send('my-shop', [
    track('Named', { id: 'mine', received_at: 'x', context_ip: 'y', userId: 'u1', uuid: 4 }),
    track('Named', { userId: 'u2', event: 'z' }),
    nextEvent('page', { userId: 'u1', name: 'Home', properties: { name: 'Home', url: '/' } }),
    nextEvent('page', { userId: 'u1', name: 'Home', properties: { name: 'Other' } }),
  ]);
  const rows = await harness.rows('select * from my_shop.named order by received_at');
  assert.deepEqual(json(rows[0]?.['_rescued']), {
    properties: { id: 'mine', received_at: 'x', context_ip: 'y', uuid: 4 },
  });
  assert.match(String(rows[0]?.['id']), /^message-/);
  assert.deepEqual(json(rows[1]?.['_rescued']), { properties: { userId: 'u2', event: 'z' } });
  const pages = await harness.rows('select name, _rescued from my_shop.pages order by received_at');
  assert.deepEqual(pages[0], { name: 'Home', _rescued: null });
  assert.deepEqual(json(pages[1]?.['_rescued']), { properties: { name: 'Other' } });
});

test('two properties that give one name get two columns', async () => {
  await harness.send('my-shop', [
    track('Twin', { orderId: 'a', order_id: 'b', order: { id: 'c' } }),
  ]);
  const [row = {}] = await harness.rows('select * from my_shop.twin');
  const names = Object.keys(row).filter((name) => name.startsWith('order_id'));
  assert.equal(names.length, 3);
  assert.deepEqual(names.map((name) => row[name]).toSorted(), ['a', 'b', 'c']);
  assert.equal(row['order_id'], 'a');
});

test('a number as a key is not a place in an array', async () => {
  await harness.send('my-shop', [track('Keyed', { a: { 0: 5 } }), track('Keyed', { a: [7] })]);
  const rows = await harness.rows('select a, a_0 from my_shop.keyed order by received_at');
  assert.deepEqual(rows, [
    { a: null, a_0: '5' },
    { a: '[7]', a_0: null },
  ]);
});

test('users has the latest value of each trait, and keeps what is not sent again', async () => {
  const identify = (userId: string | null, traits: object, atMs?: number) =>
    nextEvent('identify', { userId, anonymousId: 'a1', traits }, atMs);
  const early = Date.parse('2020-01-01T00:00:00Z');
  await harness.send('my-shop', [
    identify('u1', { name: 'Ann', plan: 'free', address: { city: 'Oslo' } }),
    identify('u1', { plan: 'pro', email: 'ann@example.com', name: null }),
    identify('u2', { name: 'Bob' }),
    identify('u1', { plan: 'imported', since: '2019' }, early),
    identify('u1', { phone: 'from the future' }, Date.parse('2999-01-01T00:00:00Z')),
    identify('u1', { phone: '1' }),
    identify(null, { name: 'nobody' }),
  ]);
  const rows = await harness.rows('select * from my_shop.users order by id');
  assert.equal(rows.length, 2);
  const { id, name, plan, address_city, email, since, phone } = rows[0] ?? {};
  assert.deepEqual(
    { id, name, plan, address_city, email, since, phone },
    {
      id: 'u1',
      name: 'Ann',
      plan: 'pro',
      address_city: 'Oslo',
      email: 'ann@example.com',
      since: '2019',
      phone: '1',
    },
  );
  assert.equal('anonymous_id' in (rows[0] ?? {}), false);
});

test('accounts has the latest traits of each group', async () => {
  await harness.send('my-shop', [
    nextEvent('group', { userId: 'u1', groupId: 'g1', traits: { plan: 'free', seats: 1 } }),
    nextEvent('group', { userId: 'u2', groupId: 'g1', traits: { seats: 2 } }),
    nextEvent('group', { userId: 'u2', groupId: 'g2', traits: { seats: 3 } }),
  ]);
  const rows = await harness.rows('select id, plan, seats from my_shop.accounts order by id');
  assert.deepEqual(rows, [
    { id: 'g1', plan: 'free', seats: '2' },
    { id: 'g2', plan: null, seats: '3' },
  ]);
  const groups = await harness.rows('select user_id, group_id from my_shop.groups order by 2, 1');
  assert.deepEqual(
    groups.map((row) => `${row['user_id']} ${row['group_id']}`),
    ['u1 g1', 'u2 g1', 'u2 g2'],
  );
});

async function links(): Promise<string[]> {
  const rows = await harness.rows(
    'select anonymous_id, user_id from my_shop.identity_links order by all',
  );
  return rows.map((row) => `${row['anonymous_id']} ${row['user_id']}`);
}

const alias = (previousId: string, userId: string) => nextEvent('alias', { userId, previousId });

test('identity links come from any event with both ids, with first and last time', async () => {
  await harness.send('my-shop', [
    nextEvent('identify', { userId: 'u1', anonymousId: 'a1' }, Date.parse('2025-01-01T00:00:00Z')),
    nextEvent('page', { userId: 'u1', anonymousId: 'a1' }, Date.parse('2025-03-01T00:00:00Z')),
    nextEvent('track', { event: 'x', userId: 'u1', anonymousId: 'a2' }),
    nextEvent('track', { event: 'x', anonymousId: 'a3' }),
  ]);
  await harness.send('other', [nextEvent('identify', { userId: 'u1', anonymousId: 'a4' })]);
  assert.deepEqual(await links(), ['a1 u1', 'a2 u1']);
  const rows = await harness.rows(
    `select first_seen, last_seen from my_shop.identity_links where anonymous_id = 'a1'`,
  );
  assert.deepEqual(rows, [{ first_seen: '2025-01-01 00:00:00', last_seen: '2025-03-01 00:00:00' }]);
});

test('identity links follow chains of aliases to their end', async () => {
  await harness.send('my-shop', [
    nextEvent('identify', { userId: 'u1', anonymousId: 'a1' }),
    alias('u1', 'u2'),
    alias('u2', 'u3'),
    alias('a9', 'u1'),
  ]);
  assert.deepEqual(await links(), ['a1 u3', 'a9 u3', 'u1 u3', 'u2 u3']);
});

test('a newer alias replaces an older one of the same id', async () => {
  await harness.send('my-shop', [
    nextEvent('identify', { userId: 'u1', anonymousId: 'a1' }),
    alias('u1', 'u2'),
    alias('u1', 'u3'),
  ]);
  assert.ok((await links()).includes('a1 u3'));
});

test('in a circle of aliases the newest has the last word', async () => {
  await harness.send('my-shop', [
    nextEvent('identify', { userId: 'u1', anonymousId: 'a1' }),
    alias('u1', 'u2'),
    alias('u2', 'u3'),
    alias('u3', 'u1'),
    alias('u4', 'u4'),
    alias('u5', 'u2'),
  ]);
  assert.deepEqual(await links(), ['a1 u1', 'u2 u1', 'u3 u1', 'u5 u1']);
});

test('a batch makes at most one statement for each view it changes', async () => {
  await harness.send('my-shop', [track('Paid', { a: 1 })]);
  const again = await harness.send('my-shop', [
    track('Paid', { a: 2 }),
    track('Paid', { a: null }),
  ]);
  assert.deepEqual(again, []);
  const events = Array.from({ length: 50 }, (_, at) => track('Paid', { [`b${at}`]: at, a: 'x' }));
  const statements = await harness.send('my-shop', events);
  assert.equal(statements.length, 1);
  assert.match(statements[0] ?? '', /^create or replace view "my_shop"\."paid" as/);
});
