/** Nothing that is sent may break a view, get lost, or become SQL. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { isObject } from '../../src/events/json.ts';
import { rowLine } from '../../src/lake/lake-columns.ts';
import { columnName, distinctName, tableName } from '../../src/lake/schema/column-names.ts';
import { leavesOf } from '../../src/lake/schema/json-leaves.ts';
import type { Leaf } from '../../src/lake/schema/json-leaves.ts';
import { nextEvent, openHarness } from '../support/warehouse-harness.ts';
import type { Harness, SqlRow } from '../support/warehouse-harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await openHarness();
});
afterEach(() => harness.close());

const HOSTILE_NAMES = [
  '',
  ' ',
  "'; drop view events; --",
  '"; drop schema main cascade; --',
  "\\'",
  '"',
  '`',
  'a"b',
  "a'b",
  'a\0b',
  '\0',
  '\n',
  'é',
  '注文完了',
  '👩‍👩‍👧',
  '\ud800',
  '\u202e',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'Events',
  'Rejected',
  'select',
  '*',
  '$',
  '$.*',
  '/',
  '//',
  '~',
  '~1',
  '#',
  '[0]',
  'a.b',
  '0',
  '-',
  '%',
  '{}',
  'p0',
  'e',
  'x'.repeat(300),
  'é'.repeat(300),
  'x'.repeat(1500),
];

function bag(value: unknown): Record<string, unknown> {
  return Object.fromEntries(HOSTILE_NAMES.map((name) => [name, value]));
}

/** True when a cell, as the engine writes it in JSON, shows the value. */
function shows(cell: unknown, value: unknown): boolean {
  if (cell === null || cell === undefined) return false;
  if (typeof value === 'number') return Number(cell) === value;
  if (Array.isArray(value)) {
    return typeof cell === 'string' && cell.startsWith('[') && same(JSON.parse(cell), value);
  }
  // A scalar in a column of texts is its text, and the other way round.
  if (String(cell) === String(value)) return true;
  if (typeof value !== 'string' || typeof cell !== 'string') return false;
  const zoned = /(Z|[+-]..:..)$/.test(value) ? value : `${value}Z`;
  return Date.parse(`${cell.replace(' ', 'T')}Z`) === Date.parse(zoned.replace(' ', 'T'));
}

function same(a: unknown, b: unknown): boolean {
  try {
    assert.deepEqual(a, b);
    return true;
  } catch {
    return false;
  }
}

function isFound(row: SqlRow, prefix: string[], leaf: Leaf): boolean {
  const name = columnName([...prefix, ...leaf.path]);
  const document = prefix.length > 0 ? 'context' : 'properties';
  const other = distinctName(name, JSON.stringify([document, ...leaf.path]));
  if (shows(row[name], leaf.value) || shows(row[other], leaf.value)) return true;
  let rescued: unknown = JSON.parse(String(row['_rescued'] ?? '{}'));
  for (const key of [document, ...leaf.path]) {
    rescued = isObject(rescued) && Object.hasOwn(rescued, key) ? rescued[key] : undefined;
  }
  return same(rescued, leaf.value);
}

/** What of a document is JSON and UTF-8. */
function stored(document: unknown): unknown {
  return (JSON.parse(rowLine({ document })) as Record<string, unknown>)['document'];
}

async function assertNothingLost(
  table: string,
  documents: readonly { properties: unknown; context: unknown }[],
  schema = 'my_shop',
): Promise<void> {
  const rows = await harness.rows(`select * from ${schema}."${table}" order by received_at`);
  assert.equal(rows.length, documents.length);
  documents.forEach(({ properties, context }, at) => {
    const row = rows[at] ?? {};
    const missing = [
      ...leavesOf(stored(properties), []).filter((leaf) => !isFound(row, [], leaf)),
      ...leavesOf(stored(context), []).filter((leaf) => !isFound(row, ['context'], leaf)),
    ];
    assert.deepEqual(missing, [], JSON.stringify(row));
  });
}

