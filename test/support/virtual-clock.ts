/** Time that passes only when nothing else is left to do: hours of backoff in milliseconds. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../src/base/clock.ts';

export interface VirtualClock extends Clock {
  /**
   * Lets everything run, jumping from timer to timer, until the condition holds.
   * @throws Error when no timer is left, or the limit is passed.
   */
  runUntil(isDone: () => boolean, virtualMsMax?: number): Promise<void>;
}

/** Turns of the event loop after which everything that could run has run. */
const TURNS = 6;

export function createVirtualClock(startMs = Date.UTC(2026, 0, 1)): VirtualClock {
  let nowMs = 0;
  let lastId = 0;
  const timers = new Map<number, { atMs: number; fire: () => void }>();
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < TURNS; turn++) await nextTurn();
  };
  return {
    wallMs: () => startMs + nowMs,
    monotonicMs: () => nowMs,
    after(ms, run) {
      const id = ++lastId;
      timers.set(id, { atMs: nowMs + Math.max(0, ms), fire: run });
      return () => void timers.delete(id);
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const id = ++lastId;
        timers.set(id, { atMs: nowMs + Math.max(0, ms), fire: resolve });
        signal?.addEventListener('abort', () => {
          if (timers.delete(id)) reject(signal.reason);
        });
      }),
    async runUntil(isDone, virtualMsMax = 7 * 24 * 3_600_000) {
      const endMs = nowMs + virtualMsMax;
      for (;;) {
        await settle();
        if (isDone()) return;
        const [next] = [...timers].toSorted(([a, x], [b, y]) => x.atMs - y.atMs || a - b);
        if (!next) throw new Error('nothing is left to happen');
        const [id, { atMs, fire }] = next;
        if (atMs > endMs) throw new Error(`not so within ${virtualMsMax} virtual ms`);
        timers.delete(id);
        nowMs = Math.max(nowMs, atMs);
        fire();
      }
    },
  };
}
