/**
 * Write keys: what SDKs authenticate with. Only a SHA-256 digest and a hint are stored, so a key
 * can be shown once, when it is made. (A plain digest is enough: keys have 190 random bits, and
 * those that people declare themselves are as secret as they make them.)
 */
import { createHash } from 'node:crypto';
import { assert } from '../../base/assert.ts';
import { MillraceError } from '../../base/errors.ts';
import { isInternalSlug } from '../../base/internal-source.ts';
import type { Random } from '../../base/random.ts';
import { secretHint } from '../../config/masked-config.ts';
import { getSource } from './sources.ts';
import type { Origin } from './source-shapes.ts';
import { inStoreTransaction } from '../store.ts';
import type { Store } from '../store.ts';
import { ensureWorkspace } from '../workspace/workspaces.ts';

export interface WriteKey {
  number: number;
  id: string;
  sourceNumber: number;
  sourceSlug: string;
  /** SHA-256 of the key, hexadecimal. */
  digest: string;
  /** First 4 and last 2 characters of the key. */
  hint: string;
  state: 'active' | 'disabled';
  disabledBy: 'declaration' | 'person' | null;
  origin: Origin;
  createdAtMs: number;
  expiresAtMs: number | null;
  lastUsedAtMs: number | null;
}

/** A key as it is only once, when it is made. */
export interface CreatedKey extends WriteKey {
  key: string;
}

const KEY_CHARS = 32;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** A year and a day; a longer overlap is a second key. */
const OVERLAP_MS_MAX = 367 * 86_400_000;

const SELECT_KEYS = `select write_keys.*, sources.slug as source_slug
  from write_keys join sources on sources.number = write_keys.source_number
    and sources.workspace_id = ?`;

export function writeKeyDigest(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** Makes a key of 32 letters and digits. @throws MillraceError NOT_FOUND for the source. */
export function createKey(store: Store, sourceSlugOrId: string): CreatedKey {
  return inStoreTransaction(store, () => {
    return createKeyOf(store, getSource(store, sourceSlugOrId).number);
  });
}

/** Makes a key of a source that is known to be there. */
export function createKeyOf(store: Store, sourceNumber: number): CreatedKey {
  const key = randomKey(store.random);
  return { ...insertKey(store, sourceNumber, key, 'created'), key };
}

/**
 * Makes a new key for the source of the old one, which stays valid for the overlap (milliseconds).
 * @param keyOrId the key itself, its id or its number.
 * @throws MillraceError NOT_FOUND; CONFLICT when the old key is not in use; INVALID_ARGUMENT.
 */
export function rotateKey(
  store: Store,
  keyOrId: string,
  overlapMs: number,
): { created: CreatedKey; old: WriteKey } {
  if (!Number.isInteger(overlapMs) || overlapMs < 0 || overlapMs > OVERLAP_MS_MAX) {
    const message = `The overlap is 0 to ${OVERLAP_MS_MAX} milliseconds`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field: 'overlapMs' });
  }
  return inStoreTransaction(store, () => {
    const { number, sourceSlug, state, expiresAtMs } = getKey(store, keyOrId);
    if (state === 'disabled' || expiresAtMs !== null) {
      throw new MillraceError('CONFLICT', 'The key is disabled or rotated already');
    }
    store.database
      .prepare('update write_keys set expires_at_ms = ? where number = ?')
      .run(store.clock.wallMs() + overlapMs, number);
    const created = createKey(store, sourceSlug);
    return { created, old: getKey(store, String(number)) };
  });
}

/** Disabling twice is no error. @throws MillraceError NOT_FOUND */
export function disableKey(store: Store, keyOrId: string): WriteKey {
  return inStoreTransaction(store, () => {
    const { number } = getKey(store, keyOrId);
    store.database
      .prepare(`update write_keys set state = 'disabled', disabled_by = 'person' where number = ?`)
      .run(number);
    return getKey(store, String(number));
  });
}

/** Disables keys of a source that nobody has used since, and that were made before. */
export function disableUnusedKeys(store: Store, sourceNumber: number, sinceMs: number): void {
  store.database
    .prepare(
      `update write_keys set state = 'disabled', disabled_by = 'person'
       where source_number = ? and state = 'active'
         and coalesce(last_used_at_ms, created_at_ms) < ?`,
    )
    .run(sourceNumber, sinceMs);
}

