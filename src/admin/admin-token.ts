/** The secret of the admin listener: made once, kept in a file that only its owner can read. */
import { join } from 'node:path';
import type { Disk } from '../base/disk.ts';
import type { Random } from '../base/random.ts';
import { readWholeFile, writeWholeFile } from '../base/whole-file.ts';

const TOKEN_BYTES = 24;
export const ADMIN_TOKEN_FILE = 'admin-token';

/** Reads the token of a data folder, making it when there is none. */
export async function adminToken(disk: Disk, random: Random, dataDir: string): Promise<string> {
  const path = join(dataDir, ADMIN_TOKEN_FILE);
  if (await disk.exists(path)) return readAdminToken(disk, dataDir);
  const token = Buffer.from(random.bytes(TOKEN_BYTES)).toString('base64url');
  await writeWholeFile(disk, path, Buffer.from(`${token}\n`));
  return token;
}

export async function readAdminToken(disk: Disk, dataDir: string): Promise<string> {
  return (await readWholeFile(disk, join(dataDir, ADMIN_TOKEN_FILE))).toString('utf8').trim();
}
