/**
 * One batch in one transaction: the cursor, tables and columns that are missing, the rows, and the
 * cursor's next place. Either all of it is in the database or nothing, so a batch whose answer was
 * lost is recognised when it comes again, and its rows are there once.
 *
 * A row that the database refuses is found by halving the batch behind savepoints.
 */
import type { DeliveryBatch, DeliveryEvent } from '../destination-contract.ts';
import { learn, mergeValues, newTable, place } from '../warehouse/warehouse-columns.ts';
import type { ColumnLimits, TableModel } from '../warehouse/warehouse-columns.ts';
import { rowsOf, SEEN_COLUMN } from '../warehouse/warehouse-rows.ts';
import type { Row, WarehouseKind } from '../warehouse/warehouse-rows.ts';
import {
  definitionsOf,
  ensureBookkeeping,
  keepExactColumns,
  lockDefinitions,
  POSTGRES_DIALECT,
  schemasOf,
  tableNamesOf,
  tablesOf,
} from './postgres-catalog.ts';
import type { Connection } from './postgres-connection.ts';
import { advanceCursor, takeCursor } from './postgres-cursor.ts';
import type { Refusals } from './postgres-cursor.ts';
import { insertStatement, upsertStatement } from './postgres-merge.ts';
import { isRowRefused, messageOf } from './postgres-outcomes.ts';
import { jsonSource, mayStage, stage, STAGED_ROWS_MIN, unstage } from './postgres-staging.ts';

/** As many as the lake shows; further events are in `tracks` only. */
const TABLES_PER_SCHEMA_MAX = 2_000;

/** What is known of the database between batches. */
export interface Known {
  hasBookkeeping: boolean;
  mayStage: boolean;
  /** Schema by slug. */
  schemas: Map<string, string>;
  /** Tables by schema and name. */
  tables: Map<string, Map<string, TableModel>>;
  /** Names of all tables of a schema, also of those that no batch needed yet. */
  tableNames: Map<string, Set<string>>;
}

export function knowNothing(): Known {
  return {
    hasBookkeeping: false,
    mayStage: false,
    schemas: new Map(),
    tables: new Map(),
    tableNames: new Map(),
  };
}

export interface LoadOptions {
  destinationId: string;
  schemaPrefix: string;
  limits: ColumnLimits;
}

/** Rows of one table. */
interface Target {
  schema: string;
  name: string;
  kind: WarehouseKind;
  rows: { ordinal: number; row: Row }[];
}

/**
 * Loads a batch, or finds that it is loaded. Commits; after an exception the caller throws the
 * connection and what is known away.
 */
export async function loadBatch(
  connection: Connection,
  batch: DeliveryBatch,
  known: Known,
  options: LoadOptions,
): Promise<Refusals> {
  await begin(connection);
  if (!known.hasBookkeeping) {
    await ensureBookkeeping(connection);
    known.mayStage = await mayStage(connection);
    known.hasBookkeeping = true;
  }
  const cursor = await takeCursor(connection, batch, options.destinationId);
  if (cursor.isDone) {
    await connection.query('rollback');
    return cursor.refusals;
  }
  const targets = await targetsOf(connection, batch.events, known, options.schemaPrefix);
  await prepareTables(connection, targets, known, options.limits);
  const loads = targets.map((target) => loadOf(target, known, options.limits));
  const refusals: Refusals = new Map();
  await loadRange(connection, loads, { from: 0, to: batch.events.length }, refusals);
  await advanceCursor(connection, batch, options.destinationId, refusals);
  await connection.query('commit');
  return refusals;
}

/**
 * Waiting for a lock, or for us, ends: an ALTER that waits for a long query would make all later
 * queries wait too, and a transaction of a machine that is gone would keep its locks. What a
 * trigger of the user's makes of a time does not depend on the server's zone.
 */
export async function begin(connection: Connection): Promise<void> {
  await connection.query(`begin;
    set local lock_timeout = '15s';
    set local idle_in_transaction_session_timeout = '120s';
    set local timezone = 'UTC';
    select set_config('synchronous_commit', 'on', true)
      where current_setting('synchronous_commit') = 'off'`);
}

async function targetsOf(
  connection: Connection,
  events: readonly DeliveryEvent[],
  known: Known,
  prefix: string,
): Promise<Target[]> {
  const slugs = [...new Set(events.map(({ sourceSlug }) => sourceSlug))];
  const unknown = slugs.filter((slug) => !known.schemas.has(slug));
  if (unknown.length > 0) {
    const schemas = await schemasOf(connection, prefix, unknown);
    for (const [slug, schema] of schemas) known.schemas.set(slug, schema);
  }
  for (const schema of new Set(slugs.map((slug) => known.schemas.get(slug) ?? ''))) {
    if (known.tableNames.has(schema)) continue;
    known.tableNames.set(schema, await tableNamesOf(connection, schema));
    known.tables.set(schema, new Map());
  }
  const targets = new Map<string, Target>();
  events.forEach((event, ordinal) => {
    const schema = known.schemas.get(event.sourceSlug) ?? '';
    const names = known.tableNames.get(schema) ?? new Set();
    const admits = (table: string) => names.has(table) || names.size < TABLES_PER_SCHEMA_MAX;
    for (const row of rowsOf(event, POSTGRES_DIALECT, admits)) {
      names.add(row.table);
      const key = `${schema}\n${row.table}`;
      let target = targets.get(key);
      if (!target) targets.set(key, (target = newTarget(schema, row)));
      target.rows.push({ ordinal, row });
    }
  });
  return [...targets.values()];
}

