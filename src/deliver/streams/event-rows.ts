/** What the state keeps of an event: that it is counted, that it waits, that it is dead. */
import type { NormalEvent } from '../../events/normalise.ts';
import type { StoredEvent } from '../../events/raw-event.ts';
import { packEvent } from '../packed-event.ts';
import type { WaitingEvent } from '../state/delivery-rows.ts';
import type { EventPlace, FailureText } from '../dead-letter-shapes.ts';
import type { Counted, NewDeadLetter } from './stream-window.ts';

const HOUR_MS = 3_600_000;

/** What accounting needs of an event. */
export function placeOf(event: NormalEvent): EventPlace {
  const { partition, position, index, sourceNumber, receivedAtMs } = event;
  return { partition, position, index, sourceNumber, hour: Math.floor(receivedAtMs / HOUR_MS) };
}

/** One event for the counts of its source and hour. */
export function countedOf(
  event: NormalEvent,
  outcome: Counted['outcome'],
  reason: string,
): Counted {
  const { sourceNumber, receivedAtMs } = event;
  return { outcome, reason, sourceNumber, hour: Math.floor(receivedAtMs / HOUR_MS) };
}

/** A row for an event that steps aside; it gets its id when it is committed. */
export function newWaiting(
  event: NormalEvent,
  orderKey: string,
  failed: {
    attempts: number;
    firstFailedMs: number | null;
    nextMs: number;
    failure: FailureText | null;
    progress: string | null;
  },
): WaitingEvent {
  return { id: 0, ...placeOf(event), messageId: event.messageId, orderKey, ...failed, body: null };
}

/** A dead letter with everything that is needed to send the event again. */
export function newDeadLetter(
  event: StoredEvent,
  orderKey: string,
  failed: {
    attempts: number;
    firstFailedMs: number | null;
    diedAtMs: number;
    failure: FailureText;
  },
): NewDeadLetter {
  return {
    ...placeOf(event),
    messageId: event.messageId,
    type: event.type,
    event: event.event,
    orderKey,
    ...failed,
    body: packEvent(event),
  };
}
