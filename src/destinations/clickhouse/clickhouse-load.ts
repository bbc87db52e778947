/**
 * One batch into ClickHouse, which has no transactions: tables first, then one insert for each of
 * them, with a token made from the batch's. An insert that comes again with its token is ignored
 * by the server, so a batch may be repeated from any place; what slips through (a server that
 * forgot the token) has the same sorting key and is merged away.
 */
import type { DeliveryBatch, DeliveryEvent } from '../destination-contract.ts';
import { RESCUED_COLUMN } from '../../lake/schema/fixed-columns.ts';
import { learn, place } from '../warehouse/warehouse-columns.ts';
import type { ColumnLimits, TableModel } from '../warehouse/warehouse-columns.ts';
import { rowsOf } from '../warehouse/warehouse-rows.ts';
import type { Row, WarehouseKind } from '../warehouse/warehouse-rows.ts';
import {
  CLICKHOUSE_DIALECT,
  definitionsOf,
  ensureDatabase,
  keepExactColumns,
  latestView,
  qualified,
  quotedName,
  quotedText,
  readTables,
  tableNamesOf,
} from './clickhouse-catalog.ts';
import { ClickHouseError, isRowRefused } from './clickhouse-client.ts';
import type { ClickHouse } from './clickhouse-client.ts';

/** As many as the lake shows; further events are in `tracks` only. */
const TABLES_PER_DATABASE_MAX = 2_000;
/** Another writer may change a table between our reading and changing it. */
const DEFINITION_TRIES_MAX = 5;
const LATEST = {
  identifies: { name: 'users', id: 'user_id' },
  groups: { name: 'accounts', id: 'group_id' },
} as const;

/** What is known of the server between batches. */
export interface Known {
  /** Database by slug. */
  databases: Map<string, string>;
  /** Tables by database and name. */
  tables: Map<string, Map<string, TableModel>>;
  tableNames: Map<string, Set<string>>;
  /** Views, by database and name, that have every column. */
  views: Set<string>;
}

export function knowNothing(): Known {
  return { databases: new Map(), tables: new Map(), tableNames: new Map(), views: new Set() };
}

/** Why the server refused an event, by its place in the batch. */
export type Refusals = Map<number, string>;

interface Target {
  database: string;
  name: string;
  kind: WarehouseKind;
  rows: { ordinal: number; row: Row }[];
}

export interface LoadOptions {
  databasePrefix: string;
  limits: ColumnLimits;
}

/** Loads a batch; after an exception the caller throws what is known away. */
export async function loadBatch(
  clickhouse: ClickHouse,
  batch: DeliveryBatch,
  known: Known,
  options: LoadOptions,
): Promise<Refusals> {
  const targets = await targetsOf(clickhouse, batch.events, known, options.databasePrefix);
  const refusals: Refusals = new Map();
  for (const target of targets) {
    const model = await prepareTable(clickhouse, target, known, options.limits);
    await prepareView(clickhouse, target.database, model, known);
    const lines = target.rows.map(({ ordinal, row }) => {
      const values = place(model, row, CLICKHOUSE_DIALECT, options.limits);
      return { ordinal, columns: [...values.keys()], text: lineOf(model, values) };
    });
    await insert(clickhouse, { target, token: batch.token }, lines, refusals);
  }
  return refusals;
}

async function targetsOf(
  clickhouse: ClickHouse,
  events: readonly DeliveryEvent[],
  known: Known,
  prefix: string,
): Promise<Target[]> {
  for (const slug of new Set(events.map(({ sourceSlug }) => sourceSlug))) {
    if (known.databases.has(slug)) continue;
    const database = await ensureDatabase(clickhouse, prefix, slug);
    known.tableNames.set(database, await tableNamesOf(clickhouse, database));
    known.tables.set(database, new Map());
    known.databases.set(slug, database);
  }
  const targets = new Map<string, Target>();
  events.forEach((event, ordinal) => {
    const database = known.databases.get(event.sourceSlug) ?? '';
    const names = known.tableNames.get(database) ?? new Set();
    const admits = (table: string) => names.has(table) || names.size < TABLES_PER_DATABASE_MAX;
    for (const row of rowsOf(event, CLICKHOUSE_DIALECT, admits)) {
      // Users and accounts are views.
      if (row.isUpsert) continue;
      names.add(row.table);
      const key = `${database}\n${row.table}`;
      const target = targets.get(key) ?? newTarget(database, row);
      targets.set(key, target);
      target.rows.push({ ordinal, row });
    }
  });
  return [...targets.values()];
}

