/**
 * Token buckets, one per source, exact across the threads that share the memory.
 *
 * Each bucket is a slot of 64 bytes (a cache line, so that sources do not slow each other down):
 *
 *   Int32    word 0    lock: 0, or the holder's thread id + 1
 *   Int32    word 1    1 once the bucket has been used; an unused one is full
 *   Float64  byte 8    tokens
 *   Float64  byte 16   monotonic milliseconds of the last refill
 *
 * The lock is held for a few arithmetic operations. A thread that finds it taken spins, then
 * sleeps a little; if it stays with the same holder for STEAL_AFTER_MS, that thread has died (or
 * was stopped for that long), and the lock is taken from it: a bucket may then count one request
 * wrongly, but no source is ever blocked for good.
 */
import { threadId } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { SOURCE_NUMBER_MAX } from '../store/sources/source-number-max.ts';

export interface RateTable {
  /**
   * Takes one token; false when there is none. Allocates nothing.
   * @param slot number of the source.
   * @param nowMs monotonic clock, comparable between threads.
   * @param rate tokens per second.
   * @param burst most tokens the bucket holds.
   */
  take(slot: number, nowMs: number, rate: number, burst: number): boolean;
  /** Whole tokens left after this thread's last take. */
  lastRemaining(): number;
  /** Milliseconds until there is a token again, after a refused take; else 0. */
  lastWaitMs(): number;
}

const SLOT_BYTES = 64;
const SLOT_WORDS = SLOT_BYTES / 4;
const SLOT_NUMBERS = SLOT_BYTES / 8;
const USED = 1;
const TOKENS = 1;
const REFILLED_AT = 2;

const SPINS_MAX = 200;
const SLEEP_MS = 0.1;
const STEAL_AFTER_MS = 50;
/** Refills are sums of fractions; a token that lacks less than this is there. */
const TOLERANCE = 1e-6;

/** Bytes of shared memory for sources up to this number. Untouched slots cost no real memory. */
export function rateTableBytes(sourceNumberMax: number = SOURCE_NUMBER_MAX): number {
  return (sourceNumberMax + 1) * SLOT_BYTES;
}

/** Opens the table for this thread; the memory starts as zeros. */
export function openRateTable(memory: SharedArrayBuffer): RateTable {
  const words = new Int32Array(memory);
  const numbers = new Float64Array(memory);
  const slots = memory.byteLength / SLOT_BYTES;
  const owner = threadId + 1;
  let remaining = 0;
  let waitMs = 0;
  return {
    take(slot, nowMs, rate, burst) {
      assert(slot >= 0 && slot < slots, 'the source has a slot');
      const lockAt = slot * SLOT_WORDS;
      const tokensAt = slot * SLOT_NUMBERS + TOKENS;
      const refilledAt = slot * SLOT_NUMBERS + REFILLED_AT;
      if (Atomics.compareExchange(words, lockAt, 0, owner) !== 0) waitForLock(words, lockAt, owner);
      let tokens = burst;
      if (words[lockAt + USED] === 0) {
        words[lockAt + USED] = 1;
        numbers[refilledAt] = nowMs;
      } else {
        const sinceMs = nowMs - (numbers[refilledAt] ?? nowMs);
        tokens = numbers[tokensAt] ?? 0;
        // Another thread may have read the clock a moment later and come first.
        if (sinceMs > 0) {
          tokens += (sinceMs * rate) / 1000;
          numbers[refilledAt] = nowMs;
        }
        if (tokens > burst) tokens = burst;
      }
      const isGranted = tokens >= 1 - TOLERANCE;
      if (isGranted) tokens = Math.max(0, tokens - 1);
      numbers[tokensAt] = tokens;
      Atomics.compareExchange(words, lockAt, owner, 0);
      remaining = Math.floor(tokens + TOLERANCE);
      waitMs = isGranted ? 0 : ((1 - tokens) * 1000) / rate;
      return isGranted;
    },
    lastRemaining: () => remaining,
    lastWaitMs: () => waitMs,
  };
}

function waitForLock(words: Int32Array, lockAt: number, owner: number): void {
  for (let spin = 0; spin < SPINS_MAX; spin++) {
    if (Atomics.compareExchange(words, lockAt, 0, owner) === 0) return;
  }
  let holder = Atomics.load(words, lockAt);
  let sleptMs = 0;
  for (;;) {
    const found = Atomics.compareExchange(words, lockAt, 0, owner);
    if (found === 0) return;
    if (found !== holder) {
      holder = found;
      sleptMs = 0;
    } else if (sleptMs >= STEAL_AFTER_MS) {
      if (Atomics.compareExchange(words, lockAt, holder, owner) === holder) return;
      sleptMs = 0;
    }
    // Sleeping lets the holder run when there are more threads than cores. Nobody wakes us: the
    // holder would pay for that on every request.
    Atomics.wait(words, lockAt, found, SLEEP_MS);
    sleptMs += SLEEP_MS;
  }
}
