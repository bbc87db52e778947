/** The marks of a record, also of one that was written before there were marks. */
import type { Envelope } from './envelope.ts';
import { emptyMarks, putPlainMark } from './event-marks.ts';
import { beginsNumber, QUOTE } from './json-bytes.ts';
import { FIELD, FIELD_COUNT } from './raw-items.ts';
import type { RawItems } from './raw-items.ts';

/**
 * @param body,items of the record, as `readRawItems` has read them.
 * @returns 16 bytes for each event, valid until the next call.
 */
export function marksOf(envelope: Envelope, body: Buffer, items: RawItems): Buffer {
  const { marks, sourceNumber, rejections } = envelope;
  if (marks !== null) return marks;
  const made = emptyMarks(items.count);
  const rejected = new Set(rejections.map(({ index }) => index));
  for (let item = 0; item < items.count; item++) {
    const at = item * FIELD_COUNT + FIELD.messageId;
    const start = items.starts[at] ?? -1;
    if (rejected.has(item) || start < 0) continue;
    const end = items.ends[at] ?? 0;
    // The type is for readers of marks; who makes them here has the event.
    if (body[start] === QUOTE) {
      putPlainMark(made, item, -1, sourceNumber, body, start + 1, end - 1);
    } else if (beginsNumber(body[start])) {
      putPlainMark(made, item, -1, sourceNumber, body, start, end);
    }
  }
  return made;
}
