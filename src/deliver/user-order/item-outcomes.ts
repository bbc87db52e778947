/**
 * What an outcome means for an item: it is delivered, filtered or dead and settled for good, or it
 * waits for another attempt.
 */
import { assert } from '../../base/assert.ts';
import type { StoredEvent } from '../../events/raw-event.ts';
import type { DeliveryOutcome } from '../../destinations/destination-contract.ts';
import { packEvent } from '../packed-event.ts';
import type { WaitingEvent } from '../state/delivery-rows.ts';
import type { FailureText } from '../dead-letter-shapes.ts';
import { failureOf } from '../streams/delivery-failures.ts';
import { newWaiting } from '../streams/event-rows.ts';
import { backoffMs, jitter } from '../streams/retry-delay.ts';
import { accountDead, accountDelivered, accountFiltered } from '../streams/stream-accounts.ts';
import type { Settled } from '../streams/stream-window.ts';
import type { DeliveryItem } from './user-order-item.ts';
import type { UserOrderState } from './user-order-state.ts';
import { resolveRow } from './waiting-outbox.ts';

type Final = Exclude<Settled, { kind: 'waiting' }>;
type Waits = Parameters<typeof newWaiting>[2];
type Failed = Extract<DeliveryOutcome, { kind: 'retry' | 'dead' | 'isolate' }>;

/** Returns true when the event waits for another attempt. */
export function applyOutcome(
  stream: UserOrderState,
  item: DeliveryItem,
  outcome: DeliveryOutcome,
): boolean {
  if (outcome.kind === 'delivered') {
    settleItem(stream, item, { kind: 'counted', count: accountDelivered(stream, item.event) });
    return false;
  }
  if (outcome.kind === 'filtered') {
    const count = accountFiltered(stream, item.event, outcome.reason);
    settleItem(stream, item, { kind: 'counted', count });
    return false;
  }
  return retryOrGiveUp(stream, item, outcome);
}

function settleItem(stream: UserOrderState, item: DeliveryItem, settled: Final): void {
  if (item.record) {
    stream.window.settle(item.record, settled);
    return;
  }
  assert(item.waiting, 'an item without a record has waited');
  settleWaiting(stream, item.waiting, settled);
}

/** Ends the wait of an event for good. */
export function settleWaiting(stream: UserOrderState, row: WaitingEvent, settled: Final): void {
  resolveRow(stream.outbox, row, settled);
  stream.waiting.settle(row);
}

function retryOrGiveUp(stream: UserOrderState, item: DeliveryItem, outcome: Failed): boolean {
  const { pace, settings, breaker, clock, random, meters } = stream.context;
  const failure = failureOf(outcome);
  // While nothing gets through, an attempt says nothing of the event.
  const isBlockedNow =
    outcome.kind === 'retry' && outcome.scope === 'destination' && breaker.state() !== 'closed';
  const attempts = item.delivery.attempts + (isBlockedNow ? 0 : 1);
  const now = clock.wallMs();
  const firstFailedMs = item.waiting?.firstFailedMs ?? now;
  const isOverdue = attempts >= pace.attemptsMax || now - firstFailedMs >= pace.retryMs;
  if (outcome.kind !== 'retry' || (isOverdue && !isBlockedNow)) {
    giveUp(stream, item, attempts, failure);
    return false;
  }
  const { retryDelayMsMin, retryDelayMsMax } = settings;
  const delayMs = backoffMs(Math.max(1, attempts), retryDelayMsMin, retryDelayMsMax);
  const nextMs = now + Math.max(jitter(random, delayMs), outcome.afterMs ?? 0);
  const progress = outcome.progress ?? item.delivery.progress;
  wait(stream, item, { attempts, firstFailedMs, nextMs, failure, progress });
  meters.retried(failure.reason);
  return true;
}

function giveUp(
  stream: UserOrderState,
  item: DeliveryItem,
  attempts: number,
  failure: FailureText,
): void {
  const diedAtMs = stream.context.clock.wallMs();
  const firstFailedMs = item.waiting?.firstFailedMs ?? diedAtMs;
  const failed = { attempts, firstFailedMs, diedAtMs, failure };
  const letter = accountDead(stream, item.event, item.orderKey, failed);
  settleItem(stream, item, { kind: 'dead', letter });
}

function wait(stream: UserOrderState, item: DeliveryItem, waits: Waits): void {
  if (item.waiting) {
    Object.assign(item.waiting, waits);
    stream.outbox.rescheduled.add(item.waiting);
    stream.waiting.putBack(item.waiting);
    return;
  }
  const row = newWaiting(item.event, item.orderKey, waits);
  assert(item.record, 'an item that has not waited has a record');
  stream.window.settle(item.record, { kind: 'waiting', row });
  stream.waiting.add(row);
}

const UNTRIED = { attempts: 0, firstFailedMs: null, failure: null, progress: null };

/** It was not tried: it stands behind another of its user. */
export function waitBehind(stream: UserOrderState, item: DeliveryItem): void {
  const { attempts, firstFailedMs, failure, progress } = item.waiting ?? UNTRIED;
  const nextMs = stream.context.clock.wallMs();
  wait(stream, item, { attempts, firstFailedMs, nextMs, failure, progress });
}

/** Gives up an event that waited, without another attempt. @param event null: it is unreadable. */
export function buryWaiting(
  stream: UserOrderState,
  row: WaitingEvent,
  event: StoredEvent | null,
  failure: FailureText,
): void {
  const { clock, meters } = stream.context;
  const letter = {
    ...row,
    type: event?.type ?? '',
    event: event?.event ?? null,
    diedAtMs: clock.wallMs(),
    failure,
    body: event ? packEvent(event) : new Uint8Array(),
  };
  settleWaiting(stream, row, { kind: 'dead', letter });
  meters.dead(failure.reason);
}
