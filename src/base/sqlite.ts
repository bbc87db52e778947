/** Opens the SQLite files that a component owns whole, with one durable way to write. */
import { DatabaseSync } from 'node:sqlite';
import { MillraceError } from './errors.ts';

export interface SqliteOptions {
  /** The format that the schema is; files of a higher one are refused. */
  version: number;
  /** Statements that create format 1 from nothing. */
  schema: string;
  isReadOnly?: boolean;
}

/**
 * Opens or creates the file: WAL, every commit synced.
 * @throws MillraceError DATA_FORMAT_TOO_NEW when a newer Millrace wrote the file.
 */
export function openSqlite(path: string, options: SqliteOptions): DatabaseSync {
  const { version, schema, isReadOnly = false } = options;
  const database = new DatabaseSync(path, { readOnly: isReadOnly });
  database.exec('pragma busy_timeout = 5000; pragma foreign_keys = on;');
  const found = Number(database.prepare('pragma user_version').get()?.['user_version'] ?? 0);
  if (found > version) {
    database.close();
    throw new MillraceError(
      'DATA_FORMAT_TOO_NEW',
      `${path} has format ${found}; this Millrace knows ${version}. Use the newer Millrace.`,
    );
  }
  if (isReadOnly) return database;
  database.exec('pragma journal_mode = wal; pragma synchronous = full;');
  if (found === 0) {
    inTransaction(database, () => database.exec(`${schema} pragma user_version = ${version};`));
  }
  return database;
}

/** Runs the change in one transaction that is durable when this returns; rolls back on a throw. */
export function inTransaction<T>(database: DatabaseSync, change: () => T): T {
  database.exec('begin immediate');
  try {
    const result = change();
    database.exec('commit');
    return result;
  } catch (error) {
    database.exec('rollback');
    throw error;
  }
}
