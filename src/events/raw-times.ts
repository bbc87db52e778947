/** The times of an event, read from its bytes. */
import { LETTER_N, QUOTE } from './json-bytes.ts';
import { FIELD, FIELD_COUNT } from './raw-items.ts';
import type { RawRecord } from './raw-record.ts';
import { timeOfJson } from './timestamp.ts';

export interface RawTimes {
  /** Null: the event says none, or none that can be read. */
  originalMs: number | null;
  /** Its own, or its batch's. */
  sentAtMs: number | null;
  /** The event has a timestamp, and it cannot be read. */
  isUnreadable: boolean;
}

/** `timesOf` of normalise.ts says what they mean. */
export function timesAt(record: RawRecord, item: number): RawTimes {
  const base = item * FIELD_COUNT;
  const timestampMs = timeAt(record, base + FIELD.timestamp);
  return {
    originalMs: timestampMs ?? timeAt(record, base + FIELD.originalTimestamp),
    sentAtMs: timeAt(record, base + FIELD.sentAt) ?? record.sentAtMs,
    isUnreadable: timestampMs === null && saysSomething(record, base + FIELD.timestamp),
  };
}

function timeAt({ body, items }: RawRecord, at: number): number | null {
  const start = items.starts[at] as number;
  return start < 0 ? null : timeOfJson(body, start, items.ends[at] as number);
}

/** Neither absent nor null nor an empty text. */
function saysSomething({ body, items }: RawRecord, at: number): boolean {
  const start = items.starts[at] as number;
  if (start < 0 || body[start] === LETTER_N) return false;
  return body[start] !== QUOTE || (items.ends[at] as number) - start > 2;
}
