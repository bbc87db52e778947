/**
 * What was sent in fields that are read in another way, found in the bytes of the event: the same
 * as `repairEvent` of repairs.ts finds, to the last digit and space.
 */
import { beginsNumber, OPEN_BRACKET } from './json-bytes.ts';
import { FIELD, FIELD_COUNT, FIELDS } from './raw-items.ts';
import type { RawRecord } from './raw-record.ts';

/**
 * A JSON object of what was sent, by field, or null: all is as it was sent.
 * @param isUnreadable whether the event has a timestamp that cannot be read.
 */
export function repairsText(
  { body, items, sharedRepairs }: RawRecord,
  item: number,
  isUnreadable: boolean,
): string | null {
  const members: string[] = [];
  for (let field = FIELD.userId; field <= FIELD.integrations; field++) {
    const at = item * FIELD_COUNT + field;
    const start = items.starts[at] as number;
    if (start < 0 || !isRepaired(field, body[start], isUnreadable)) continue;
    members.push(`"${FIELDS[field]}":${body.toString('utf8', start, items.ends[at])}`);
  }
  if (sharedRepairs !== null) members.push(sharedRepairs);
  return members.length === 0 ? null : `{${members.join(',')}}`;
}

/** By the first byte, which says of which kind a value is. */
function isRepaired(field: number, byte: number | undefined, isUnreadable: boolean): boolean {
  if (field <= FIELD.messageId) return beginsNumber(byte);
  if (field === FIELD.timestamp) return isUnreadable;
  return field >= FIELD.properties && byte === OPEN_BRACKET;
}
