/** Folders that are emptied whole, through the disk seam. */
import { join } from 'node:path';
import type { Disk } from './disk.ts';
import { errnoOf } from './errors.ts';

/** What the systems say when a folder is removed as if it were a file. */
const IS_FOLDER = new Set(['EISDIR', 'EPERM']);

/** Removes everything in a folder, folders too, and keeps the folder itself. */
export async function emptyFolder(disk: Disk, folder: string): Promise<void> {
  for (const name of await disk.list(folder)) {
    const path = join(folder, name);
    try {
      await disk.remove(path);
    } catch (error) {
      if (!IS_FOLDER.has(errnoOf(error) ?? '')) throw error;
      await emptyFolder(disk, path);
      await disk.removeFolder(path);
    }
  }
}
