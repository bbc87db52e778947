/** `server.json`: where the running server of a data folder can be found. Holds no secret. */
import { join } from 'node:path';
import type { Disk } from '../base/disk.ts';
import { readWholeFile, writeWholeFile } from '../base/whole-file.ts';

export interface ServerFile {
  pid: number;
  version: string;
  startedAt: string;
  collectorUrl: string;
  adminUrl: string;
}

const NAME = 'server.json';

/** Writes the file in one step, so that a reader never sees a part. */
export async function writeServerFile(
  disk: Disk,
  dataDir: string,
  file: ServerFile,
): Promise<void> {
  await writeWholeFile(disk, join(dataDir, NAME), Buffer.from(`${JSON.stringify(file)}\n`));
}

/** Returns null when no server has left word; one that was killed leaves an old file behind. */
export async function readServerFile(disk: Disk, dataDir: string): Promise<ServerFile | null> {
  const path = join(dataDir, NAME);
  if (!(await disk.exists(path))) return null;
  const found: unknown = JSON.parse((await readWholeFile(disk, path)).toString('utf8'));
  const isWhole =
    typeof found === 'object' &&
    found !== null &&
    'pid' in found &&
    'adminUrl' in found &&
    typeof found.adminUrl === 'string';
  return isWhole ? (found as ServerFile) : null;
}

export async function removeServerFile(disk: Disk, dataDir: string): Promise<void> {
  const path = join(dataDir, NAME);
  if (await disk.exists(path)) await disk.remove(path);
}
