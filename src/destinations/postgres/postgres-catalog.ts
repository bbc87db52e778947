/**
 * What the database has: our own bookkeeping (schema `millrace`), the schema of each source, the
 * tables in it; and the statements that change them. Everything runs inside the transaction of its
 * caller, so what is made and then fails was never there.
 */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { distinctName, schemaName } from '../../lake/schema/column-names.ts';
import { RESCUED_COLUMN } from '../../lake/schema/fixed-columns.ts';
import {
  beyondDoubles,
  commentOf,
  keepWhole,
  knownTable,
  pathOfComment,
} from '../warehouse/warehouse-columns.ts';
import type { Column, ColumnType, TableModel } from '../warehouse/warehouse-columns.ts';
import { fittingName } from '../warehouse/warehouse-rows.ts';
import type { Dialect, WarehouseKind } from '../warehouse/warehouse-rows.ts';
import type { Connection } from './postgres-connection.ts';

export const POSTGRES_DIALECT: Dialect = {
  nameCharsMax: 63,
  reservedColumns: new Set(['tableoid', 'ctid', 'xmin', 'cmin', 'xmax', 'cmax']),
  holdsTimestamp: () => true,
};

/** `bigint` becomes `double precision` by writing the table anew, while nobody can read it. */
const WIDEN_TABLE_BYTES_MAX = 256 * 2 ** 20;

export const SQL_TYPES: Readonly<Record<ColumnType, string>> = {
  timestamp: 'timestamptz',
  integer: 'bigint',
  float: 'double precision',
  boolean: 'boolean',
  text: 'text',
  json: 'jsonb',
  other: 'text',
};

/** Types that take every value of ours; a column of another type is left alone. */
const TYPES_OF_DATABASE: Readonly<Record<string, ColumnType>> = {
  timestamptz: 'timestamp',
  timestamp: 'timestamp',
  int8: 'integer',
  float8: 'float',
  numeric: 'float',
  bool: 'boolean',
  text: 'text',
  varchar: 'text',
  jsonb: 'json',
  json: 'json',
};

export function qualified(schema: string, name: string): string {
  return `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
}

/** Until the end of the transaction no other destination changes tables. */
export async function lockDefinitions(connection: Connection): Promise<void> {
  await connection.query(`select pg_advisory_xact_lock(hashtext('millrace'))`);
}

/** Makes the tables of our own where they are not. */
export async function ensureBookkeeping(connection: Connection): Promise<void> {
  const [found] = await connection.query(
    `select 1 where to_regclass('millrace.cursors') is not null
      and to_regclass('millrace.schemas') is not null`,
  );
  if (found) return;
  await lockDefinitions(connection);
  await ensureSchema(connection, 'millrace');
  await connection.query(`
    create table if not exists millrace.cursors (
      destination text, stream text, partition text,
      position bigint not null, refused jsonb not null default '[]',
      updated_at timestamptz not null default now(),
      primary key (destination, stream, partition));
    create table if not exists millrace.schemas (
      prefix text, slug text, schema_name text not null unique, primary key (prefix, slug))`);
}

/** Asks first: the right to create schemas is not needed for one that exists. */
async function ensureSchema(connection: Connection, schema: string): Promise<void> {
  const [found] = await connection.query('select 1 from pg_namespace where nspname = $1', [schema]);
  if (!found) await connection.query(`create schema if not exists ${escapeIdentifier(schema)}`);
}

/** The schema of each source, made when it is new; a second slug of one name gets digits. */
export async function schemasOf(
  connection: Connection,
  prefix: string,
  slugs: readonly string[],
): Promise<Map<string, string>> {
  const known = async () => {
    const rows = await connection.query<{ slug: string; schema_name: string }>(
      'select slug, schema_name from millrace.schemas where prefix = $1 and slug = any($2)',
      [prefix, slugs],
    );
    return new Map(rows.map((row) => [row.slug, row.schema_name]));
  };
  const schemas = await known();
  if (slugs.every((slug) => schemas.has(slug))) return schemas;
  await lockDefinitions(connection);
  for (const [slug, schema] of await known()) schemas.set(slug, schema);
  for (const slug of slugs.filter((name) => !schemas.has(name)).toSorted()) {
    const wish = fittingName(wishedSchema(prefix + schemaName(slug)), POSTGRES_DIALECT);
    const other = fittingName(distinctName(wish, slug), POSTGRES_DIALECT);
    const [row] = await connection.query<{ schema_name: string }>(
      `insert into millrace.schemas (prefix, slug, schema_name)
       select $1, $2, case when exists (select from millrace.schemas where schema_name = $3)
         then $4 else $3 end returning schema_name`,
      [prefix, slug, wish, other],
    );
    const schema = row?.schema_name ?? wish;
    await ensureSchema(connection, schema);
    schemas.set(slug, schema);
  }
  return schemas;
}

/** PostgreSQL keeps `pg_` for itself, and we keep `millrace`. */
function wishedSchema(name: string): string {
  return name.startsWith('pg_') || name === 'millrace' ? `_${name}` : name;
}

export async function tableNamesOf(connection: Connection, schema: string): Promise<Set<string>> {
  const rows = await connection.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind in ('r', 'p')`,
    [schema],
  );
  return new Set(rows.map(({ name }) => name));
}

