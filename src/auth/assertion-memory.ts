/**
 * Remembers which assertions were used, for as long as they live, in memory that the threads of a
 * process share: each buys one token. A slot holds 40 bits of a digest and 24 bits of the end in
 * seconds; an assertion has a few slots that it may take, and a slot is free when its end has come.
 */
import { createHash } from 'node:crypto';

export interface AssertionMemory {
  /** False when it was used before, or when there is no room to remember it. */
  use(clientId: string, jti: string, endsAtSeconds: number, nowSeconds: number): boolean;
}

const SLOTS = 16_384;
const PROBES = 16;
const SECONDS_BITS = 24n;
const SECONDS_MASK = (1n << SECONDS_BITS) - 1n;
const HALF = 1n << (SECONDS_BITS - 1n);

export function assertionMemoryBytes(): number {
  return SLOTS * BigUint64Array.BYTES_PER_ELEMENT;
}

/** Opens the memory for this thread; it starts as zeros. */
export function openAssertionMemory(memory: SharedArrayBuffer): AssertionMemory {
  const slots = new BigUint64Array(memory);
  return {
    use(clientId, jti, endsAtSeconds, nowSeconds) {
      const digest = createHash('sha256')
        .update(JSON.stringify([clientId, jti]))
        .digest();
      const first = digest.readUInt32LE(0);
      const mark = digest.readBigUInt64LE(8) >> SECONDS_BITS;
      const now = BigInt(Math.floor(nowSeconds));
      const wanted = (mark << SECONDS_BITS) | (BigInt(endsAtSeconds) & SECONDS_MASK);
      const places = Array.from({ length: PROBES }, (_, at) => (first + at) % SLOTS);
      const isMarked = (held: bigint): boolean =>
        held >> SECONDS_BITS === mark && !isFree(held, now);
      // Looked through whole before one is taken: it may lie behind a slot that is free by now.
      if (places.some((at) => isMarked(Atomics.load(slots, at)))) return false;
      for (const at of places) {
        const held = Atomics.load(slots, at);
        const found = isFree(held, now) ? Atomics.compareExchange(slots, at, held, wanted) : held;
        if (found === held && isFree(held, now)) return true;
        // Another thread was faster, perhaps with the same one.
        if (isMarked(found)) return false;
      }
      return false;
    },
  };
}

/** Ends are compared as on a clock: 24 bits go round in half a year, and nothing lives an hour. */
function isFree(held: bigint, now: bigint): boolean {
  return held === 0n || ((now - (held & SECONDS_MASK)) & SECONDS_MASK) < HALF;
}
