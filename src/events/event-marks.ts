/**
 * What the log says of each event beside its body, so that readers need not parse to know it:
 *
 *     0                 12      13      14     16
 *     +-----------------+-------+-------+------+
 *     | fingerprint     | type  | flags | 0    |
 *     |                 | u8    | u8    | u16  |
 *     +-----------------+-------+-------+------+
 *
 * The fingerprint is of source and messageId; all zero when the event came without an id, or was
 * rejected. Types count from 1 in the order of EVENT_TYPES; 0 is an event whose type is not known.
 * Flag 1: plain, the scanner has vouched for the event, so no key of it that means something is
 * repeated or escaped.
 */
import { writeFingerprint, writeTextFingerprint } from './fingerprint.ts';
import { isObject, textOf } from './json.ts';
import { stringAt } from './json-values.ts';
import { EVENT_TYPES } from './routes.ts';
import type { EventType } from './routes.ts';

export const MARK_BYTES = 16;
const TYPE_AT = 12;
const FLAGS_AT = 13;
const PLAIN = 1;

const CODE = new Map<unknown, number>(EVENT_TYPES.map((type, at) => [type, at + 1]));
const BACKSLASH = 0x5c;

let scratch = Buffer.alloc(256 * MARK_BYTES);

/** Room for so many marks, all zero; valid until the next call. */
export function emptyMarks(count: number): Buffer {
  const bytes = count * MARK_BYTES;
  if (scratch.length < bytes) scratch = Buffer.alloc(bytes * 2);
  return scratch.subarray(0, bytes).fill(0);
}

/**
 * Marks an event that the scanner has vouched for.
 * @param type its place in EVENT_TYPES.
 * @param start,end of the messageId, without its quotes; `start` below 0: there is none.
 */
export function putPlainMark(
  marks: Buffer,
  item: number,
  type: number,
  sourceNumber: number,
  body: Buffer,
  start: number,
  end: number,
): void {
  const at = item * MARK_BYTES;
  if (start >= 0 && end > start) {
    if (isCopied(body, start, end)) writeFingerprint(marks, at, sourceNumber, body, start, end);
    else writeTextFingerprint(marks, at, sourceNumber, stringAt(body, start - 1, end + 1));
  }
  marks[at + TYPE_AT] = type + 1;
  marks[at + FLAGS_AT] = PLAIN;
}

/** True when bytes and text say the same: ASCII, and nothing escaped. */
function isCopied(b: Uint8Array, start: number, end: number): boolean {
  for (let p = start; p < end; p++) {
    const byte = b[p] as number;
    if (byte >= 0x80 || byte === BACKSLASH) return false;
  }
  return true;
}

/** Marks an event by its value. @param type of the route, or undefined: the event's own counts. */
export function putValueMark(
  marks: Buffer,
  item: number,
  event: unknown,
  type: EventType | undefined,
  sourceNumber: number,
): void {
  if (!isObject(event)) return;
  const at = item * MARK_BYTES;
  const messageId = textOf(event['messageId']);
  if (messageId !== null) writeTextFingerprint(marks, at, sourceNumber, messageId);
  marks[at + TYPE_AT] = CODE.get(type ?? event['type']) ?? 0;
}
