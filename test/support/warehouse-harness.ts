/** A warehouse over a real SQL engine, fed with events as the lake feeds it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json } from '@duckdb/node-api';
import { systemClock } from '../../src/base/clock.ts';
import { systemDisk } from '../../src/base/disk.ts';
import { systemRandom } from '../../src/base/random.ts';
import { openCatalog } from '../../src/lake/file-catalog.ts';
import type { Catalog } from '../../src/lake/file-catalog.ts';
import { EVENT_COLUMNS, eventRow } from '../../src/lake/lake-columns.ts';
import { openEngine } from '../../src/lake/sql-engine.ts';
import { createRowTable, loadRows } from '../../src/lake/row-table.ts';
import { REGISTRY_LIMITS } from '../../src/lake/schema/column-registry.ts';
import type { RegistryLimits } from '../../src/lake/schema/column-registry.ts';
import { runSql } from '../../src/query/run-sql.ts';
import { createWarehouse } from '../../src/lake/warehouse.ts';
import type { Warehouse } from '../../src/lake/warehouse.ts';
import { createLogger } from '../../src/observe/logger.ts';
import type { NormalEvent } from '../../src/events/normalise.ts';

export type SqlRow = Record<string, Json>;

export interface Harness {
  catalog: Catalog;
  warehouse: Warehouse;
  /** Loads the events, then shows what they bring; returns the statements that it took. */
  send(slug: string, events: readonly NormalEvent[]): Promise<string[]>;
  run(sql: string): Promise<void>;
  rows(sql: string): Promise<SqlRow[]>;
  /** As users query: through the guard, on a connection of its own. */
  query(sql: string): Promise<SqlRow[]>;
  /** Shows the events as a union with a second, empty table, as a flush does. */
  replaceEvents(): Promise<void>;
  close(): Promise<void>;
}

export async function openHarness(limits: Partial<RegistryLimits> = {}): Promise<Harness> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-warehouse-'));
  const engine = await openEngine({
    memoryLimit: '512MB',
    threads: 2,
    folders: [folder],
    temporaryRoot: folder,
  });
  const { connection } = engine;
  const catalog = openCatalog(':memory:');
  const warehouse = createWarehouse(catalog, { ...REGISTRY_LIMITS, ...limits });
  const unloadable = { value: 0 };
  const tables: Parameters<typeof loadRows>[0][] = [];
  const openTable = async (): Promise<void> => {
    const options = {
      connection,
      disk: systemDisk,
      name: `events_${tables.length}`,
      columns: EVENT_COLUMNS,
      temporaryFolder: folder,
      unloadable,
      logger: createLogger('test', 'silent'),
    };
    tables.push(options);
    await createRowTable(options);
  };
  const showEvents = async (): Promise<void> => {
    const parts = tables.map(({ name }) => `select * from ${name}`);
    await connection.run(`create or replace view events as ${parts.join(' union all ')}`);
  };
  await openTable();
  await showEvents();
  const sqlOptions = {
    engine,
    clock: systemClock,
    disk: systemDisk,
    random: systemRandom,
    dataFolder: folder,
    answerBytesMax: 2 ** 25,
    onTables: () => Promise.resolve(),
  };
  return {
    catalog,
    warehouse,
    async send(slug, events) {
      const source = { number: 1, id: `id-${slug}`, slug, region: 'us', environment: 'production' };
      const [table] = tables.slice(-1);
      if (!table) throw new Error('there is a table');
      await loadRows(
        table,
        events.map((event) => eventRow(event, source)),
      );
      if (unloadable.value > 0) throw new Error('the engine refused a row');
      const statements = warehouse.observe(events, () => slug);
      for (const sql of statements) await connection.run(sql);
      return statements;
    },
    async run(sql) {
      await connection.run(sql);
    },
    async rows(sql) {
      return (await connection.runAndReadAll(sql)).getRowObjectsJson();
    },
    async query(sql) {
      const request = { sql, format: 'rows', timeoutMs: 10_000, rowsMax: 1000 } as const;
      const result = await runSql(sqlOptions, request);
      if (result.format !== 'rows') throw new Error('rows were asked for');
      const { columns, rows } = result;
      return rows.map((row) =>
        Object.fromEntries(columns.map(({ name }, at) => [name, row[at] ?? null])),
      );
    },
    async replaceEvents() {
      await openTable();
      await showEvents();
    },
    async close() {
      engine.close();
      catalog.close();
      await rm(folder, { recursive: true });
    },
  };
}

const FIRST_MS = Date.parse('2026-01-01T00:00:00.000Z');
let eventCount = 0;

/** The next event, a second after the one before, unless `atMs` says when. */
export function nextEvent(
  type: NormalEvent['type'],
  message: Record<string, unknown>,
  atMs: number = FIRST_MS + eventCount * 1000,
): NormalEvent {
  eventCount++;
  const text = (key: string): string | null => {
    const value = message[key];
    return typeof value === 'string' ? value : null;
  };
  return {
    sourceNumber: 1,
    partition: 'us-0',
    position: eventCount,
    index: 0,
    type,
    messageId: `message-${eventCount}`,
    messageIdAssigned: false,
    userId: text('userId'),
    anonymousId: text('anonymousId'),
    groupId: text('groupId'),
    previousId: text('previousId'),
    event: text('event'),
    name: text('name'),
    category: text('category'),
    timestampMs: atMs,
    originalTimestampMs: atMs,
    sentAtMs: null,
    receivedAtMs: FIRST_MS + eventCount * 1000,
    channel: null,
    message: { type, ...message },
  };
}
