/**
 * Brings the control store to the newest format: numbered SQL files, each applied once, all that
 * are missing in one transaction. The number of the last one is `pragma user_version` in SQLite,
 * and a row of `control_state` in PostgreSQL.
 */
import { fileURLToPath } from 'node:url';
import { assert } from '../../base/assert.ts';
import { systemDisk } from '../../base/disk.ts';
import { MillraceError } from '../../base/errors.ts';
import { inControlTransaction } from './control-database.ts';
import type { ControlDatabase } from './control-database.ts';
import { postgresMigration } from './postgres-dialect.ts';

export interface Migration {
  version: number;
  sql: string;
}

// Read once at import, so that opening a store needs no await.
export const MIGRATIONS: readonly Migration[] = await readMigrations(
  fileURLToPath(new URL('./migrations', import.meta.url)),
);

/** Of a SQLite file. @throws MillraceError DATA_FORMAT_TOO_NEW */
export function migrate(
  database: ControlDatabase,
  path: string,
  migrations: readonly Migration[] = MIGRATIONS,
): void {
  const formatOf = () => Number(database.prepare('pragma user_version').get()?.['user_version']);
  if (formatOf() === newestOf(migrations)) return;
  inControlTransaction(database, 'write', () => {
    // Asked again inside the transaction: another process may have migrated meanwhile.
    for (const { version, sql } of missing(path, formatOf(), migrations)) {
      database.exec(`${sql}; pragma user_version = ${version};`);
    }
  });
}

/**
 * Of a schema of PostgreSQL, which is made when it is not there; nodes that start at once wait for
 * each other. @throws MillraceError DATA_FORMAT_TOO_NEW
 */
export function migratePostgres(
  database: ControlDatabase,
  schema: string,
  migrations: readonly Migration[] = MIGRATIONS,
): void {
  const formatOf = (): number => {
    // Read from the catalog itself: what names lead to is remembered from before the wait for
    // another node that makes the same.
    const found = database
      .prepare(
        `select 1 from pg_class join pg_namespace on pg_namespace.oid = relnamespace
         where nspname = ? and relname = 'control_state'`,
      )
      .get(schema);
    if (!found) return 0;
    const row = database.prepare(`select number from control_state where name = 'format'`).get();
    return Number(row?.['number'] ?? 0);
  };
  if (formatOf() === newestOf(migrations)) return;
  inControlTransaction(database, 'write', () => {
    const format = formatOf();
    // Only when it is missing, because it takes a right that the user may not have.
    const row = database.prepare('select 1 from pg_namespace where nspname = ?').get(schema);
    if (!row) database.exec(`create schema "${schema}"`);
    if (format === 0) database.exec(POSTGRES_START);
    for (const { version, sql } of missing(`schema ${schema}`, format, migrations)) {
      database.exec(postgresMigration(sql));
      database.prepare(`update control_state set number = ? where name = 'format'`).run(version);
    }
  });
}

/** What SQLite brings along, and what counts changes, so that other nodes notice them. */
const POSTGRES_START = `
  create table control_state (name text primary key, number bigint not null);
  insert into control_state (name, number) values ('format', 0), ('changes', 0);
  create function json_valid(given text) returns boolean language plpgsql immutable as $$
    begin
      perform given::json;
      return true;
    exception when others then
      return false;
    end
  $$;`;

function missing(place: string, found: number, migrations: readonly Migration[]): Migration[] {
  const newest = newestOf(migrations);
  if (found > newest) {
    throw new MillraceError(
      'DATA_FORMAT_TOO_NEW',
      `${place} has format ${found}; this Millrace knows ${newest}. Use the newer Millrace.`,
    );
  }
  return migrations.filter(({ version }) => version > found);
}

function newestOf(migrations: readonly Migration[]): number {
  return migrations.at(-1)?.version ?? 0;
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await systemDisk.list(folder)).filter((name) => name.endsWith('.sql'));
  const migrations: Migration[] = [];
  for (const name of names) {
    const version = Number.parseInt(name, 10);
    assert(version === migrations.length + 1, `${name} continues the numbers of the migrations`);
    migrations.push({ version, sql: await readText(`${folder}/${name}`) });
  }
  return migrations;
}

async function readText(path: string): Promise<string> {
  const file = await systemDisk.open(path, 'read');
  try {
    const bytes = new Uint8Array(await file.size());
    const count = await file.read(bytes, 0, bytes.length, 0);
    assert(count === bytes.length, `${path} is read whole`);
    return new TextDecoder().decode(bytes);
  } finally {
    await file.close();
  }
}
