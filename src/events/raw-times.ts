/** The times of an event, read from its bytes. */
import { LETTER_N, QUOTE } from './json-bytes.ts';
import { stringAt } from './json-values.ts';
import { FIELD, FIELD_COUNT } from './raw-items.ts';
import type { RawRecord } from './raw-record.ts';
import { parseTimestamp, timestampOfBytes } from './timestamp.ts';

export interface RawTimes {
  /** Null: the event says none, or none that can be read. */
  originalMs: number | null;
  /** Its own, or its batch's. */
  sentAtMs: number | null;
}

/** `timesOf` of normalise.ts says what they mean. */
export function timesAt(record: RawRecord, item: number): RawTimes {
  const base = item * FIELD_COUNT;
  return {
    originalMs:
      timeAt(record, base + FIELD.timestamp) ?? timeAt(record, base + FIELD.originalTimestamp),
    sentAtMs: timeAt(record, base + FIELD.sentAt) ?? record.sentAtMs,
  };
}

function timeAt({ body, items }: RawRecord, at: number): number | null {
  const start = items.starts[at] as number;
  if (start < 0 || body[start] === LETTER_N || body[start] !== QUOTE) return null;
  const end = items.ends[at] as number;
  const ms = timestampOfBytes(body, start + 1, end - 1);
  return Number.isNaN(ms) ? parseTimestamp(stringAt(body, start, end)) : ms;
}
