/** What an empty data folder gets: a workspace, a source, and a write key that is shown once. */
import type { Config } from '../config/config-schema.ts';
import { createSource, listSourcesEver } from '../store/sources/sources.ts';
import type { Source } from '../store/sources/sources.ts';
import type { Store } from '../store/store.ts';
import { inStoreTransaction } from '../store/store.ts';
import { ensureWorkspace } from '../store/workspace/workspaces.ts';
import { createKey } from '../store/sources/write-keys.ts';

export interface FirstStart {
  source: Source;
  writeKey: string;
}

/** Returns what was made, or null when the store has sources already. */
export function firstStart(store: Store, config: Config): FirstStart | null {
  return inStoreTransaction(store, () => {
    ensureWorkspace(store, config.workspace.name);
    if (listSourcesEver(store).length > 0) return null;
    const [region = 'us'] = Object.keys(config.regions);
    const source = createSource(store, { name: 'My first source', slug: 'default', region });
    return { source, writeKey: createKey(store, source.slug).key };
  });
}
