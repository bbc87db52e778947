/** What the rules and the destination say of the events of a batch, for counts and dead letters. */
import { assert } from '../../base/assert.ts';
import type { StoredEvent } from '../../events/raw-event.ts';
import type { DeliveryEvent, DeliveryOutcome } from '../../destinations/destination-contract.ts';
import type { WaitingEvent } from '../state/delivery-rows.ts';
import type { FailureText } from '../dead-letter-shapes.ts';
import {
  accountDead,
  accountDelivered,
  accountExpired,
  accountFiltered,
} from '../streams/stream-accounts.ts';
import { routeEvent } from '../streams/stream-routing.ts';
import { expiryOf } from '../streams/stream-state.ts';
import type { Counted, NewDeadLetter } from '../streams/stream-window.ts';
import type { LogOrderState, PlacedRecord } from './log-order-state.ts';

/** Events of a batch: what is sent, and what is accounted for without. */
export interface RoutedBatch {
  sends: { event: StoredEvent; delivery: DeliveryEvent }[];
  counts: Counted[];
}

export interface SettledBatch {
  counts: Counted[];
  dead: NewDeadLetter[];
}

const DEFECTIVE = {
  reason: 'DESTINATION_DEFECT',
  message: 'the code of the destination fails on this event again and again',
} as const;

/** The code of the destination failed, rather than the service. */
export function isDefective(outcomes: readonly DeliveryOutcome[]): boolean {
  return outcomes.every((outcome) => 'reason' in outcome && outcome.reason === DEFECTIVE.reason);
}

/** Routes the records of a batch; events that are given up are accounted for. */
export function routeRecords(stream: LogOrderState, records: readonly PlacedRecord[]): RoutedBatch {
  const routed: RoutedBatch = { sends: [], counts: [] };
  for (const { partition, record } of records) {
    const isExpired = record.position < expiryOf(stream, partition);
    for (const event of record.events) {
      if (isExpired) routed.counts.push(accountExpired(stream, event));
      else routeInto(routed, stream, event, null);
    }
  }
  return routed;
}

/** Routes one event. @param row of a dead letter that is tried again. */
export function routeInto(
  routed: RoutedBatch,
  stream: LogOrderState,
  event: StoredEvent,
  row: WaitingEvent | null,
): void {
  const delivery = routeEvent(stream, event, row);
  if (typeof delivery === 'string') {
    routed.counts.push(accountFiltered(stream, event, delivery));
  } else {
    routed.sends.push({ event, delivery });
  }
}

/** Adds what the outcomes of a finished batch mean to what its rules said. */
export function settleBatch(
  stream: LogOrderState,
  { sends, counts }: RoutedBatch,
  outcomes: readonly DeliveryOutcome[],
): SettledBatch {
  const settled: SettledBatch = { counts: [...counts], dead: [] };
  sends.forEach(({ event, delivery }, at) => {
    const outcome = outcomes[at];
    assert(outcome && outcome.kind !== 'retry', 'a finished batch has final outcomes');
    if (outcome.kind === 'delivered') {
      settled.counts.push(accountDelivered(stream, event));
    } else if (outcome.kind === 'filtered') {
      settled.counts.push(accountFiltered(stream, event, outcome.reason));
    } else {
      const { reason, message, status = null, response = null } = outcome;
      const failure = { reason, message, status, response };
      settled.dead.push(deadLetterOf(stream, event, delivery, failure));
    }
  });
  return settled;
}

/** Gives up the events of a batch that the destination's code cannot bear. */
export function giveUpDefective(stream: LogOrderState, routed: RoutedBatch): SettledBatch {
  const failure = { ...DEFECTIVE, status: null, response: null };
  return {
    counts: routed.counts,
    dead: routed.sends.map(({ event, delivery }) => deadLetterOf(stream, event, delivery, failure)),
  };
}

function deadLetterOf(
  stream: LogOrderState,
  event: StoredEvent,
  delivery: DeliveryEvent,
  failure: FailureText,
): NewDeadLetter {
  const diedAtMs = stream.context.clock.wallMs();
  const attempts = delivery.attempts + 1;
  const failed = { attempts, firstFailedMs: diedAtMs, diedAtMs, failure };
  return accountDead(stream, event, `${event.sourceNumber}`, failed);
}
