/**
 * Applies the sources that the configuration declares, at each start, in one transaction. What is
 * declared wins over what was changed elsewhere, with two exceptions: a key or source that a
 * person disabled stays disabled, and the region of a source is for life.
 */
import { MillraceError } from '../../base/errors.ts';
import type { DeclaredSource } from '../../config/config-schema.ts';
import { createSource, findSource } from './sources.ts';
import type { Source } from './sources.ts';
import { inStoreTransaction } from '../store.ts';
import type { Store } from '../store.ts';
import { ensureWorkspace } from '../workspace/workspaces.ts';
import { insertKey, writeKeyDigest } from './write-keys.ts';

/**
 * Creates and updates the declared sources and their keys. Declared keys that are no longer
 * declared are disabled; keys and sources that people made are left alone.
 * @throws MillraceError CONFIG_INVALID when a source would change its region, or a key is
 *   declared that a person made for another source.
 */
export function applyDeclaredSources(store: Store, sources: readonly DeclaredSource[]): void {
  inStoreTransaction(store, () => {
    disableKeysExcept(store, new Set(sources.flatMap((source) => source.writeKeys)));
    sources.forEach((declared, at) => {
      const source = applySource(store, declared, at);
      declared.writeKeys.forEach((key, keyAt) => {
        applyKey(store, source, key, `sources[${at}].writeKeys[${keyAt}]`);
      });
    });
  });
}

function disableKeysExcept(store: Store, declared: ReadonlySet<string>): void {
  const digests = new Set([...declared].map(writeKeyDigest));
  const rows = store.database
    .prepare(
      `select write_keys.number, digest from write_keys
       join sources on sources.number = source_number and workspace_id = ?
       where write_keys.origin = 'declared' and state = 'active'`,
    )
    .all(ensureWorkspace(store).id);
  const disable = store.database.prepare(
    `update write_keys set state = 'disabled', disabled_by = 'declaration' where number = ?`,
  );
  for (const { number, digest } of rows) {
    if (!digests.has(String(digest))) disable.run(Number(number));
  }
}

function applySource(store: Store, declared: DeclaredSource, at: number): Source {
  const { name, slug, region, environment, limits, responses, ip, oauth } = declared;
  const found = findSource(store, slug);
  if (!found) return createSource(store, { ...declared, origin: 'declared' });
  if (found.region !== region) {
    throw new MillraceError(
      'CONFIG_INVALID',
      `sources[${at}].region: source ${slug} keeps its data in ${found.region} (allowed: ` +
        `${found.region}, or another slug, which is another source)`,
      { field: `sources[${at}].region` },
    );
  }
  store.database
    .prepare(
      `update sources set name = ?, environment = ?, limits = ?, responses = ?, ip = ?,
         oauth = ?, origin = 'declared', updated_at_ms = ? where number = ?`,
    )
    .run(
      name,
      environment,
      JSON.stringify(limits),
      responses,
      ip,
      JSON.stringify(oauth),
      store.clock.wallMs(),
      found.number,
    );
  return found;
}

function applyKey(store: Store, source: Source, key: string, field: string): void {
  const row = store.database
    .prepare(
      `select write_keys.number, source_number, write_keys.origin, workspace_id from write_keys
       join sources on sources.number = source_number where digest = ?`,
    )
    .get(writeKeyDigest(key));
  if (!row) {
    insertKey(store, source.number, key, 'declared');
    return;
  }
  const isForeign = row['workspace_id'] !== source.workspaceId;
  if (isForeign || (row['origin'] === 'created' && row['source_number'] !== source.number)) {
    const message = `${field}: the key belongs to another source (allowed: a key of this source)`;
    throw new MillraceError('CONFIG_INVALID', message, { field });
  }
  // A declared key may move to another source, as when the slug of its source is changed.
  store.database
    .prepare(
      `update write_keys set source_number = ?, origin = 'declared',
         state = case disabled_by when 'person' then 'disabled' else 'active' end,
         disabled_by = case disabled_by when 'person' then 'person' end where number = ?`,
    )
    .run(source.number, Number(row['number']));
}
