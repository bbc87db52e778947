/** Where the key of sealed secrets comes from: the configuration, a file, or the first start. */
import { join } from 'node:path';
import type { Disk } from '../../base/disk.ts';
import { MillraceError, toError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import { readWholeFile, writeWholeFile } from '../../base/whole-file.ts';
import { SEALING_KEY_BYTES, createSealer } from './sealing.ts';
import type { Sealer } from './sealing.ts';

export const SEALING_KEY_FILE = 'secrets.key';
/** Beside it while a rotation is under way. */
export const NEXT_SEALING_KEY_FILE = 'secrets.key.next';

/**
 * The key of a data folder; made when neither the configuration nor a file has one. A key beside
 * the data protects a copy of control.db, not a copy of the whole folder: see SECURITY.md.
 * @throws MillraceError CONFIG_INVALID when the file that is named holds no key.
 */
export async function sealingKey(
  options: { key: string | null; keyFile: string | null },
  dataFolder: string,
  disk: Disk,
  random: Random,
): Promise<Uint8Array> {
  if (options.key !== null) return keyFrom(options.key, 'secrets.key');
  const path = options.keyFile ?? join(dataFolder, SEALING_KEY_FILE);
  if (options.keyFile === null && !(await disk.exists(path))) {
    const key = random.bytes(SEALING_KEY_BYTES);
    await writeWholeFile(disk, path, Buffer.from(`${Buffer.from(key).toString('base64')}\n`));
    await disk.syncFolder(dataFolder);
    return key;
  }
  const text = await readWholeFile(disk, path).catch((error: unknown) => {
    const message = `secrets.keyFile: ${path}: ${toError(error).message}`;
    throw new MillraceError('CONFIG_INVALID', message, { field: 'secrets.keyFile' });
  });
  return keyFrom(text.toString('utf8').trim(), 'secrets.keyFile');
}

/** The sealer of a data folder; also opens what an interrupted rotation has sealed already. */
export async function openSealer(
  options: { key: string | null; keyFile: string | null },
  dataFolder: string,
  disk: Disk,
  random: Random,
): Promise<Sealer> {
  const key = await sealingKey(options, dataFolder, disk, random);
  const next = join(dataFolder, NEXT_SEALING_KEY_FILE);
  if (!(await disk.exists(next))) return createSealer(key, random);
  const text = (await readWholeFile(disk, next)).toString('utf8').trim();
  return createSealer(key, random, [keyFrom(text, next)]);
}

function keyFrom(text: string, field: string): Uint8Array {
  const key = Buffer.from(text, 'base64');
  if (key.length === SEALING_KEY_BYTES) return key;
  throw new MillraceError('CONFIG_INVALID', `${field}: not a key (allowed: 32 bytes in base64)`, {
    field,
  });
}
