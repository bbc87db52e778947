/** Where a stream stands, for people and gauges. */
import type { Clock } from '../../base/clock.ts';
import type { Cursor } from '../state/delivery-rows.ts';
import type { StreamStatus } from '../delivery-shapes.ts';

/** @param newestMs receipt time of the newest event that is accounted for; 0: none yet. */
export function streamStatus(
  cursors: ReadonlyMap<string, Cursor>,
  judgedEnd: (partition: string) => number,
  clock: Clock,
  now: { newestMs: number; inFlight: number; waiting: number },
): StreamStatus {
  let lagBytes = 0;
  for (const [partition, { position, end }] of cursors) {
    const until = Math.min(judgedEnd(partition), end ?? Number.POSITIVE_INFINITY);
    lagBytes += Math.max(0, until - position);
  }
  const isBehind = lagBytes > 0 && now.newestMs > 0;
  return {
    lagBytes,
    lagSeconds: isBehind ? Math.max(0, clock.wallMs() - now.newestMs) / 1000 : 0,
    inFlight: now.inFlight,
    waiting: now.waiting,
    position: Object.fromEntries([...cursors].map(([name, { position }]) => [name, position])),
  };
}

/** True when a stream has an end in every partition, and is there. */
export function isAtEnd(cursors: ReadonlyMap<string, Cursor>): boolean {
  return [...cursors.values()].every(({ position, end }) => end !== null && position >= end);
}
