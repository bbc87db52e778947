/**
 * What the server has, and the statements that change it. ClickHouse has no transactions, so every
 * statement may be repeated: what exists already is left as it is, and read again.
 */
import { distinctName, schemaName } from '../../lake/schema/column-names.ts';
import { RESCUED_COLUMN } from '../../lake/schema/fixed-columns.ts';
import {
  beyondDoubles,
  commentOf,
  keepWhole,
  knownTable,
  newTable,
  pathOfComment,
} from '../warehouse/warehouse-columns.ts';
import type { Column, ColumnType, TableModel } from '../warehouse/warehouse-columns.ts';
import type { Dialect, WarehouseKind } from '../warehouse/warehouse-rows.ts';
import type { ClickHouse } from './clickhouse-client.ts';

export const CLICKHOUSE_DIALECT: Dialect = {
  nameCharsMax: 127,
  reservedColumns: new Set(),
  // What DateTime64 holds; it would turn other years into these without a word.
  holdsTimestamp: (iso) => iso >= '1900-01-01T' && iso < '2300-01-01T',
};

const TIMESTAMP_TYPE = `DateTime64(6, 'UTC')`;
const SQL_TYPES: Readonly<Record<ColumnType, string>> = {
  timestamp: TIMESTAMP_TYPE,
  integer: 'Int64',
  float: 'Float64',
  boolean: 'Bool',
  text: 'String',
  json: 'String',
  other: 'String',
};
const TYPES_OF_SERVER: Readonly<Record<string, ColumnType>> = {
  [TIMESTAMP_TYPE]: 'timestamp',
  Int64: 'integer',
  Float64: 'float',
  Bool: 'boolean',
  String: 'text',
};
/** Rows are sorted by these, and two that agree in them become one. */
const KEY = ['received_at', 'id'];
/** Inserts whose tokens a table remembers; only the last one can come again. */
const TOKENS_REMEMBERED = 1_000;