interface TableRow extends Record<string, unknown> {
  name: string;
  used_columns: number;
  bytes: string;
  columns: { name: string; type: string; modifier: number; comment: string | null }[];
}

/** Those of the named tables that exist. */
export async function tablesOf(
  connection: Connection,
  schema: string,
  kinds: ReadonlyMap<string, WarehouseKind>,
): Promise<TableModel[]> {
  const rows = await connection.query<TableRow>(
    `select c.relname as name, c.relnatts::int as used_columns, pg_table_size(c.oid) as bytes,
       (select json_agg(json_build_object('name', a.attname, 'type', t.typname,
          'modifier', a.atttypmod, 'comment', col_description(c.oid, a.attnum)) order by a.attnum)
        from pg_attribute a join pg_type t on t.oid = a.atttypid
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = any($2) and c.relkind in ('r', 'p')`,
    [schema, [...kinds.keys()]],
  );
  return rows.map(({ name, used_columns: usedColumns, bytes, columns }) => {
    const canWiden = Number(bytes) <= WIDEN_TABLE_BYTES_MAX;
    return knownTable(name, kinds.get(name) ?? 'event', (columns ?? []).map(columnOf), {
      usedColumns,
      canWiden,
    });
  });
}

function columnOf({ name, type, modifier, comment }: TableRow['columns'][number]): Column {
  const isOurs = modifier === -1 || name === RESCUED_COLUMN;
  const path = pathOfComment(comment);
  return { name, type: (isOurs && TYPES_OF_DATABASE[type]) || 'other', path };
}

/**
 * Leaves columns as they are that hold whole numbers which doubles would round. Behind the lock of
 * the table, so that none comes before it is altered.
 */
export async function keepExactColumns(
  connection: Connection,
  schema: string,
  model: TableModel,
): Promise<void> {
  if (model.isNew || model.widened.size === 0) return;
  const table = qualified(schema, model.name);
  await connection.query(`lock table ${table} in share row exclusive mode`);
  for (const name of model.widened) {
    const found = await connection.query(
      `select 1 from ${table} where ${beyondDoubles(escapeIdentifier(name))} limit 1`,
    );
    if (found.length > 0) keepWhole(model, name);
  }
}

/** Statements that give the database what only the model has so far. */
export function definitionsOf(schema: string, model: TableModel): string[] {
  const table = qualified(schema, model.name);
  const commented = [...model.columns.values()].filter(({ path }) => path !== null);
  const statements = model.isNew
    ? creation(table, model)
    : alterations(table, model.added, model.widened, model.columns);
  const fresh = model.isNew ? commented : model.added;
  for (const column of fresh) {
    const comment = commentOf(column);
    if (comment === null) continue;
    const name = `${table}.${escapeIdentifier(column.name)}`;
    statements.push(`comment on column ${name} is ${escapeLiteral(comment)}`);
  }
  return statements;
}

function creation(table: string, { kind, columns }: TableModel): string[] {
  const lines = [...columns.values()].map(({ name, type }) => {
    const key = name === 'id' ? ' primary key' : '';
    return `${escapeIdentifier(name)} ${SQL_TYPES[type]}${key}`;
  });
  const statements = [`create table ${table} (${lines.join(', ')})`];
  const isUpsert = kind === 'users' || kind === 'accounts';
  if (!isUpsert) statements.push(`create index on ${table} (received_at)`);
  return statements;
}

function alterations(
  table: string,
  added: readonly Column[],
  widened: ReadonlySet<string>,
  columns: ReadonlyMap<string, Column>,
): string[] {
  const parts = added.map(({ name, type }) => {
    return `add column ${escapeIdentifier(name)} ${SQL_TYPES[type]}`;
  });
  for (const name of widened) {
    const type = SQL_TYPES[columns.get(name)?.type ?? 'float'];
    parts.push(`alter column ${escapeIdentifier(name)} type ${type}`);
  }
  return parts.length === 0 ? [] : [`alter table ${table} ${parts.join(', ')}`];
}