test('hostile names of events and properties neither break a view nor get lost', async () => {
  const documents = HOSTILE_NAMES.map((_, at) => ({
    properties: { ...bag(at), deep: bag({ a: 'x' }) },
    context: bag([at]),
  }));
  const events = HOSTILE_NAMES.map((event, at) =>
    nextEvent('track', { event, userId: 'u1', ...documents[at] }),
  );
  await harness.send('my-shop', events);
  const tables = new Map<string, typeof documents>();
  HOSTILE_NAMES.forEach((event, at) => {
    if (event.length > 1000) return;
    const name = tableName(event.toWellFormed());
    const document = documents[at];
    if (document) tables.set(name, [...(tables.get(name) ?? []), document]);
  });
  for (const [name, own] of tables) await assertNothingLost(name, own);
  const tracks = await harness.rows('select * from my_shop.tracks');
  assert.equal(tracks.length, HOSTILE_NAMES.length);
  await harness.send('my-shop', [
    nextEvent('identify', { userId: "u'1", traits: { ...bag('x'), deep: bag(1) } }),
    nextEvent('group', { userId: 'u1', groupId: '"', traits: bag(true) }),
  ]);
  assert.equal((await harness.rows('select * from my_shop.users')).length, 1);
  assert.equal((await harness.rows('select * from my_shop.accounts')).length, 1);
  assert.equal((await harness.rows('select * from main.events')).length, events.length + 2);
});

test('hostile and colliding slugs get schemas of their own', async () => {
  const slugs = [
    'my-shop',
    'my_shop',
    'main',
    'memory',
    'events',
    '--',
    '"',
    "'; drop view events",
  ];
  for (const slug of slugs) {
    await harness.send(slug, [nextEvent('track', { event: 'Seen', userId: slug })]);
  }
  const rows = await harness.rows(
    `select schema_name as name from duckdb_views() where view_name = 'seen'`,
  );
  const schemas = rows.map((row) => String(row['name']));
  assert.equal(new Set(schemas).size, slugs.length);
  assert.equal(schemas.includes('main'), false);
  for (const schema of schemas) {
    const seen = await harness.query(`select user_id from "${schema}".seen`);
    assert.equal(seen.length, 1, schema);
  }
});

test('an event named Events does not stand in for the base view', async () => {
  await harness.send('my-shop', [nextEvent('track', { event: 'Events', userId: 'u1' })]);
  await harness.send('my-shop', [nextEvent('track', { event: 'Events', userId: 'u1' })]);
  assert.equal((await harness.query('select * from my_shop.events')).length, 2);
  assert.equal((await harness.query('select * from my_shop.tracks')).length, 2);
});

test('beyond the columns of a table everything is rescued', async () => {
  await harness.close();
  harness = await openHarness({ columnsPerTableMax: 5 });
  const documents = [
    { properties: { a: 1, b: 2, c: { d: 3 } }, context: { ip: 'x' } },
    { properties: { a: 'y', e: 4, f: [5], g: { h: 6 }, c: { d: 7, i: 8 } }, context: { j: 9 } },
    { properties: { a: { k: 10 }, b: 11, l: null }, context: { ip: { m: 12 } } },
    { properties: { a: 13 }, context: {} },
  ];
  const events = documents.map((own) => nextEvent('track', { event: 'Wide', userId: 'u', ...own }));
  await harness.send('my-shop', events);
  await assertNothingLost('wide', documents);
  const rows = await harness.rows('select * from my_shop.wide order by received_at');
  assert.equal(
    Object.keys(rows[0] ?? {}).filter((name) => /^(a|b|c_d|context_ip|context_j)$/.test(name))
      .length,
    5,
  );
  assert.equal(rows[3]?.['_rescued'], null);
  assert.deepEqual(JSON.parse(String(rows[2]?.['_rescued'])), {
    properties: { a: { k: 10 } },
    context: { ip: { m: 12 } },
  });
});

