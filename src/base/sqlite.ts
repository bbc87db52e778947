/** Opens the SQLite files that a component owns whole, with one durable way to write. */
import { DatabaseSync } from 'node:sqlite';
import { MillraceError } from './errors.ts';

export interface SqliteOptions {
  /** The format that the schema is; files of a higher one are refused. */
  version: number;
  /** Statements that create the format from nothing. */
  schema: string;
  /** From each older format, statements that make the next one of it. */
  upgrades?: Readonly<Record<number, string>>;
  isReadOnly?: boolean;
}

/**
 * Opens or creates the file: WAL, every commit synced.
 * @throws MillraceError DATA_FORMAT_TOO_NEW when a newer Millrace wrote the file.
 */
export function openSqlite(path: string, options: SqliteOptions): DatabaseSync {
  const { version, schema, upgrades = {}, isReadOnly = false } = options;
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
  if (isReadOnly && found > 0 && found < version) {
    // Readers know the newest format only; nobody writes a file of an older one.
    database.close();
    openSqlite(path, { version, schema, upgrades }).close();
    return openSqlite(path, options);
  }
  if (isReadOnly) return database;
  database.exec('pragma journal_mode = wal; pragma synchronous = full;');
  if (found === 0) {
    inTransaction(database, () => database.exec(`${schema} pragma user_version = ${version};`));
  }
  for (let from = found; from > 0 && from < version; from++) {
    const upgrade = upgrades[from] ?? '';
    inTransaction(database, () => database.exec(`${upgrade} pragma user_version = ${from + 1};`));
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
