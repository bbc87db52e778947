/** Folders for what a part of the program needs for a while, and nobody else looks into. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Makes a new folder. @param kind begins its name. */
export function makeTemporaryFolder(root: string, kind: string): string {
  const folder = join(root, `${kind}-${randomUUID()}`);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Removes the folder with everything in it, at once; it need not be there. */
export function removeTemporaryFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** The same in the background, for what may be large. */
export function clearAway(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}
