/**
 * One process per data folder. The lock is SQLite's on lock.db, held by an open transaction: the
 * system releases it however the process ends, so there is no stale lock to clean up.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Disk } from '../base/disk.ts';
import { systemDisk } from '../base/disk.ts';
import { MillraceError } from '../base/errors.ts';

export interface DataFolderLock {
  release(): void;
}

/**
 * Takes the lock, creating the folder when it is absent.
 * @throws MillraceError DATA_FOLDER_LOCKED naming the process that holds it, when it left word.
 */
export async function lockDataFolder(
  dataDir: string,
  disk: Disk = systemDisk,
): Promise<DataFolderLock> {
  await disk.makeFolder(dataDir);
  const database = new DatabaseSync(join(dataDir, 'lock.db'), { timeout: 0 });
  try {
    database.exec('pragma locking_mode = exclusive; begin exclusive;');
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    const holder = await holderOf(disk, join(dataDir, 'server.json'));
    throw new MillraceError(
      'DATA_FOLDER_LOCKED',
      `${dataDir} is in use by another Millrace${holder}. Stop it, or use another data folder.`,
      { cause: error },
    );
  }
  held.add(database);
  return {
    release() {
      held.delete(database);
      database.close();
    },
  };
}

/** Keeps held locks reachable: a collected database would be closed, and its lock gone. */
const held = new Set<DatabaseSync>();

const SQLITE_BUSY = 5;
const SERVER_FILE_BYTES_MAX = 65_536;

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

/** ` (process 123)`, or nothing when the file is absent or not readable: it is only a courtesy. */
async function holderOf(disk: Disk, path: string): Promise<string> {
  try {
    const file = await disk.open(path, 'read');
    try {
      const bytes = new Uint8Array(Math.min(await file.size(), SERVER_FILE_BYTES_MAX));
      const count = await file.read(bytes, 0, bytes.length, 0);
      const found: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(0, count)));
      const hasPid = typeof found === 'object' && found !== null && 'pid' in found;
      return hasPid && Number.isInteger(found.pid) ? ` (process ${String(found.pid)})` : '';
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
}
