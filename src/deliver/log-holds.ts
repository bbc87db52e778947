/**
 * How far the log is kept for the destinations of a thread: as far as the slowest needs it, and no
 * longer than it may be. What is too old, or too much, is given up and counted.
 */
import type { DeliverSettings } from './destination-record.ts';
import type { DestinationRun } from './destination-run.ts';
import type { Feed } from './feed/feed-contract.ts';

type Segment = Awaited<ReturnType<Feed['segments']>>[number];

const HOUR_MS = 3_600_000;

/** The lowest position of the partition that one of them may still read; Infinity: none does. */
export function holdOf(
  runs: Iterable<DestinationRun>,
  { name, region }: { name: string; region: string },
): number {
  let hold = Number.POSITIVE_INFINITY;
  for (const run of runs) {
    if (run.record.region !== region) continue;
    // A destination that is not open yet may need everything.
    hold = Math.min(hold, run.state()?.holds().get(name) ?? 0);
  }
  return hold;
}

/** Where the log may begin at the earliest, by the bounds on its age and size; 0: as it is. */
export function expiryOf(
  segments: readonly Segment[],
  { holdHours, holdBytesMax }: Pick<DeliverSettings, 'holdHours' | 'holdBytesMax'>,
  nowMs: number,
): number {
  const oldestMs = nowMs - holdHours * HOUR_MS;
  let total = segments.reduce((sum, { bytes }) => sum + bytes, 0);
  let before = 0;
  segments.forEach(({ bytes }, at) => {
    const next = segments[at + 1];
    if (!next) return;
    const isTooMuch = holdBytesMax !== null && total > holdBytesMax;
    if (next.createdMs >= oldestMs && !isTooMuch) return;
    total -= bytes;
    before = next.base;
  });
  return before;
}
