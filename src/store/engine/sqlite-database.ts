/** The control store in one SQLite file: the engine of an installation with one node. */
import { DatabaseSync } from 'node:sqlite';
import type { ControlDatabase } from './control-database.ts';

/** How long a change waits for another process to finish its own. */
const BUSY_TIMEOUT_MS = 5_000;

/** Opens or creates the file; its folder must exist. */
export function openSqliteDatabase(path: string): ControlDatabase {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.exec(
      'pragma foreign_keys = on; pragma journal_mode = wal; pragma synchronous = full;',
    );
  } catch (error) {
    database.close();
    throw error;
  }
  return {
    engine: 'sqlite',
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        get: (...values) => statement.get(...values),
        all: (...values) => statement.all(...values),
        run: (...values) => ({ changes: Number(statement.run(...values).changes) }),
      };
    },
    exec: (sql) => database.exec(sql),
    get isTransaction() {
      return database.isTransaction;
    },
    begin: (kind) => database.exec(kind === 'write' ? 'begin immediate' : 'begin'),
    commit: () => database.exec('commit'),
    rollback() {
      if (database.isTransaction) database.exec('rollback');
    },
    dataVersion: () => Number(database.prepare('pragma data_version').get()?.['data_version']),
    isReachable: () => true,
    close: () => database.close(),
  };
}
