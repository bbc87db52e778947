/**
 * What was sent in fields that are read in another way, found in the bytes of the event: the same
 * as `repairEvent` of repairs.ts finds, to the last digit and space.
 */
import { beginsNumber, OPEN_BRACKET } from './json-bytes.ts';
import { FIELD, FIELD_COUNT, FIELDS } from './raw-items.ts';
import type { RawRecord } from './raw-record.ts';
import type { RawTimes } from './raw-times.ts';

/**
 * A JSON object of what was sent, by field, or null: all is as it was sent.
 * @param times of the same event.
 */
export function repairsText(record: RawRecord, item: number, times: RawTimes): string | null {
  const { body, items, sharedRepairs } = record;
  if (items.oddities[item] === 0 && !times.isUnreadable && sharedRepairs === null) return null;
  const members: string[] = [];
  for (let field = FIELD.userId; field <= FIELD.integrations; field++) {
    const at = item * FIELD_COUNT + field;
    const start = items.starts[at] as number;
    if (start < 0 || !isRepaired(field, body[start], times)) continue;
    members.push(`"${FIELDS[field]}":${body.toString('utf8', start, items.ends[at])}`);
  }
  if (sharedRepairs !== null) members.push(sharedRepairs);
  return members.length === 0 ? null : `{${members.join(',')}}`;
}

/** By the first byte, which says of which kind a value is. */
function isRepaired(field: number, byte: number | undefined, times: RawTimes): boolean {
  if (field <= FIELD.messageId) return beginsNumber(byte);
  if (field === FIELD.timestamp) return times.isUnreadable;
  return field >= FIELD.properties && byte === OPEN_BRACKET;
}
