/**
 * COPY of many rows into a temporary table with the columns of their table, from which one
 * statement merges them. Few rows travel as JSON in that statement instead: a temporary table
 * leaves dead rows in the catalogs of the database, which many rows are worth and few are not.
 */
import { escapeIdentifier } from 'pg';
import type { Column } from '../warehouse/warehouse-columns.ts';
import { SQL_TYPES } from './postgres-catalog.ts';
import type { Connection } from './postgres-connection.ts';

/** From here on COPY is faster than JSON by more than the table costs. */
export const STAGED_ROWS_MIN = 500;
const CHUNK_BYTES = 64 * 1024;
const STAGING = 'pg_temp.millrace_rows';

/** Where a merge finds its rows, as `r` with the columns that were asked for. */
export interface RowSource {
  text: string;
  values: unknown[];
}

/** True when the user may make temporary tables, as everybody may by default. */
export async function mayStage(connection: Connection): Promise<boolean> {
  const [found] = await connection.query<{ may: boolean }>(
    `select has_database_privilege(current_database(), 'temporary') as may`,
  );
  return found?.may === true;
}

/** Rows as a JSON array of objects in the first parameter. */
export function jsonSource(
  columns: ReadonlyMap<string, Column>,
  rows: readonly ReadonlyMap<string, unknown>[],
): RowSource {
  return {
    text: `json_to_recordset($1::json) as r(${definitions(columns)})`,
    values: [JSON.stringify(rows.map((row) => Object.fromEntries(row)))],
  };
}

/** Copies the rows; the caller drops them with `unstage` once they are merged. */
export async function stage(
  connection: Connection,
  columns: ReadonlyMap<string, Column>,
  rows: readonly ReadonlyMap<string, unknown>[],
): Promise<RowSource> {
  await connection.query(
    `create temporary table millrace_rows (${definitions(columns)}) on commit drop`,
  );
  await connection.copy(`copy ${STAGING} from stdin`, copyText([...columns.keys()], rows));
  return { text: `${STAGING} as r`, values: [] };
}

export async function unstage(connection: Connection): Promise<void> {
  await connection.query(`drop table ${STAGING}`);
}

function definitions(columns: ReadonlyMap<string, Column>): string {
  return [...columns.values()]
    .map(({ name, type }) => `${escapeIdentifier(name)} ${SQL_TYPES[type]}`)
    .join(', ');
}

/** COPY's text format (PostgreSQL manual, COPY, "Text Format"), in pieces of some size. */
export function* copyText(
  names: readonly string[],
  rows: Iterable<ReadonlyMap<string, unknown>>,
): Generator<Buffer> {
  let text = '';
  for (const row of rows) {
    names.forEach((name, at) => {
      text += (at === 0 ? '' : '\t') + copyField(row.get(name));
    });
    text += '\n';
    if (text.length < CHUNK_BYTES) continue;
    yield Buffer.from(text);
    text = '';
  }
  if (text !== '') yield Buffer.from(text);
}

function copyField(value: unknown): string {
  if (value === null || value === undefined) return '\\N';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.replace(/[\\\n\r\t]/g, (found) => ESCAPES[found] ?? found);
}

const ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
