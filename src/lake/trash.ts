/**
 * Files that are listed no more. A query that began before may still read them, so they are removed
 * when no query can be so old.
 */
import type { Disk } from '../base/disk.ts';

export interface Trash {
  keptMs: number;
  /** Oldest first. */
  files: { path: string; atMs: number }[];
}

/** However short queries may be. */
const TRASH_MS_MIN = 120_000;
/** Of a query beyond its time limit, until it is ended. */
const TRASH_MARGIN_MS = 60_000;

/** @param queryMs how long a query may run. */
export function createTrash(queryMs: number): Trash {
  return { keptMs: Math.max(TRASH_MS_MIN, queryMs + TRASH_MARGIN_MS), files: [] };
}

/** From now on nobody lists the files. */
export function throwAway(trash: Trash, paths: readonly string[], nowMs: number): void {
  const atMs = nowMs + trash.keptMs;
  for (const path of paths) trash.files.push({ path, atMs });
}

/** Removes what is old enough. */
export async function emptyTrash({ files }: Trash, disk: Disk, nowMs: number): Promise<void> {
  for (let oldest = files[0]; oldest && oldest.atMs <= nowMs; oldest = files[0]) {
    files.shift();
    await disk.remove(oldest.path);
  }
}
