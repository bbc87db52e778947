/**
 * Rows of a second workspace in every table that has workspaces: made from the tables as they
 * are, so that a new table is in the tests of tenancy without a word.
 */
import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';

interface Column {
  name: string;
  type: string;
  isNullable: boolean;
  isNumbered: boolean;
  /** Its line in the statement that made the table. */
  definition: string;
}

/**
 * Every id, slug, secret and text is the given word.
 * @returns the number of the foreign source.
 */
export function insertForeignRows(database: DatabaseSync, word: string): string {
  database.prepare('insert into workspaces values (?, ?, ?)').run(word, word, 8e15);
  for (const table of tablesOf(database)) {
    const columns = columnsOf(database, table).filter(({ isNumbered }) => !isNumbered);
    const names = columns.map(({ name }) => name).join(', ');
    const places = columns.map(() => '?').join(', ');
    const values = columns.map((column) => valueOf(database, column, word));
    database.prepare(`insert into ${table} (${names}) values (${places})`).run(...values);
  }
  return numberOf(database, word);
}

/** All rows of the workspace, and those that hang on them. */
export function rowsOfWorkspace(database: DatabaseSync, word: string): Record<string, unknown[]> {
  const rows = tablesOf(database).map((table): [string, unknown[]] => {
    const names = columnsOf(database, table).map(({ name }) => name);
    const owner =
      ['workspace_id', 'user_id', 'destination_id', 'id'].find((name) => names.includes(name)) ??
      'id';
    return [table, database.prepare(`select * from ${table} where ${owner} = ?`).all(word)];
  });
  return Object.fromEntries(rows);
}

/** In the order of their making, so that what is referred to is there. */
function tablesOf(database: DatabaseSync): string[] {
  const rows = database
    .prepare(
      `select name from sqlite_master where type = 'table' and name not like 'sqlite_%'
       and name != 'workspaces' order by rowid`,
    )
    .all();
  return rows.map(({ name }) => String(name));
}

function columnsOf(database: DatabaseSync, table: string): Column[] {
  const row = database.prepare('select sql from sqlite_master where name = ?').get(table);
  const lines = String(row?.['sql']).split('\n');
  const columns = database.prepare(`pragma table_info(${table})`).all();
  return columns.map(({ name, type, notnull, pk }) => ({
    name: String(name),
    type: String(type).toLowerCase(),
    isNullable: notnull === 0 && pk === 0,
    isNumbered: pk === 1 && String(type).toLowerCase() === 'integer',
    definition: lines.find((line) => line.trim().startsWith(`${String(name)} `)) ?? '',
  }));
}

function valueOf(database: DatabaseSync, column: Column, word: string) {
  const { name, type, isNullable, definition } = column;
  // An invitation without one is the first owner's, and worth nothing once there is an account.
  if (name === 'email') return word;
  if (isNullable) return null;
  if (name === 'source_number') return Number(numberOf(database, word));
  if (type === 'blob') return new Uint8Array([1, 2, 3]);
  if (type === 'integer') return /in \(0, 1\)/.test(definition) ? 1 : 8e15;
  if (definition.includes('json_valid')) return '[]';
  if (definition.includes('= 64')) return createHash('sha256').update(word).digest('hex');
  return /in \('([^']+)'/.exec(definition)?.[1] ?? word;
}

function numberOf(database: DatabaseSync, word: string): string {
  return String(database.prepare('select number from sources where id = ?').get(word)?.['number']);
}
