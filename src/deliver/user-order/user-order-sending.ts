/** Sends the batches that are due, one at a time in each lane, and takes in what came of them. */
import { assert } from '../../base/assert.ts';
import { toError } from '../../base/errors.ts';
import type { DeliveryBatch, DeliveryOutcome } from '../../destinations/destination-contract.ts';
import { keyOf } from '../idempotency-key.ts';
import { askedWaitMs, attemptsOf, isBlocked, sendBatch } from '../streams/batch-sending.ts';
import type { Sent } from '../streams/batch-sending.ts';
import { fail, isStopping } from '../streams/stream-state.ts';
import { applyOutcome, waitBehind } from './item-outcomes.ts';
import { batchLength, freeLane, nextLane, requeue, takeBatch } from './user-lanes.ts';
import type { Lane } from './user-lanes.ts';
import type { DeliveryItem } from './user-order-item.ts';
import { hasRoom } from './user-order-state.ts';
import type { UserOrderState } from './user-order-state.ts';

/** Starts the batches that are due, as far as breaker and rate let them go. */
export function sendDue(stream: UserOrderState): void {
  const { context, lanes, rateCap } = stream;
  for (let turn = 0; turn < lanes.all.length; turn++) {
    if (stream.isPaused || isStopping(stream) || !context.breaker.mayCall()) return;
    // Each turn begins at another lane, so that a probe is not always of the same one.
    const lane = nextLane(lanes);
    if (lane.isBusy || !isBatchDue(stream, lane)) continue;
    const length = rateCap.take(batchLength(lane, context.pace));
    if (length === 0) return;
    context.breaker.begin();
    const items = takeBatch(lanes, lane, length);
    // Once the stream has ended nobody asks for its failures, and what came late is not kept.
    send(stream, lane, items).catch((error: unknown) => fail(stream, toError(error)));
  }
}

function isBatchDue(stream: UserOrderState, { queue, bytes }: Lane): boolean {
  const { pace, clock } = stream.context;
  const [first] = queue;
  if (!first) return false;
  if (queue.length >= pace.batchEvents || bytes >= pace.batchBytes || first.isAlone) return true;
  // Nothing more can be read, so no company comes.
  if (!hasRoom(stream)) return true;
  return clock.monotonicMs() - first.queuedMs >= pace.batchAgeMs;
}

async function send(stream: UserOrderState, lane: Lane, items: DeliveryItem[]): Promise<void> {
  const { destination, pace, clock } = stream.context;
  const batch = batchOf(stream, items);
  const sent = await sendBatch(destination, batch, pace.timeoutMs, clock);
  stream.outbox.attempts.push(...attemptsOf(batch, sent));
  tellBreaker(stream, sent);
  applyOutcomes(stream, lane, items, sent.outcomes);
  freeLane(lane);
  stream.waiting.recheck();
  stream.rest.wake();
}

function batchOf({ context, scope }: UserOrderState, items: DeliveryItem[]): DeliveryBatch {
  return {
    events: items.map(({ delivery }) => delivery),
    // Most destinations do not ask for it.
    get token() {
      const ids = items.map(({ event }) => `${event.sourceNumber}/${event.messageId}`);
      return keyOf([scope, ...ids]);
    },
    replayId: context.replayId,
    ranges: [],
  };
}

/** What a batch says of the service as a whole. */
function tellBreaker(stream: UserOrderState, { outcomes, elapsedMs }: Sent): void {
  const { breaker, meters } = stream.context;
  const delivered = outcomes.filter(({ kind }) => kind === 'delivered').length;
  const isAll = delivered === outcomes.length;
  meters.attempt(isAll ? 'delivered' : delivered === 0 ? 'failed' : 'mixed', elapsedMs);
  if (isBlocked(outcomes)) {
    breaker.fail(askedWaitMs(outcomes));
    return;
  }
  const openMs = Math.round(breaker.succeed());
  if (openMs > 0) hurryWaiting(stream, openMs);
}

/**
 * The service is back after so long. Time in which nothing could be tried is not taken from the
 * time in which to try.
 */
function hurryWaiting({ context, waiting }: UserOrderState, openMs: number): void {
  context.state.shiftWaiting(context.stream, openMs);
  for (const row of waiting.rows()) if (row.firstFailedMs !== null) row.firstFailedMs += openMs;
  waiting.hurry(context.clock.wallMs());
}

function applyOutcomes(
  stream: UserOrderState,
  lane: Lane,
  items: readonly DeliveryItem[],
  outcomes: readonly DeliveryOutcome[],
): void {
  const failedKeys = new Set<string>();
  const alone: DeliveryItem[] = [];
  items.forEach((item, at) => {
    const outcome = outcomes[at];
    assert(outcome, 'every event has an outcome');
    if (outcome.kind === 'isolate' && items.length > 1) alone.push({ ...item, isAlone: true });
    else if (applyOutcome(stream, item, outcome)) failedKeys.add(item.orderKey);
  });
  if (alone.length > 0 || failedKeys.size > 0) rearrange(stream, lane, alone, failedKeys);
}

/** Puts those that go alone first, and has those wait whose user has a failed event before them. */
function rearrange(
  stream: UserOrderState,
  lane: Lane,
  alone: readonly DeliveryItem[],
  failedKeys: ReadonlySet<string>,
): void {
  const kept: DeliveryItem[] = [];
  for (const item of [...alone, ...lane.queue]) {
    if (failedKeys.has(item.orderKey)) waitBehind(stream, item);
    else kept.push(item);
  }
  requeue(stream.lanes, lane, kept);
}
