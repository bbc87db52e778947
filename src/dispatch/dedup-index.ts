/**
 * Which messageIds were seen inside the deduplication window, as 96-bit fingerprints in an open
 * addressing table: 14 bytes a key at most, no strings. A wrong "seen" would lose an event, so the
 * fingerprint is wide: with 100 million keys the chance is 10^-21 per lookup.
 *
 *   slot n: words[3n], words[3n+1], words[3n+2]   fingerprint (never all zero)
 *           hours[n]                              hour of receipt, from the first one; 0: free
 */
import { hash } from 'node:crypto';
import { assert } from '../base/assert.ts';

export const FINGERPRINT_BYTES = 12;

export interface DedupIndex {
  /** Returns true when the fingerprint is known within the window; otherwise adds it. */
  seenOrAdd(fingerprint: Buffer, at: number, hour: number): boolean;
  size(): number;
  /** Keys dropped before their window ended because the index was full. */
  evicted(): number;
}

export interface DedupOptions {
  windowHours: number;
  keysMax: number;
}

const LOAD_MAX = 0.7;
const SLOTS_MIN = 1 << 12;

/** Writes the fingerprint of (source, messageId) into 12 bytes of the target. */
export function writeFingerprint(
  target: Buffer,
  at: number,
  sourceNumber: number,
  messageId: string,
): void {
  target.write(hash('md5', `${sourceNumber} ${messageId}`, 'hex'), at, FINGERPRINT_BYTES, 'hex');
}

/** An empty index; `Ledger.loadFingerprints` fills it after a restart. */
export function createDedupIndex(options: DedupOptions): DedupIndex {
  const { windowHours, keysMax } = options;
  let slots = SLOTS_MIN;
  let words = new Uint32Array(slots * 3);
  let hours = new Uint16Array(slots);
  let count = 0;
  let evictedCount = 0;
  let originHour = -1;
  let newestHour = 0;

  const find = (a: number, b: number, c: number): number => {
    let slot = a & (slots - 1);
    for (;;) {
      if (hours[slot] === 0) return slot;
      const at = slot * 3;
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c) return slot;
      slot = (slot + 1) & (slots - 1);
    }
  };
  const put = (slot: number, a: number, b: number, c: number, hour: number): void => {
    words[slot * 3] = a;
    words[slot * 3 + 1] = b;
    words[slot * 3 + 2] = c;
    hours[slot] = hour;
    count++;
  };

  /** Rebuilds without expired keys, larger when still crowded, dropping the oldest past the cap. */
  const rebuild = (): void => {
    const oldWords = words;
    const oldHours = hours;
    let oldest = Math.max(1, newestHour - windowHours);
    let live = 0;
    for (const hour of oldHours) if (hour >= oldest) live++;
    while (live >= keysMax && oldest <= newestHour) {
      let dropped = 0;
      for (const hour of oldHours) if (hour === oldest) dropped++;
      oldest++;
      live -= dropped;
      evictedCount += dropped;
    }
    while (live >= slots * LOAD_MAX * 0.7) slots *= 2;
    words = new Uint32Array(slots * 3);
    hours = new Uint16Array(slots);
    count = 0;
    for (let slot = 0; slot < oldHours.length; slot++) {
      const hour = oldHours[slot] ?? 0;
      if (hour < oldest || hour === 0) continue;
      const at = slot * 3;
      const a = oldWords[at] ?? 0;
      const b = oldWords[at + 1] ?? 0;
      const c = oldWords[at + 2] ?? 0;
      put(find(a, b, c), a, b, c, hour);
    }
  };

  return {
    seenOrAdd(fingerprint, at, hour) {
      if (originHour < 0) originHour = hour - windowHours - 1;
      const relative = Math.min(65_535, Math.max(1, hour - originHour));
      if (relative > newestHour) newestHour = relative;
      const a = fingerprint.readUInt32LE(at);
      const b = fingerprint.readUInt32LE(at + 4);
      const c = fingerprint.readUInt32LE(at + 8);
      let slot = find(a, b, c);
      const known = hours[slot] ?? 0;
      if (known !== 0) {
        if (relative - known <= windowHours) return true;
        hours[slot] = relative;
        return false;
      }
      if (count >= slots * LOAD_MAX || count >= keysMax) {
        rebuild();
        slot = find(a, b, c);
      }
      put(slot, a, b, c, relative);
      assert(count < slots, 'the deduplication index keeps a free slot');
      return false;
    },
    size: () => count,
    evicted: () => evictedCount,
  };
}
