/** Makes durable what became of events, gathered, because each commit waits for the disk. */
import { accountUpTo } from '../streams/stream-state.ts';
import { commitStep } from '../streams/stream-step.ts';
import { sumCounts } from '../streams/stream-window.ts';
import type { UserOrderState } from './user-order-state.ts';
import { emptyOutbox, isEmptyOutbox } from './waiting-outbox.ts';

const COMMIT_MS = 50;

export function isCommitDue(stream: UserOrderState): boolean {
  return nextCommitMs(stream) <= 0;
}

/** Milliseconds until the next commit may be. */
function nextCommitMs({ context, committedMs }: UserOrderState): number {
  return committedMs + COMMIT_MS - context.clock.monotonicMs();
}

/** Milliseconds until there is something to commit; Infinity while nothing is there. */
export function commitInMs(stream: UserOrderState): number {
  const { window, outbox } = stream;
  const hasChanged = window.hasFinished() || outbox.attempts.length + outbox.resolved.length > 0;
  return hasChanged ? nextCommitMs(stream) : Number.POSITIVE_INFINITY;
}

/**
 * Commits the records at the front of the window whose events are all settled, with what befell
 * events that had waited.
 */
export function commit(stream: UserOrderState): void {
  const { context, window, waiting, outbox } = stream;
  stream.committedMs = context.clock.monotonicMs();
  const taken = window.take();
  if (taken.cursors.size === 0 && isEmptyOutbox(outbox)) return;
  stream.outbox = emptyOutbox();
  commitStep(stream, {
    cursors: taken.cursors,
    counts: sumCounts([...taken.counts, ...outbox.counts]),
    waiting: taken.waiting,
    resolved: outbox.resolved,
    rescheduled: [...outbox.rescheduled],
    dead: [...taken.dead, ...outbox.dead],
    attempts: outbox.attempts,
  });
  // Rows that have their ids now may be taken.
  if (taken.waiting.length > 0) waiting.recheck();
  accountUpTo(stream, taken.receivedAtMs);
}
