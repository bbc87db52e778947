import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NormalEvent } from '../../src/events/normalise.ts';
import { inTransaction } from '../../src/base/sqlite.ts';
import { openCatalog } from '../../src/lake/file-catalog.ts';
import type { Catalog } from '../../src/lake/file-catalog.ts';
import {
  createRegistry,
  EVENT_NAMES_PER_TABLE_MAX,
  REGISTRY_LIMITS,
} from '../../src/lake/schema/column-registry.ts';
import { createWarehouse } from '../../src/lake/warehouse.ts';
import { nextEvent } from '../support/warehouse-harness.ts';

function events(): NormalEvent[] {
  const properties = { price: 1, name: 'x', at: '2026-01-02T03:04:05Z', 'a\0é': [1], id: 5 };
  return [
    nextEvent('track', { event: 'Paid', userId: 'u', properties, context: { ip: 'x' } }),
    nextEvent('track', { event: 'paid', userId: 'u', properties: { price: 'free', Name: 1 } }),
    nextEvent('track', { event: '注文\0', userId: 'u', properties: { ratio: 1 } }),
    nextEvent('track', { event: '注文\0', userId: 'u', properties: { ratio: 1.5 } }),
    nextEvent('identify', { userId: 'u', traits: { plan: { name: 'pro' } } }),
    nextEvent('group', { userId: 'u', groupId: 'g', traits: { seats: 1 } }),
    nextEvent('page', { userId: 'u', name: 'Home', properties: { name: 'Other', url: '/' } }),
  ];
}

function save(catalog: Catalog, warehouse: ReturnType<typeof createWarehouse>): void {
  catalog.transaction(() => warehouse.save(catalog));
}

test('what was saved gives the same views after a restart', () => {
  const catalog = openCatalog(':memory:');
  const first = createWarehouse(catalog);
  for (const slug of ['my-shop', 'my_shop', 'other']) first.observe(events(), () => slug);
  save(catalog, first);
  const second = createWarehouse(catalog);
  assert.deepEqual(second.all().toSorted(), first.all().toSorted());
  assert.deepEqual(
    second.observe(events(), () => 'my_shop'),
    [],
  );
  const more = [nextEvent('track', { event: 'Paid', userId: 'u', properties: { more: 1 } })];
  assert.deepEqual(
    second.observe(more, () => 'my-shop'),
    first.observe(more, () => 'my-shop'),
  );
});

test("Millrace's own source has no tables, also where a version before learnt them", () => {
  const catalog = openCatalog(':memory:');
  const own = createWarehouse(catalog);
  own.addSource('millrace-canary');
  assert.deepEqual(
    own.observe(events(), () => 'millrace-canary'),
    [],
  );
  const before = createWarehouse(catalog);
  before.observe(events(), () => 'shop');
  save(catalog, before);
  catalog.database.exec(`update warehouse_columns set source = 'millrace-canary'
    where source = 'shop'`);
  assert.deepEqual(createWarehouse(catalog).all(), []);
});

test('limits hold after a restart', () => {
  const catalog = openCatalog(':memory:');
  const limits = { columnsPerTableMax: 2, columnsPerSourceMax: 100, eventTablesPerSourceMax: 1 };
  const first = createWarehouse(catalog, limits);
  first.observe(events(), () => 'shop');
  save(catalog, first);
  const second = createWarehouse(catalog, limits);
  assert.deepEqual(second.all().toSorted(), first.all().toSorted());
  const more = nextEvent('track', { event: 'Paid', userId: 'u', properties: { more: 1 } });
  const other = nextEvent('track', { event: 'Other', userId: 'u', properties: { more: 1 } });
  assert.deepEqual(
    second.observe([more, other], () => 'shop'),
    [],
  );
});

test('a save that was rolled back is made up for by the next one', () => {
  const catalog = openCatalog(':memory:');
  const warehouse = createWarehouse(catalog);
  const [first, ...rest] = events();
  assert.ok(first);
  warehouse.observe([first], () => 'shop');
  save(catalog, warehouse);
  for (const event of rest) {
    warehouse.observe([event], () => 'shop');
    assert.throws(() =>
      inTransaction(catalog.database, () => {
        warehouse.save(catalog);
        throw new Error('disk full');
      }),
    );
  }
  assert.notDeepEqual(createWarehouse(catalog).all().toSorted(), warehouse.all().toSorted());
  save(catalog, warehouse);
  assert.deepEqual(createWarehouse(catalog).all().toSorted(), warehouse.all().toSorted());
});

test('nothing is written when nothing is new', () => {
  const catalog = openCatalog(':memory:');
  const warehouse = createWarehouse(catalog);
  const count = (): unknown => catalog.database.prepare('select total_changes() as n').get()?.['n'];
  warehouse.observe(events(), () => 'shop');
  save(catalog, warehouse);
  const before = count();
  warehouse.observe(events(), () => 'shop');
  save(catalog, warehouse);
  assert.equal(count(), before);
});

test('columns of a source are bounded over all its tables', () => {
  const registry = createRegistry({ ...REGISTRY_LIMITS, columnsPerSourceMax: 10 });
  for (let at = 0; at < 30; at++) {
    const properties = { [`p${at}`]: at };
    registry.observe(nextEvent('track', { event: `E${at % 3}`, properties }), 'shop');
  }
  const tables = [...(registry.sources.get('shop')?.tables.values() ?? [])];
  assert.equal(
    tables.reduce((sum, { fields }) => sum + fields.length, 0),
    10,
  );
  assert.equal(tables.filter(({ hasOverflow }) => hasOverflow).length, 3);
});

test('objects without values, and spellings of a name, do not grow the registry', () => {
  const registry = createRegistry();
  for (let at = 0; at < 3 * EVENT_NAMES_PER_TABLE_MAX; at++) {
    const properties = { [`p${at}`]: { [`q${at}`]: {} }, n: null };
    registry.observe(nextEvent('track', { event: `Paid${'!'.repeat(at)}`, properties }), 'shop');
  }
  const table = registry.sources.get('shop')?.tables.get('paid');
  assert.equal(table?.eventNames.length, EVENT_NAMES_PER_TABLE_MAX);
  assert.deepEqual(table.fields, []);
});

test('a property of the version before that differs from the id of its row is rescued', () => {
  const registry = createRegistry();
  const property = {
    document: 'properties' as const,
    path: ['userId'],
    column: null,
    type: 'varchar' as const,
    // That version wrote down what it had seen, and looks again only now.
    hasMisfits: false,
  };
  const table = {
    source: 'shop',
    name: 'paid',
    kind: 'tracks' as const,
    eventNames: ['Paid'],
    fields: [property],
    hasOverflow: false,
  };
  registry.restore([{ slug: 'shop', schema: 'shop', tables: [table] }]);
  const [field] = registry.sources.get('shop')?.tables.get('paid')?.fields ?? [];
  assert.equal(field?.hasMisfits, true);
});
