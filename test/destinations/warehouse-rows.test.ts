/** From events to rows and columns, without a database; the names must be those of the lake. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DeliveryEvent } from '../../src/destinations/destination-contract.ts';
import { CLICKHOUSE_DIALECT } from '../../src/destinations/clickhouse/clickhouse-catalog.ts';
import { parseClickHouseSettings } from '../../src/destinations/clickhouse/clickhouse-settings.ts';
import { POSTGRES_DIALECT } from '../../src/destinations/postgres/postgres-catalog.ts';
import { parsePostgresSettings } from '../../src/destinations/postgres/postgres-settings.ts';
import {
  knownTable,
  learn,
  mergeValues,
  newTable,
  place,
} from '../../src/destinations/warehouse/warehouse-columns.ts';
import type { Column, TableModel } from '../../src/destinations/warehouse/warehouse-columns.ts';
import { cleanJson, putAt, rowsOf } from '../../src/destinations/warehouse/warehouse-rows.ts';
import { isObject } from '../../src/events/json.ts';
import type { JsonObject } from '../../src/events/json.ts';
import type { NormalEvent } from '../../src/events/normalise.ts';
import type { Field, Table } from '../../src/lake/schema/schema-model.ts';
import { createRegistry } from '../../src/lake/schema/column-registry.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { arrayOfEvents } from '../support/warehouse-arbitraries.ts';
import { deliveryEvent, openNet, RECEIVED_AT_MS } from '../support/warehouse-delivery.ts';

const LIMITS = { columnsMax: 1_000, upsertColumnsMax: 1_000, rowBytesMax: Infinity };
const all = () => true;

/** What the tables become, and each row's values. */
function load(events: readonly DeliveryEvent[], dialect = CLICKHOUSE_DIALECT) {
  const tables = new Map<string, TableModel>();
  const rows = events.flatMap((event) => rowsOf(event, dialect, all));
  for (const row of rows) {
    const model = tables.get(row.table) ?? newTable(row.table, row.kind);
    tables.set(row.table, model);
    learn(model, row, dialect, LIMITS);
  }
  const placed = rows.map((row) => {
    const model = tables.get(row.table) ?? newTable(row.table, row.kind);
    return { ...row, values: place(model, row, dialect, LIMITS) };
  });
  return { tables, rows: placed };
}

