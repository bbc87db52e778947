/** Write keys that are known by their digest, because they were made elsewhere. */
import { MillraceError } from '../../base/errors.ts';
import type { Source } from './sources.ts';
import { inStoreTransaction } from '../store.ts';
import type { Store } from '../store.ts';
import { getKey } from './write-keys.ts';
import type { WriteKey } from './write-keys.ts';

export interface KnownKey {
  /** SHA-256 of the key, hexadecimal. */
  digest: string;
  hint: string;
  expiresAtMs: number | null;
}

/** @throws MillraceError CONFLICT when the key belongs to another source. */
export function addKnownKey(store: Store, source: Source, key: KnownKey): WriteKey {
  return inStoreTransaction(store, () => {
    const taken = store.database
      .prepare('select 1 from write_keys where digest = ?')
      .get(key.digest);
    if (taken !== undefined) {
      throw new MillraceError('CONFLICT', `The key ${key.hint} belongs to another source`);
    }
    const id = store.random.uuid();
    store.database
      .prepare(
        `insert into write_keys (id, source_number, digest, hint, state, origin, created_at_ms,
           expires_at_ms) values (?, ?, ?, ?, 'active', 'created', ?, ?)`,
      )
      .run(id, source.number, key.digest, key.hint, store.clock.wallMs(), key.expiresAtMs);
    return getKey(store, id);
  });
}

/** @param expiresAtMs null: never. @throws MillraceError NOT_FOUND */
export function setKeyExpiry(store: Store, id: string, expiresAtMs: number | null): WriteKey {
  return inStoreTransaction(store, () => {
    const { number } = getKey(store, id);
    store.database
      .prepare('update write_keys set expires_at_ms = ? where number = ?')
      .run(expiresAtMs, number);
    return getKey(store, id);
  });
}
