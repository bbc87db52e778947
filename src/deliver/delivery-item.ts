/** An event on its way through a stream, and what is made of it on the way. */
import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { NormalEvent } from '../events/normalise.ts';
import type { JsonObject } from '../events/json.ts';
import type { DeliveryEvent } from './contract.ts';
import type { EventPlace, FailureText, WaitingEvent } from './state/rows.ts';
import type { Counted, NewDeadLetter, OpenRecord } from './window.ts';

export interface DeliveryItem {
  event: NormalEvent;
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

export interface SourceName {
  id: string;
  slug: string;
}

const HOUR_MS = 3_600_000;
const KEY_HEX_DIGITS = 32;

/** @param scope what the key belongs to: the destination, and the replay if it is one. */
export function deliveryEventOf(
  event: NormalEvent,
  message: JsonObject,
  source: SourceName,
  scope: string,
  waiting: WaitingEvent | null,
): DeliveryEvent {
  return {
    partition: event.partition,
    position: event.position,
    index: event.index,
    sourceNumber: event.sourceNumber,
    sourceSlug: source.slug,
    sourceId: source.id,
    type: event.type,
    messageId: event.messageId,
    userId: event.userId,
    anonymousId: event.anonymousId,
    receivedAtMs: event.receivedAtMs,
    timestampMs: event.timestampMs,
    message,
    idempotencyKey: keyOf([scope, event.sourceNumber, event.messageId]),
    attempts: waiting?.attempts ?? 0,
    progress: waiting?.progress ?? null,
  };
}

/** The first hex digits of a SHA-256 over the parts, unambiguously joined. */
export function keyOf(parts: readonly (string | number)[]): string {
  const text = JSON.stringify(parts);
  return createHash('sha256').update(text).digest('hex').slice(0, KEY_HEX_DIGITS);
}

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
  event: NormalEvent,
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

/** An event that must outlive the log. */
export function packEvent(event: NormalEvent): Uint8Array {
  return deflateRawSync(JSON.stringify(event));
}

export function unpackEvent(body: Uint8Array): NormalEvent {
  return JSON.parse(inflateRawSync(body).toString('utf8')) as NormalEvent;
}