/** The same event as the lake sees it. */
function normalEvent(event: DeliveryEvent): NormalEvent {
  const { message } = event;
  const text = (key: string) => {
    const value = message[key];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const properties = isObject(message['properties']) ? message['properties'] : {};
  const shown = (key: string) => {
    return text(key) ?? (typeof properties[key] === 'string' ? properties[key] : null);
  };
  return {
    ...event,
    messageIdAssigned: false,
    groupId: text('groupId'),
    previousId: text('previousId'),
    event: text('event'),
    name: shown('name'),
    category: shown('category'),
    originalTimestampMs: event.timestampMs,
    sentAtMs: null,
    channel: null,
  };
}

test('tables and columns have the names of the lake, whatever the events', () => {
  fc.assert(
    fc.property(arrayOfEvents, (events) => {
      const registry = createRegistry();
      for (const event of events) registry.observe(normalEvent(event), event.sourceSlug);
      const { tables } = load(events);
      const lake = registry.sources.get('my-shop')?.tables ?? new Map<string, Table>();
      for (const [name, model] of tables) {
        if (model.kind === 'users' || model.kind === 'accounts') continue;
        const known = new Map<string, Field>();
        for (const field of lake.get(name)?.fields ?? []) known.set(field.column ?? '', field);
        known.delete('');
        const own = [...model.columns.values()].filter(({ path }) => path !== null);
        assert.deepEqual(own.map((column) => column.name).toSorted(), [...known.keys()].toSorted());
        for (const { name: column, type, path } of own) {
          const field = known.get(column);
          assert.equal(path, JSON.stringify([field?.document, ...(field?.path ?? [])]));
          // Only the SQL engine of the lake sees that a text is no day of the calendar.
          if (type === 'text') assert.match(field?.type ?? '', /^(varchar|timestamp)$/);
          else assert.equal(type, field?.type);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('every leaf of an event is in a column, in _rescued, or repeats what the row has', () => {
  fc.assert(
    fc.property(arrayOfEvents, (events) => {
      for (const { cells, values } of load(events, POSTGRES_DIALECT).rows) {
        const leaves = cells.filter(({ path }) => path !== null);
        const rescued = countLeaves(values.get('_rescued'));
        const fixed = cells.filter(({ path, column }) => path === null && values.has(column ?? ''));
        const inColumns = [...values.keys()].filter((name) => name !== '_rescued').length;
        assert.equal(inColumns - fixed.length + rescued, leaves.length);
      }
    }),
    { numRuns: 300 },
  );
});

function countLeaves(value: unknown): number {
  if (value === undefined) return 0;
  if (!isObject(value)) return 1;
  return Object.values(value).reduce<number>((sum, item) => sum + countLeaves(item), 0);
}

test('what a database cannot store is nowhere in a row', () => {
  fc.assert(
    fc.property(arrayOfEvents, (events) => {
      for (const { values } of load(events, POSTGRES_DIALECT).rows) {
        for (const [name, value] of values) {
          // A backslash of the text itself is two in JSON.
          const text = JSON.stringify([name, value]).replaceAll('\\\\', '');
          assert.ok(!text.includes('\\u0000') && !/\\ud[89a-f]/i.test(text), text);
          assert.ok(name.length <= 63);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('an identify also updates its user, a group its account; others do not', () => {
  const tablesOf = (type: DeliveryEvent['type'], message: JsonObject = {}, userId = 'u1') => {
    const event = deliveryEvent({ position: 1, type, message, userId: userId || null });
    return rowsOf(event, POSTGRES_DIALECT, all).map(({ table, key }) => `${table} ${key}`);
  };
  assert.deepEqual(tablesOf('track'), ['tracks m-1', 'order_completed m-1']);
  assert.deepEqual(tablesOf('identify'), ['identifies m-1', 'users u1']);
  assert.deepEqual(tablesOf('identify', {}, ''), ['identifies m-1']);
  assert.deepEqual(tablesOf('group', { groupId: 'g' }), ['groups m-1', 'accounts g']);
  assert.deepEqual(tablesOf('group', { context: { groupId: 'h' } }), ['groups m-1', 'accounts h']);
  assert.deepEqual(tablesOf('group'), ['groups m-1']);
  assert.deepEqual(tablesOf('page'), ['pages m-1']);
  assert.deepEqual(tablesOf('screen'), ['screens m-1']);
  assert.deepEqual(tablesOf('alias'), ['aliases m-1']);
});

test('a column becomes one of fractions while it is new, and later only in a small table', () => {
  const valuesIn = (model: TableModel, numbers: readonly number[]) => {
    const rows = numbers.flatMap((price, at) => {
      const message = { properties: { price }, context: {} };
      const event = deliveryEvent({ position: at + 1, message });
      return rowsOf(event, POSTGRES_DIALECT, all).filter(({ kind }) => kind === 'event');
    });
    for (const row of rows) learn(model, row, POSTGRES_DIALECT, LIMITS);
    return rows.map((row) => place(model, row, POSTGRES_DIALECT, LIMITS).get('price'));
  };
  const path = JSON.stringify(['properties', 'price']);
  const integer = { name: 'price', type: 'integer', path } as const;
  const tableWith = (columns: readonly Column[], canWiden: boolean) =>
    knownTable('t', 'event', columns, { usedColumns: 1, canWiden });

  const fresh = tableWith([], false);
  assert.deepEqual(valuesIn(fresh, [1, 2.5]), [1, 2.5]);
  assert.equal(fresh.widened.size, 0);
  const small = tableWith([{ ...integer }], true);
  assert.deepEqual(valuesIn(small, [1, 2.5]), [1, 2.5]);
  assert.deepEqual([...small.widened], ['price']);
  const large = tableWith([{ ...integer }], false);
  assert.deepEqual(valuesIn(large, [1, 2.5]), [1, undefined]);
  assert.equal(large.widened.size, 0);
});

test('an event for which there is no table keeps its properties in tracks', () => {
  const properties = { a: 1, b: { c: [2] }, d: null };
  const event = deliveryEvent({ position: 1, message: { properties } });
  const rows = rowsOf(event, POSTGRES_DIALECT, () => false);
  assert.deepEqual(
    rows.map(({ table }) => table),
    ['tracks'],
  );
  const [row] = rows;
  assert.ok(row);
  const model = newTable('tracks', 'tracks');
  learn(model, row, POSTGRES_DIALECT, LIMITS);
  const values = place(model, row, POSTGRES_DIALECT, LIMITS);
  assert.equal(
    JSON.stringify(values.get('_rescued')),
    JSON.stringify({ properties: { a: 1, b: { c: [2] } } }),
  );
  assert.equal(values.get('event'), 'order_completed');
});

test('values that repeat the row are dropped; others of reserved names are rescued', () => {
  const page = deliveryEvent({
    position: 1,
    type: 'page',
    message: { name: 'Home', properties: { name: 'Home', category: 7, userId: 'u2', id: 'm-1' } },
  });
  const { rows } = load([page]);
  assert.equal(
    JSON.stringify(rows[0]?.values.get('_rescued')),
    JSON.stringify({ properties: { category: 7, userId: 'u2' } }),
  );
});

test('a user was seen when it happened, but not later than it was received', () => {
  const seenAt = (timestampMs: number) => {
    const event = deliveryEvent({
      position: 1,
      type: 'identify',
      timestampMs,
      receivedAtMs: RECEIVED_AT_MS,
    });
    const { rows } = load([event]);
    return Date.parse(String(rows.find(({ isUpsert }) => isUpsert)?.values.get('_seen_at')));
  };
  assert.equal(seenAt(RECEIVED_AT_MS - 5), RECEIVED_AT_MS - 5);
  assert.equal(seenAt(RECEIVED_AT_MS + 5), RECEIVED_AT_MS);
});

test('of two rows of a key the later has its way, except that times of receipt do not go back', () => {
  const row = new Map<string, unknown>([
    ['plan', 'old'],
    ['city', 'Rome'],
    ['received_at', '2026-01-02'],
  ]);
  const later = { plan: 'new', received_at: '2026-01-01' };
  mergeValues(row, new Map(Object.entries(later)));
  assert.deepEqual(Object.fromEntries(row), {
    plan: 'new',
    city: 'Rome',
    received_at: '2026-01-02',
  });
});

test('keys that no database takes stay apart', () => {
  const clean = cleanJson({ 'a\0': 1, a: 2, b: { '\ud800': 3, '\udfff': 4 } });
  const expected = { 'a\\u0000': 1, a: 2, b: { '\\ud800': 3, '\\udfff': 4 } };
  assert.equal(JSON.stringify(clean), JSON.stringify(expected));
  const root: JsonObject = {};
  putAt(root, ['p', 'a\0'], 1);
  putAt(root, ['p', 'a'], 2);
  putAt(root, ['p', 'a', 'b'], 3);
  assert.equal(JSON.stringify(root), '{"p":{"a\\\\u0000":1,"a":2,"a_":{"b":3}}}');
});

const PARTS = { host: 'db.example.com', database: 'd', user: 'u' };
const BAD_POSTGRES: [settings: JsonObject, field: string][] = [
  [{}, 'host'],
  [{ host: 'db.example.com', user: 'u' }, 'database'],
  [{ ...PARTS, port: 0 }, 'port'],
  [{ ...PARTS, ssl: 'maybe' }, 'ssl'],
  [{ ...PARTS, schemaPrefix: 'Bad-' }, 'schemaPrefix'],
  [{ ...PARTS, columnsMax: 1_601 }, 'columnsMax'],
  [{ ...PARTS, unknown: 1 }, 'unknown'],
  [{ url: 'mysql://u@h/d' }, 'url'],
  [{ url: 'postgres://h/d' }, 'url'],
  [{ url: 'postgres://u@h' }, 'url'],
  [{ url: 'postgres://u:%@h/d' }, 'url'],
  [{ url: 'postgres://u@h/d?sslmode=perhaps' }, 'url'],
  [{ url: 'postgres://u@h/d', host: 'h' }, 'host'],
];
const BAD_CLICKHOUSE: [settings: JsonObject, field: string][] = [
  [{}, 'url'],
  [{ url: 'ftp://h/' }, 'url'],
  [{ url: 'https://u:p@h/' }, 'url'],
  [{ url: 'https://h/?database=x' }, 'url'],
  [{ url: 'https://h/', columnsMax: 1 }, 'columnsMax'],
];

test('settings that cannot work are refused, naming the field and no secret', async () => {
  const net = openNet();
  const isNamed = (field: string) => (error: unknown) =>
    error instanceof MillraceError && error.code === 'DESTINATION_INVALID' && error.field === field;
  for (const [settings, field] of BAD_POSTGRES) {
    assert.throws(() => parsePostgresSettings(settings, net), isNamed(field));
  }
  for (const [settings, field] of BAD_CLICKHOUSE) {
    assert.throws(() => parseClickHouseSettings(settings, net), isNamed(field));
  }
  const isRefused = (error: unknown) =>
    error instanceof MillraceError && error.code === 'ADDRESS_REFUSED';
  const metadata = { ...PARTS, host: '169.254.169.254' };
  assert.throws(() => parsePostgresSettings(metadata, net), isRefused);
  assert.throws(() => parseClickHouseSettings({ url: 'http://10.1.2.3:8443/' }, net), isRefused);
  await net.close();
});

test('a connection URL says what the fields say', async () => {
  const net = openNet();
  const url = 'postgresql://us%40er:p%2Fw@[2001:4860:4860::8888]:6543/my%20db?sslmode=require';
  const { sslCertificateAuthority: authority, ...parsed } = parsePostgresSettings({ url }, net);
  assert.deepEqual(parsed, {
    host: '2001:4860:4860::8888',
    port: 6543,
    database: 'my db',
    user: 'us@er',
    password: 'p/w',
    ssl: 'require',
    schemaPrefix: '',
    columnsMax: 1_000,
  });
  assert.equal(authority, undefined);
  await net.close();
});