export function quotedName(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

export function quotedText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

export function qualified(database: string, table: string): string {
  return `${quotedName(database)}.${quotedName(table)}`;
}

/** How a database of ours says whose it is. */
function databaseComment(prefix: string, slug: string): string {
  return `millrace source ${prefix}:${slug}`;
}

/** Databases that the comment calls ours, by slug. */
export async function databasesOf(
  clickhouse: ClickHouse,
  prefix: string,
): Promise<{ bySlug: Map<string, string>; others: Map<string, string> }> {
  const start = databaseComment(prefix, '');
  const rows = await clickhouse.query<{ name: string; comment: string }>(
    'select name, comment from system.databases',
  );
  const isOurs = ({ comment }: { comment: string }) => comment.startsWith(start);
  return {
    bySlug: new Map(rows.filter(isOurs).map((row) => [row.comment.slice(start.length), row.name])),
    others: new Map(rows.filter((row) => !isOurs(row)).map((row) => [row.name, row.comment])),
  };
}

/** The database of a source, made when it is new. Of two slugs with one name the second differs. */
export async function ensureDatabase(
  clickhouse: ClickHouse,
  prefix: string,
  slug: string,
): Promise<string> {
  const { bySlug, others } = await databasesOf(clickhouse, prefix);
  const found = bySlug.get(slug);
  if (found !== undefined) return found;
  const wish = prefix + schemaName(slug);
  const isTaken =
    [...bySlug.values()].includes(wish) || others.get(wish)?.startsWith('millrace source ');
  const name = isTaken ? distinctName(wish, slug) : wish;
  await clickhouse.execute(
    `create database if not exists ${quotedName(name)} ` +
      `comment ${quotedText(databaseComment(prefix, slug))}`,
  );
  return name;
}

/** Tables of a database with all that is known of them; the kind of each is `event`. */
export async function readTables(
  clickhouse: ClickHouse,
  database: string,
  kinds: ReadonlyMap<string, WarehouseKind>,
): Promise<TableModel[]> {
  const names = [...kinds.keys()].map(quotedText).join(', ');
  const rows = await clickhouse.query<{
    table: string;
    name: string;
    type: string;
    comment: string;
  }>(
    `select table, name, type, comment from system.columns
     where database = ${quotedText(database)} and table in (${names}) order by table, position`,
  );
  const columns = Map.groupBy(rows, ({ table }) => table);
  return [...kinds].map(([name, kind]) => {
    const own = columns.get(name)?.map(columnOf);
    if (!own) return newTable(name, kind);
    return knownTable(name, kind, own, { usedColumns: own.length, canWiden: true });
  });
}

function columnOf({
  name,
  type,
  comment,
}: {
  name: string;
  type: string;
  comment: string;
}): Column {
  const inner = type.replace(/^LowCardinality\((.*)\)$/, '$1').replace(/^Nullable\((.*)\)$/, '$1');
  const known = name === RESCUED_COLUMN ? 'json' : TYPES_OF_SERVER[inner];
  return { name, type: known ?? 'other', path: pathOfComment(comment) };
}

export async function tableNamesOf(clickhouse: ClickHouse, database: string): Promise<Set<string>> {
  const rows = await clickhouse.query<{ name: string }>(
    `select name from system.tables where database = ${quotedText(database)}`,
  );
  return new Set(rows.map(({ name }) => name));
}

/** Leaves columns as they are that hold whole numbers which doubles would round. */
export async function keepExactColumns(
  clickhouse: ClickHouse,
  database: string,
  model: TableModel,
): Promise<void> {
  if (model.isNew) return;
  for (const name of model.widened) {
    const found = await clickhouse.query(
      `select 1 as found from ${qualified(database, model.name)} ` +
        `where ${beyondDoubles(quotedName(name))} limit 1`,
    );
    if (found.length > 0) keepWhole(model, name);
  }
}

/** Statements that give the server what only the model has so far. */
export function definitionsOf(database: string, model: TableModel): string[] {
  const table = qualified(database, model.name);
  if (model.isNew) {
    const lines = [...model.columns.values()].map(definition).join(', ');
    return [
      `create table if not exists ${table} (${lines}) engine = ReplacingMergeTree ` +
        `order by (${KEY.join(', ')}) ` +
        `settings non_replicated_deduplication_window = ${TOKENS_REMEMBERED}`,
    ];
  }
  const parts = model.added.map((column) => `add column if not exists ${definition(column)}`);
  for (const name of model.widened) {
    const column = model.columns.get(name);
    if (column) parts.push(`modify column ${definition(column)}`);
  }
  if (parts.length === 0) return [];
  // Not waited for: parts are rewritten in the background, and read as fractions meanwhile.
  return [`alter table ${table} ${parts.join(', ')} settings alter_sync = 0`];
}

function definition(column: Column): string {
  const { name, type } = column;
  const comment = commentOf(column);
  const isKey = KEY.includes(name);
  const sqlType = isKey ? SQL_TYPES[type] : `Nullable(${SQL_TYPES[type]})`;
  const text = comment === null ? '' : ` comment ${quotedText(comment)}`;
  return `${quotedName(name)} ${sqlType}${text}`;
}

/** The latest value of each trait by user or account, as a view over its calls. */
export function latestView(
  database: string,
  calls: TableModel,
  { name, id }: { name: 'users' | 'accounts'; id: 'user_id' | 'group_id' },
): string {
  const order =
    'tuple(least(ifNull(e.timestamp, e.received_at), e.received_at), e.received_at, e.id)';
  const own = [...calls.columns.values()].filter(
    (column) => column.path !== null || column.name === RESCUED_COLUMN,
  );
  const latest = own.map((column) => {
    const quoted = quotedName(column.name);
    return `argMax(e.${quoted}, ${order}) as ${quoted}`;
  });
  const columns = [
    `e.${id} as id`,
    'max(e.received_at) as received_at',
    'max(e.received_at) as uuid_ts',
    ...latest,
  ];
  return (
    `create or replace view ${qualified(database, name)} as select ${columns.join(', ')} ` +
    `from ${qualified(database, calls.name)} as e where e.${id} is not null group by e.${id}`
  );
}