function newTarget(schema: string, { table, kind }: Row): Target {
  return { schema, name: table, kind, rows: [] };
}

/** Reads the tables that are not known, and makes what the rows need. */
async function prepareTables(
  connection: Connection,
  targets: readonly Target[],
  known: Known,
  limits: ColumnLimits,
): Promise<void> {
  const tableOf = ({ schema, name }: Target) => known.tables.get(schema)?.get(name);
  await readTables(
    connection,
    targets.filter((target) => !tableOf(target)),
    known,
  );
  const learnAll = (target: Target): boolean => {
    const model = tableOf(target);
    if (!model) return false;
    for (const { row } of target.rows) learn(model, row, POSTGRES_DIALECT, limits);
    return model.isNew || model.added.length > 0 || model.widened.size > 0;
  };
  const changed = targets.filter(learnAll);
  if (changed.length === 0) return;
  // Another destination may have made the same; only behind the lock it stays as it is read.
  await lockDefinitions(connection);
  await readTables(connection, changed, known);
  for (const target of changed) {
    learnAll(target);
    const model = tableOf(target);
    if (!model) continue;
    await keepExactColumns(connection, target.schema, model);
    const statements = definitionsOf(target.schema, model);
    if (statements.length > 0) await connection.query(statements.join(';\n'));
    model.isNew = false;
    model.added = [];
    model.widened.clear();
  }
}

async function readTables(
  connection: Connection,
  targets: readonly Target[],
  known: Known,
): Promise<void> {
  for (const schema of new Set(targets.map((target) => target.schema))) {
    const own = targets.filter((target) => target.schema === schema);
    const kinds = new Map(own.map(({ name, kind }) => [name, kind]));
    const tables = known.tables.get(schema) ?? new Map<string, TableModel>();
    for (const [name, kind] of kinds) tables.set(name, newTable(name, kind));
    for (const model of await tablesOf(connection, schema, kinds)) tables.set(model.name, model);
  }
}

/** Stores the rows of events `from` to `to` of one table. */
type Load = (connection: Connection, range: Range) => Promise<void>;

interface Range {
  from: number;
  to: number;
}

interface PlacedRow {
  ordinal: number;
  key: string;
  values: Map<string, unknown>;
}

function loadOf(target: Target, known: Known, limits: ColumnLimits): Load {
  const { schema, name, kind, rows } = target;
  const model = known.tables.get(schema)?.get(name) ?? newTable(name, kind);
  const placed = rows.map(({ ordinal, row }): PlacedRow => {
    return { ordinal, key: row.key, values: place(model, row, POSTGRES_DIALECT, limits) };
  });
  const isUpsert = rows.some(({ row }) => row.isUpsert);
  return async (connection, { from, to }) => {
    const own = placed.filter(({ ordinal }) => ordinal >= from && ordinal < to);
    if (own.length === 0) return;
    const values = isUpsert ? mergedByKey(own) : own.map((row) => row.values);
    const columns = columnsOf(model, values);
    const isStaged = known.mayStage && values.length >= STAGED_ROWS_MIN;
    const source = isStaged
      ? await stage(connection, columns, values)
      : jsonSource(columns, values);
    const into = { schema, table: name, columns };
    const text = isUpsert ? upsertStatement(into, source.text) : insertStatement(into, source.text);
    await connection.query(text, source.values);
    if (isStaged) await unstage(connection);
  };
}

/** One row for each key, oldest first; in the order of keys, which writers must share. */
function mergedByKey(rows: readonly PlacedRow[]): Map<string, unknown>[] {
  const seen = (row: PlacedRow) => String(row.values.get(SEEN_COLUMN));
  const merged = new Map<string, Map<string, unknown>>();
  for (const row of rows.toSorted((one, other) => (seen(one) < seen(other) ? -1 : 1))) {
    const earlier = merged.get(row.key);
    if (earlier) mergeValues(earlier, row.values);
    else merged.set(row.key, new Map(row.values));
  }
  return [...merged].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, row]) => row);
}

/** The columns in which some row has a value. */
function columnsOf(
  model: TableModel,
  rows: readonly ReadonlyMap<string, unknown>[],
): TableModel['columns'] {
  const names = new Set(rows.flatMap((row) => [...row.keys()]));
  return new Map([...model.columns].filter(([name]) => names.has(name)));
}

async function loadRange(
  connection: Connection,
  loads: readonly Load[],
  range: Range,
  refusals: Refusals,
): Promise<void> {
  await connection.query('savepoint rows');
  try {
    for (const load of loads) await load(connection, range);
    await connection.query('release savepoint rows');
    return;
  } catch (error) {
    if (!isRowRefused(error)) throw error;
    await connection.query('rollback to savepoint rows; release savepoint rows');
    if (range.to - range.from === 1) {
      refusals.set(range.from, messageOf(error));
      return;
    }
  }
  const middle = (range.from + range.to) >>> 1;
  await loadRange(connection, loads, { from: range.from, to: middle }, refusals);
  await loadRange(connection, loads, { from: middle, to: range.to }, refusals);
}