/** In the order they were made; of one source, or of all. */
export function listKeys(store: Store, sourceSlugOrId?: string): WriteKey[] {
  if (sourceSlugOrId === undefined) {
    return store.database
      .prepare(`${SELECT_KEYS} order by write_keys.number`)
      .all(ensureWorkspace(store).id)
      .map(keyOf);
  }
  const { number } = getSource(store, sourceSlugOrId);
  return store.database
    .prepare(`${SELECT_KEYS} where source_number = ? order by write_keys.number`)
    .all(ensureWorkspace(store).id, number)
    .map(keyOf);
}

/**
 * Finds a key by itself, its id or its number.
 * @throws MillraceError NOT_FOUND, without repeating what was given: it may be a key; also for a
 *   key of Millrace's own source.
 */
export function getKey(store: Store, keyOrId: string): WriteKey {
  const key = findKey(store, keyOrId);
  if (key === undefined || isInternalSlug(key.sourceSlug)) {
    throw new MillraceError('NOT_FOUND', 'There is no such write key', { field: 'key' });
  }
  return key;
}

function findKey(store: Store, keyOrId: string): WriteKey | undefined {
  const row = store.database
    .prepare(
      `${SELECT_KEYS} where digest = ? or write_keys.id = ? or write_keys.number = ?
       order by digest = ? desc limit 1`,
    )
    .get(
      ensureWorkspace(store).id,
      writeKeyDigest(keyOrId),
      keyOrId,
      /^\d{1,9}$/.test(keyOrId) ? Number(keyOrId) : -1,
      writeKeyDigest(keyOrId),
    );
  return row && keyOf(row);
}

/** Records when keys were last used; never moves a time back. Unknown numbers are ignored. */
export function touchKeys(store: Store, used: readonly [number: number, usedAtMs: number][]): void {
  if (used.length === 0) return;
  inStoreTransaction(store, () => {
    const update = store.database.prepare(
      `update write_keys set last_used_at_ms = ?1
       where number = ?2 and (last_used_at_ms is null or last_used_at_ms < ?1)`,
    );
    for (const [number, usedAtMs] of used) update.run(usedAtMs, number);
  });
}

/** Stores a key's digest and hint. The key must not exist yet. */
export function insertKey(
  store: Store,
  sourceNumber: number,
  key: string,
  origin: Origin,
): WriteKey {
  const row = store.database
    .prepare(
      `insert into write_keys (id, source_number, digest, hint, state, origin, created_at_ms)
       values (?, ?, ?, ?, 'active', ?, ?) returning number`,
    )
    .get(
      store.random.uuid(),
      sourceNumber,
      writeKeyDigest(key),
      secretHint(key),
      origin,
      store.clock.wallMs(),
    );
  const made = findKey(store, String(row?.['number']));
  assert(made, 'a key that was made is there');
  return made;
}

/** Bytes beyond the last multiple of 62 are thrown away, or early letters would be likelier. */
function randomKey(random: Random): string {
  const bound = 256 - (256 % ALPHABET.length);
  let key = '';
  while (key.length < KEY_CHARS) {
    for (const byte of random.bytes(KEY_CHARS)) {
      if (byte < bound && key.length < KEY_CHARS) key += ALPHABET[byte % ALPHABET.length];
    }
  }
  return key;
}

function keyOf(row: Record<string, unknown>): WriteKey {
  return {
    number: Number(row['number']),
    id: String(row['id']),
    sourceNumber: Number(row['source_number']),
    sourceSlug: String(row['source_slug']),
    digest: String(row['digest']),
    hint: String(row['hint']),
    state: row['state'] as WriteKey['state'],
    disabledBy: row['disabled_by'] as WriteKey['disabledBy'],
    origin: row['origin'] as Origin,
    createdAtMs: Number(row['created_at_ms']),
    expiresAtMs: optionalNumber(row['expires_at_ms']),
    lastUsedAtMs: optionalNumber(row['last_used_at_ms']),
  };
}

function optionalNumber(value: unknown): number | null {
  return value === null ? null : Number(value);
}
