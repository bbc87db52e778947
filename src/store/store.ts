/**
 * control.db: workspaces, sources and write keys in one SQLite file, shared by the server and the
 * command line at the same time. Every change is durable when its function returns.
 */
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../base/clock.ts';
import { systemClock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { systemRandom } from '../base/random.ts';
import { inTransaction } from '../base/sqlite.ts';
import { migrate } from './migrate.ts';

export interface Store {
  database: DatabaseSync;
  clock: Clock;
  random: Random;
}

/** How long a change waits for another process to finish its own. */
const BUSY_TIMEOUT_MS = 5_000;

/**
 * Opens or creates the file; its folder must exist.
 * @throws MillraceError DATA_FORMAT_TOO_NEW when a newer Millrace wrote it.
 */
export function openStore(
  path: string,
  { clock = systemClock, random = systemRandom }: { clock?: Clock; random?: Random } = {},
): Store {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.exec(
      'pragma foreign_keys = on; pragma journal_mode = wal; pragma synchronous = full;',
    );
    migrate(database, path);
  } catch (error) {
    database.close();
    throw error;
  }
  return { database, clock, random };
}

export function closeStore(store: Store): void {
  store.database.close();
}

/** A number that changes when another connection or process changed anything. */
export function dataVersion(store: Store): number {
  return Number(store.database.prepare('pragma data_version').get()?.['data_version']);
}

/** Runs changes in one durable transaction, or joins the one that runs. */
export function inStoreTransaction<T>(store: Store, change: () => T): T {
  return store.database.isTransaction ? change() : inTransaction(store.database, change);
}