function newTarget(database: string, { table, kind }: Row): Target {
  return { database, name: table, kind, rows: [] };
}

/** Makes what the rows need, until the server has it. */
async function prepareTable(
  clickhouse: ClickHouse,
  { database, name, kind, rows }: Target,
  known: Known,
  limits: ColumnLimits,
): Promise<TableModel> {
  const tables = known.tables.get(database) ?? new Map<string, TableModel>();
  for (let tries = 0; tries < DEFINITION_TRIES_MAX; tries++) {
    let model = tables.get(name);
    if (!model) {
      [model] = await readTables(clickhouse, database, new Map([[name, kind]]));
      if (!model) break;
      tables.set(name, model);
    }
    for (const { row } of rows) learn(model, row, CLICKHOUSE_DIALECT, limits);
    await keepExactColumns(clickhouse, database, model);
    const statements = definitionsOf(database, model);
    if (statements.length === 0) return model;
    for (const text of statements) await clickhouse.execute(text);
    tables.delete(name);
    known.views.delete(`${database}\n${name}`);
  }
  throw new ClickHouseError(
    0,
    0,
    `the table ${name} does not become what was asked for`,
    undefined,
  );
}

async function prepareView(
  clickhouse: ClickHouse,
  database: string,
  model: TableModel,
  known: Known,
): Promise<void> {
  const { kind } = model;
  const key = `${database}\n${model.name}`;
  if ((kind !== 'identifies' && kind !== 'groups') || known.views.has(key)) return;
  await clickhouse.execute(latestView(database, model, LATEST[kind]));
  known.views.add(key);
}

interface Line {
  ordinal: number;
  columns: string[];
  text: string;
}

/** The row as JSON, with times as ClickHouse writes them. */
function lineOf(model: TableModel, values: ReadonlyMap<string, unknown>): string {
  const row = [...values].map(([name, value]) => {
    if (name === RESCUED_COLUMN) return [name, JSON.stringify(value)];
    if (model.columns.get(name)?.type !== 'timestamp') return [name, value];
    return [name, String(value).replace('T', ' ').replace('Z', '')];
  });
  return JSON.stringify(Object.fromEntries(row));
}

/** Inserts all lines, or, if some are refused, all but those. */
async function insert(
  clickhouse: ClickHouse,
  source: { target: Target; token: string },
  lines: readonly Line[],
  refusals: Refusals,
): Promise<void> {
  const { target, token } = source;
  const [first, last] = [lines[0], lines.at(-1)];
  if (!first || !last) return;
  const columns = [...new Set(lines.flatMap((line) => line.columns))].map(quotedName).join(', ');
  // The same lines always get the same token, whole batches and parts of them.
  const part = [token, target.database, target.name, first.ordinal, last.ordinal].join('/');
  try {
    await clickhouse.execute(
      `insert into ${qualified(target.database, target.name)} (${columns}) ` +
        `settings insert_deduplicate = 1, async_insert = 0, ` +
        `insert_deduplication_token = ${quotedText(part)} ` +
        `format JSONEachRow\n${lines.map(({ text }) => `${text}\n`).join('')}`,
    );
  } catch (error) {
    if (!isRowRefused(error) || !(error instanceof Error)) throw error;
    if (lines.length === 1) {
      refusals.set(first.ordinal, error.message);
      return;
    }
    const middle = lines.length >>> 1;
    await insert(clickhouse, source, lines.slice(0, middle), refusals);
    await insert(clickhouse, source, lines.slice(middle), refusals);
  }
}
