/**
 * Delivers in batches that run side by side, while the events of a user keep their order: a user
 * belongs to one lane, and a lane has one batch under way. An event that fails steps aside and is
 * tried again later, its user's next events wait behind it, and everybody else goes on.
 */
import type { DeliveryStream, StreamContext } from '../streams/delivery-stream.ts';
import { streamInOrder } from '../streams/stream-lifecycle.ts';
import type { StreamOrder } from '../streams/stream-lifecycle.ts';
import { isAtEnd } from '../streams/stream-status.ts';
import { isAnyBusy } from './user-lanes.ts';
import { commit, commitInMs, isCommitDue } from './user-order-commit.ts';
import { readMore } from './user-order-reading.ts';
import { expireWaiting, retryDue } from './user-order-retrying.ts';
import { sendDue } from './user-order-sending.ts';
import { openUserOrderState, roomToRetry } from './user-order-state.ts';
import type { UserOrderState } from './user-order-state.ts';

const REST_MS_MAX = 1_000;
/** In-flight batches get so long when the stream stops. */
const DRAIN_MS_MAX = 5_000;
const DRAIN_POLL_MS = 20;
/** A batch that stays although it is due is looked at again after so long. */
const HELD_MS_MAX = 50;

/** Begins at the cursors of the state; `run` does the rest. */
export function createUserOrderStream(context: StreamContext): DeliveryStream {
  return streamInOrder(USER_ORDER, openUserOrderState(context));
}

const USER_ORDER: StreamOrder<UserOrderState> = {
  // What was under way at a crash is pending: it is read again.
  resume: () => Promise.resolve(),
  takeTurn,
  isDone: ({ cursors, lanes, waiting }) =>
    waiting.size() === 0 && lanes.queued === 0 && isAtEnd(cursors),
  drain,
  inFlight: ({ window }) => window.events(),
};

async function takeTurn(stream: UserOrderState): Promise<number> {
  const hasRead = await readMore(stream);
  await expireWaiting(stream);
  await retryDue(stream);
  sendDue(stream);
  if (isCommitDue(stream)) commit(stream);
  return hasRead ? 0 : restMs(stream);
}

/** How long nothing will be due, as far as the stream knows. */
function restMs(stream: UserOrderState): number {
  const { breaker, clock } = stream.context;
  const untilCommitMs = Math.min(REST_MS_MAX, commitInMs(stream));
  if (stream.isPaused) return Math.max(1, untilCommitMs);
  const heldMs = breaker.heldUntilMs() - clock.monotonicMs();
  if (heldMs > 0) return Math.max(1, Math.min(untilCommitMs, heldMs));
  // The end of the probe wakes.
  if (!breaker.mayCall()) return Math.max(1, untilCommitMs);
  const ms = Math.min(untilCommitMs, batchDueInMs(stream), retryDueInMs(stream));
  // A batch that is due and stays is waiting for the rate cap, or for the breaker's probe.
  return ms <= 0 ? Math.max(1, Math.min(stream.rateCap.waitMs(), HELD_MS_MAX)) : ms;
}

/** Until the oldest item of a free lane has waited long enough for company. */
function batchDueInMs({ context, lanes }: UserOrderState): number {
  let queuedMs = Number.POSITIVE_INFINITY;
  for (const { queue, isBusy } of lanes.all) {
    const [first] = queue;
    if (first && !isBusy) queuedMs = Math.min(queuedMs, first.queuedMs);
  }
  return queuedMs + context.pace.batchAgeMs - context.clock.monotonicMs();
}

function retryDueInMs(stream: UserOrderState): number {
  if (roomToRetry(stream) <= 0) return Number.POSITIVE_INFINITY;
  return stream.waiting.nextDueMs() - stream.context.clock.wallMs();
}

async function drain(stream: UserOrderState): Promise<void> {
  const { clock } = stream.context;
  const endMs = clock.monotonicMs() + DRAIN_MS_MAX;
  while (isAnyBusy(stream.lanes) && clock.monotonicMs() < endMs) {
    await stream.rest.for(DRAIN_POLL_MS);
  }
  commit(stream);
}
