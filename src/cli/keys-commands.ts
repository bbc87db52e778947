/** `millrace keys …`: write keys. A key is printed once, when it is made. */
import type { Command } from 'commander';
import { isInternalSlug } from '../base/internal-source.ts';
import { inStoreTransaction } from '../store/store.ts';
import { createKey, disableKey, listKeys, rotateKey } from '../store/sources/write-keys.ts';
import type { WriteKey } from '../store/sources/write-keys.ts';
import { auditKey } from './cli-audit.ts';
import { durationMs } from './duration.ts';
import { withStore } from './open-control.ts';
import { printJson, printLine, tableText } from './output.ts';
import { configOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';

export function addKeysCommands(program: Command): void {
  const keys = program.command('keys').description('list, create, rotate and disable write keys');
  withJsonOption(withDataOptions(keys.command('list')))
    .description('list write keys (only hints: keys are stored as digests)')
    .option('--source <slug>', 'only keys of this source')
    .action(list);
  withJsonOption(withDataOptions(keys.command('create')))
    .description('make a write key and print it, once')
    .requiredOption('--source <slug>', 'slug or id of the source')
    .action(create);
  withJsonOption(withDataOptions(keys.command('rotate')))
    .description('make a new key; the old one stays valid for the overlap')
    .argument('<key>', 'the key itself, its id or its number')
    .option('--overlap <time>', 'how long the old key stays valid', '24h')
    .action(rotate);
  withJsonOption(withDataOptions(keys.command('disable')))
    .description('refuse a key from now on')
    .argument('<key>', 'the key itself, its id or its number')
    .action(disable);
}

async function list(options: DataOptions & { source?: string }): Promise<void> {
  const found = await withStore(await configOf(options), (store) =>
    listKeys(store, options.source),
  );
  const keys = found.filter(({ sourceSlug }) => !isInternalSlug(sourceSlug));
  if (options.json) return printJson(keys.map(shown));
  const heads = ['number', 'source', 'hint', 'state', 'created', 'expires', 'last used'];
  const rows = keys.map((key) => [
    key.number,
    key.sourceSlug,
    key.hint,
    key.state,
    timeText(key.createdAtMs),
    timeText(key.expiresAtMs),
    timeText(key.lastUsedAtMs),
  ]);
  printLine(tableText(heads, rows));
}

async function create(options: DataOptions & { source: string }): Promise<void> {
  const made = await withStore(await configOf(options), (store) =>
    inStoreTransaction(store, () => {
      const created = createKey(store, options.source);
      auditKey(store, 'Write Key Created', created);
      return created;
    }),
  );
  if (options.json) return printJson({ ...shown(made), key: made.key });
  printLine(made.key);
}

async function rotate(key: string, options: DataOptions & { overlap: string }): Promise<void> {
  const overlapMs = durationMs(options.overlap, '--overlap');
  const config = await configOf(options);
  const { created, old } = await withStore(config, (store) =>
    inStoreTransaction(store, () => {
      const rotated = rotateKey(store, key, overlapMs);
      auditKey(store, 'Write Key Rotated', rotated.old);
      auditKey(store, 'Write Key Created', rotated.created);
      return rotated;
    }),
  );
  if (options.json) {
    return printJson({ created: { ...shown(created), key: created.key }, old: shown(old) });
  }
  printLine(`${created.key}`);
  printLine(`The old key ${old.hint} is valid until ${timeText(old.expiresAtMs)}.`);
}

async function disable(key: string, options: DataOptions): Promise<void> {
  const disabled = await withStore(await configOf(options), (store) =>
    inStoreTransaction(store, () => {
      const after = disableKey(store, key);
      auditKey(store, 'Write Key Disabled', after);
      return after;
    }),
  );
  if (options.json) return printJson(shown(disabled));
  printLine(`Key ${disabled.number} (${disabled.hint}) of ${disabled.sourceSlug} is disabled.`);
}

/** The digest stays inside. */
function shown(key: WriteKey): Record<string, unknown> {
  return {
    number: key.number,
    id: key.id,
    source: key.sourceSlug,
    hint: key.hint,
    state: key.state,
    origin: key.origin,
    createdAt: timeText(key.createdAtMs),
    expiresAt: timeText(key.expiresAtMs) || null,
    lastUsedAt: timeText(key.lastUsedAtMs) || null,
  };
}

function timeText(ms: number | null): string {
  return ms === null ? '' : new Date(ms).toISOString();
}
