/**
 * Brings control.db to the newest format: numbered SQL files, each applied once, all that are
 * missing in one transaction. `pragma user_version` holds the number of the last one.
 */
import type { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { assert } from '../base/assert.ts';
import { systemDisk } from '../base/disk.ts';
import { MillraceError } from '../base/errors.ts';
import { inTransaction } from '../base/sqlite.ts';

export interface Migration {
  version: number;
  sql: string;
}

// Read once at import, so that opening a store needs no await.
export const MIGRATIONS: readonly Migration[] = await readMigrations(
  fileURLToPath(new URL('./migrations', import.meta.url)),
);

/** @throws MillraceError DATA_FORMAT_TOO_NEW when a newer Millrace wrote the file. */
export function migrate(
  database: DatabaseSync,
  path: string,
  migrations: readonly Migration[] = MIGRATIONS,
): void {
  const newest = migrations.at(-1)?.version ?? 0;
  if (formatOf(database) === newest) return;
  inTransaction(database, () => {
    // Asked again inside the transaction: another process may have migrated meanwhile.
    const found = formatOf(database);
    if (found > newest) {
      throw new MillraceError(
        'DATA_FORMAT_TOO_NEW',
        `${path} has format ${found}; this Millrace knows ${newest}. Use the newer Millrace.`,
      );
    }
    for (const { version, sql } of migrations) {
      if (version > found) database.exec(`${sql}; pragma user_version = ${version};`);
    }
  });
}

function formatOf(database: DatabaseSync): number {
  return Number(database.prepare('pragma user_version').get()?.['user_version'] ?? 0);
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
