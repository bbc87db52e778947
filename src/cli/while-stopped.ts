/** Work on a data folder that only one process may do at a time. */
import { systemDisk } from '../base/disk.ts';
import { MillraceError } from '../base/errors.ts';
import { lockDataFolder } from '../store/data-folder-lock.ts';

/**
 * Holds the folder's lock during the work. Returns null, without working, when a server holds it.
 * @throws MillraceError NOT_FOUND when there is no such folder.
 */
export async function whileStopped<T>(
  dataFolder: string,
  work: () => Promise<T>,
): Promise<T | null> {
  await assertDataFolder(dataFolder);
  let lock;
  try {
    lock = await lockDataFolder(dataFolder);
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'DATA_FOLDER_LOCKED') return null;
    throw error;
  }
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** @throws MillraceError NOT_FOUND */
export async function assertDataFolder(dataFolder: string): Promise<void> {
  if (await systemDisk.exists(dataFolder)) return;
  throw new MillraceError('NOT_FOUND', `There is no data folder ${dataFolder} (see --data-dir)`);
}
