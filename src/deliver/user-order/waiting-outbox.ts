/** What befell events that had waited, and calls of the service, since the last commit. */
import type { Attempt, WaitingEvent } from '../state/delivery-rows.ts';
import type { Counted, NewDeadLetter, Settled } from '../streams/stream-window.ts';

export interface WaitingOutbox {
  counts: Counted[];
  /** Ids of rows that are delivered, filtered or dead. */
  resolved: number[];
  /** Rows that failed again. */
  rescheduled: Set<WaitingEvent>;
  dead: NewDeadLetter[];
  attempts: Attempt[];
}

export function emptyOutbox(): WaitingOutbox {
  return { counts: [], resolved: [], rescheduled: new Set(), dead: [], attempts: [] };
}

/** True when there is nothing to commit of it. */
export function isEmptyOutbox({ resolved, rescheduled, dead, attempts }: WaitingOutbox): boolean {
  return resolved.length + rescheduled.size + dead.length + attempts.length === 0;
}

/** The row goes, and what became of its event stays. */
export function resolveRow(
  outbox: WaitingOutbox,
  row: WaitingEvent,
  settled: Exclude<Settled, { kind: 'waiting' }>,
): void {
  outbox.resolved.push(row.id);
  outbox.rescheduled.delete(row);
  if (settled.kind === 'counted') outbox.counts.push(settled.count);
  else outbox.dead.push(settled.letter);
}