test('beyond the tables of a source events are in tracks', async () => {
  await harness.close();
  harness = await openHarness({ eventTablesPerSourceMax: 2 });
  const events = ['A', 'B', 'C', 'a', 'D'].map((event) =>
    nextEvent('track', { event, userId: 'u' }),
  );
  await harness.send('my-shop', events);
  const rows = await harness.rows('select event from my_shop.tracks order by received_at');
  assert.deepEqual(
    rows.map((row) => row['event']),
    ['a', 'b', 'c', 'a', 'd'],
  );
  assert.equal((await harness.rows('select * from my_shop.a')).length, 2);
  await assert.rejects(harness.rows('select * from my_shop.c'), /does not exist/);
});

test('numbers that no column can hold exactly are not changed', async () => {
  const body =
    '{"a":1e400,"b":9007199254740993,"c":-9223372036854775808,"d":9223372036854775807,' +
    '"e":-0,"f":5e-324,"g":1e21,"h":[1e400]}';
  const properties = JSON.parse(body) as Record<string, unknown>;
  const documents = [
    { properties: { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1 }, context: {} },
    { properties, context: {} },
    { properties: { a: 1.5, b: 'x\0y', c: true }, context: {} },
    { properties, context: {} },
  ];
  const events = documents.map((own) => nextEvent('track', { event: 'Sum', userId: 'u', ...own }));
  for (const event of events) await harness.send('my-shop', [event]);
  await assertNothingLost('sum', documents);
  await harness.send('my-shop', [nextEvent('track', { event: 'Fresh', userId: 'u', properties })]);
  await assertNothingLost('fresh', [{ properties, context: {} }]);
});

const key = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('a', 'A', 'b', 'a_b', 'id', 'context_a', 'timestamp', 'userId'),
  },
  { weight: 1, arbitrary: fc.constantFrom(...HOSTILE_NAMES) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
);
const leafValue = fc.oneof(
  fc.constantFrom(null, true, false, 0, 1, 1.5, 2 ** 53, 2 ** 63, -(2 ** 63), 1e21, Infinity),
  fc.constantFrom('', 'x', 'u1', 'true', '1', 'null', '[]', '{}', '"', '\\', '\0', '\ud800'),
  fc.constantFrom('2026-01-02T03:04:05Z', '2026-01-02 03:04:05.123456', '2026-02-30T00:00:00Z'),
  fc.constantFrom('2026-01-02T03:04:05+14:00', '0000-01-01T00:00:00Z', '9999-12-31T23:59:60Z'),
  fc.double(),
  fc.string({ unit: 'binary' }),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'value' },
    { weight: 4, arbitrary: leafValue },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 3, depthIdentifier: 'value' }) },
    {
      weight: 2,
      arbitrary: fc.dictionary(key, tie('value'), { maxKeys: 4, depthIdentifier: 'value' }),
    },
  ),
}));
const document = fc.dictionary(key, value, { maxKeys: 6 });

for (const columnsPerTableMax of [1000, 4]) {
  test(`any document is all found in a table of ${columnsPerTableMax} columns`, async () => {
    await harness.close();
    harness = await openHarness({ columnsPerTableMax });
    let run = 0;
    const drawn = fc.array(fc.record({ properties: document, context: document }), {
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(drawn, fc.boolean(), async (documents, isOneBatch) => {
        const slug = `run_${run++}`;
        const events = documents.map((own) =>
          nextEvent('track', { event: 'Drawn', userId: 'u1', ...own }),
        );
        const batches = isOneBatch ? [events] : events.map((one) => [one]);
        for (const batch of batches) await harness.send(slug, batch);
        await assertNothingLost('drawn', documents, slug);
      }),
      { numRuns: 100 },
    );
  });
}
