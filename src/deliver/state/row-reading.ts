/** From rows of SQLite to the values of `rows.ts`. */
import type { DeadLetter, WaitingEvent } from './delivery-rows.ts';
import type { EventPlace, FailureText } from '../dead-letter-shapes.ts';

type Row = Record<string, unknown>;

/** A row of `waiting`. */
export function waitingFrom(row: Row): WaitingEvent {
  return {
    id: Number(row['id']),
    ...placeFrom(row),
    messageId: String(row['message_id']),
    orderKey: String(row['order_key']),
    attempts: Number(row['attempts']),
    firstFailedMs: numberOrNull(row['first_failed_ms']),
    nextMs: Number(row['next_ms']),
    failure: row['reason'] === null ? null : failureFrom(row),
    progress: textOrNull(row['progress']),
    body: row['body'] instanceof Uint8Array ? row['body'] : null,
  };
}

/** A row of `dead_letters`. */
export function deadLetterFrom(row: Row): DeadLetter {
  return {
    id: Number(row['id']),
    stream: String(row['stream']),
    ...placeFrom(row),
    messageId: String(row['message_id']),
    type: String(row['type']),
    event: textOrNull(row['event']),
    orderKey: String(row['order_key']),
    attempts: Number(row['attempts']),
    firstFailedMs: numberOrNull(row['first_failed_ms']),
    diedAtMs: Number(row['died_at_ms']),
    failure: failureFrom(row),
    body: row['body'] instanceof Uint8Array ? row['body'] : new Uint8Array(),
  };
}

function placeFrom(row: Row): EventPlace {
  return {
    partition: String(row['partition']),
    position: Number(row['position']),
    index: Number(row['item']),
    sourceNumber: Number(row['source_number']),
    hour: Number(row['hour']),
  };
}

function failureFrom(row: Row): FailureText {
  return {
    reason: String(row['reason']),
    message: String(row['message'] ?? ''),
    status: numberOrNull(row['status']),
    response: textOrNull(row['response']),
  };
}

function numberOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}

function textOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}
