/** An event on its way through a stream, and what is made of it on the way. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { NormalEvent } from '../events/normalise.ts';
import { fieldsOf, storedEvent } from '../events/raw-event.ts';
import type { StoredEvent } from '../events/raw-event.ts';
import type { DeliveryEvent } from '../destinations/destination-contract.ts';
import type { WaitingEvent } from './state/delivery-rows.ts';
import type { EventPlace, FailureText } from './dead-letter-shapes.ts';
import type { Counted, NewDeadLetter, OpenRecord } from './window.ts';

export interface DeliveryItem {
  event: StoredEvent;
  delivery: DeliveryEvent;
  orderKey: string;
  /** Of an event that was read just now; one that waited has a row instead. */
  record: OpenRecord | null;
  waiting: WaitingEvent | null;
  /** Must not share a batch: its batch was refused as a whole. */
  isAlone: boolean;
  queuedMs: number;
  bytes: number;
}

const HOUR_MS = 3_600_000;
/**
 * Events with the same key keep their order. The anonymousId comes first, because a device keeps
 * it when its user signs in; servers send only a userId.
 */
export function orderKeyOf(event: NormalEvent, keepOrder: boolean): string {
  const { sourceNumber, anonymousId, userId, partition, position, index } = event;
  if (!keepOrder) return `${partition}/${position}/${index}`;
  return `${sourceNumber}/${anonymousId ?? userId ?? ''}`;
}

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

/** An event that must outlive the log. Its message comes last and stays as it was sent. */
export function packEvent(event: StoredEvent): Uint8Array {
  const text = JSON.stringify(fieldsOf(event)).slice(0, -1);
  const parts = [Buffer.from(`${text}${MESSAGE_KEY}`), event.json, Buffer.from('}')];
  return deflateRawSync(Buffer.concat(parts));
}

/** Inside of texts quotes are escaped, so the first of these is the key. */
const MESSAGE_KEY = ',"message":';

export function unpackEvent(body: Uint8Array): StoredEvent {
  const bytes = inflateRawSync(body);
  const event = JSON.parse(bytes.toString('utf8')) as NormalEvent;
  const start = bytes.indexOf(MESSAGE_KEY) + MESSAGE_KEY.length;
  return { ...storedEvent(event), json: bytes.subarray(start, bytes.length - 1) };
}
