/**
 * The control store: workspaces, sources, write keys, destinations, people. In one SQLite file,
 * shared by the server and the command line at the same time, or in PostgreSQL, shared by several
 * nodes. Every change is durable when its function returns.
 */
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { systemClock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { systemRandom } from '../base/random.ts';
import type { Config } from '../config/config-schema.ts';
import { inControlTransaction } from './engine/control-database.ts';
import type { ControlDatabase } from './engine/control-database.ts';
import { migrate, migratePostgres } from './engine/migrate.ts';
import { openPostgresDatabase } from './engine/postgres-database.ts';
import type { PostgresPlace } from './engine/postgres-messages.ts';
import { openSqliteDatabase } from './engine/sqlite-database.ts';

export interface Store {
  database: ControlDatabase;
  clock: Clock;
  random: Random;
}

/** The path of a SQLite file, or a schema of PostgreSQL. */
export type StorePlace = string | PostgresPlace;

/** Where the configuration says that the control store is. */
export function storePlace({ store }: Pick<Config, 'store'>, dataFolder: string): StorePlace {
  const { engine, url, schema, timeoutMs } = store;
  if (engine === 'sqlite' || url === null) return join(dataFolder, 'control.db');
  return { url, schema, timeoutMs };
}

/**
 * Opens or creates it; the folder of a file must exist.
 * @throws MillraceError DATA_FORMAT_TOO_NEW when a newer Millrace wrote it; UNAVAILABLE when
 *   PostgreSQL cannot be reached.
 */
export function openStore(
  place: StorePlace,
  { clock = systemClock, random = systemRandom }: { clock?: Clock; random?: Random } = {},
): Store {
  const isFile = typeof place === 'string';
  const database = isFile ? openSqliteDatabase(place) : openPostgresDatabase(place);
  try {
    if (isFile) migrate(database, place);
    else migratePostgres(database, place.schema);
  } catch (error) {
    database.close();
    throw error;
  }
  return { database, clock, random };
}

export function closeStore(store: Store): void {
  store.database.close();
}

/** A number that changes when another connection or process changed anything. Never throws. */
export function dataVersion(store: Store): number {
  return store.database.dataVersion();
}

/** Runs changes in one durable transaction, or joins the one that runs. */
export function inStoreTransaction<T>(store: Store, change: () => T): T {
  const { database } = store;
  return database.isTransaction ? change() : inControlTransaction(database, 'write', change);
}

/** All that is read belongs together, whatever others change meanwhile. */
export function inStoreSnapshot<T>(store: Store, read: () => T): T {
  const { database } = store;
  return database.isTransaction ? read() : inControlTransaction(database, 'read', read);
}
