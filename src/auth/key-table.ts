/** Finds the source of a write key in memory, by the key's SHA-256 digest. */
import { createHash } from 'node:crypto';
import type { AuthSnapshot, KeyEntry, SourceEntry } from './snapshot.ts';

/** Why a key is refused. Callers answer all alike; the cause is for metrics only. */
export type KeyRefusal = 'unknown' | 'disabled' | 'expired' | 'source_disabled';

export type KeyResolution =
  { ok: true; source: SourceEntry; key: KeyEntry } | { ok: false; reason: KeyRefusal };

export interface KeyTable {
  /** @param nowMs wall time; a rotated key is refused from its expiresAtMs on. */
  resolve(writeKey: string, nowMs: number): KeyResolution;
}

const UNKNOWN: KeyResolution = { ok: false, reason: 'unknown' };
const DISABLED: KeyResolution = { ok: false, reason: 'disabled' };
const EXPIRED: KeyResolution = { ok: false, reason: 'expired' };
const SOURCE_DISABLED: KeyResolution = { ok: false, reason: 'source_disabled' };

/**
 * The time to look a key up does not depend on how much of it is right: what is compared is its
 * digest, which an attacker cannot steer.
 */
export function buildKeyTable(snapshot: AuthSnapshot): KeyTable {
  const sources = new Map(snapshot.sources.map((source) => [source.number, source]));
  const byDigest = new Map<string, { key: KeyEntry; resolution: KeyResolution }>();
  for (const key of snapshot.keys) {
    byDigest.set(key.digest, { key, resolution: settle(key, sources.get(key.sourceNumber)) });
  }
  return {
    resolve(writeKey, nowMs) {
      const found = byDigest.get(createHash('sha256').update(writeKey).digest('hex'));
      if (found === undefined) return UNKNOWN;
      const { key, resolution } = found;
      const isExpired = key.expiresAtMs !== null && nowMs >= key.expiresAtMs;
      return resolution.ok && isExpired ? EXPIRED : resolution;
    },
  };
}

/** What is true of a key whatever the time. */
function settle(key: KeyEntry, source: SourceEntry | undefined): KeyResolution {
  if (source === undefined) return UNKNOWN;
  if (key.state === 'disabled') return DISABLED;
  return source.enabled ? { ok: true, source, key } : SOURCE_DISABLED;
}
