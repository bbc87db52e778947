/** `millrace secrets rotate`: a new key for what is sealed. */
import type { Command } from 'commander';
import { join } from 'node:path';
import { systemDisk } from '../base/disk.ts';
import { MillraceError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import { writeWholeFile } from '../base/whole-file.ts';
import { resealDestinations } from '../store/destinations/destinations.ts';
import { SEALING_KEY_BYTES, createSealer } from '../store/sealing/sealing.ts';
import {
  NEXT_SEALING_KEY_FILE,
  SEALING_KEY_FILE,
  openSealer,
} from '../store/sealing/sealing-key.ts';
import { withStore } from './open-control.ts';
import { printJson, printLine } from './output.ts';
import { configOf, dataFolderOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';
import { whileStopped } from './while-stopped.ts';

interface RotateOptions extends DataOptions {
  newKey?: string;
}

/** Adds the command; it wants the server stopped, which holds the old key. */
export function addSecretsCommands(program: Command): void {
  const group = program.command('secrets').description('sealed settings of destinations');
  withJsonOption(withDataOptions(group.command('rotate')))
    .description('seal everything with a new key (the server must be stopped)')
    .option('--new-key <base64>', '32 bytes in base64 (default: made and kept in secrets.key)')
    .action(rotate);
}

async function rotate(options: RotateOptions): Promise<void> {
  const config = await configOf(options);
  const dataFolder = dataFolderOf(config);
  const isOwnFile = config.secrets.key === null && config.secrets.keyFile === null;
  if (!isOwnFile && options.newKey === undefined) {
    const message = '--new-key: needed, because the key is not in the data folder';
    throw new MillraceError('INVALID_ARGUMENT', message, { field: '--new-key' });
  }
  const key = options.newKey
    ? Buffer.from(options.newKey, 'base64')
    : Buffer.from(systemRandom.bytes(SEALING_KEY_BYTES));
  if (key.length !== SEALING_KEY_BYTES) {
    const message = '--new-key: not a key (allowed: 32 bytes in base64)';
    throw new MillraceError('INVALID_ARGUMENT', message, { field: '--new-key' });
  }
  const next = createSealer(key, systemRandom);
  const count = await whileStopped(dataFolder, async () => {
    const old = await openSealer(config.secrets, dataFolder, systemDisk, systemRandom);
    const path = join(dataFolder, SEALING_KEY_FILE);
    const nextPath = join(dataFolder, NEXT_SEALING_KEY_FILE);
    const text = Buffer.from(`${key.toString('base64')}\n`);
    // The new key is safe before anything needs it; the old one until nothing does.
    if (isOwnFile) await writeWholeFile(systemDisk, nextPath, text);
    const sealed = await withStore(config, (store) => resealDestinations(store, old, next));
    if (isOwnFile) {
      await systemDisk.rename(nextPath, path);
      await systemDisk.syncFolder(dataFolder);
    }
    return sealed;
  });
  if (count === null) {
    throw new MillraceError('DATA_FOLDER_LOCKED', 'Stop the server first: it holds the old key');
  }
  if (options.json) return printJson({ count, keyId: next.keyId });
  printLine(`${count} destinations are sealed with the new key ${next.keyId}.`);
  if (!isOwnFile) printLine('Set secrets.key or secrets.keyFile to it before the next start.');
}
