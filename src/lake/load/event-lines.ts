/**
 * The rows of stored events, cut out of the bodies that they came in: each field is copied as it
 * was sent, and only what Millrace derives is made anew. `events/normalise.ts` is the definition;
 * a property test holds the two together.
 *
 * A row that a line cannot say (a control character in an id) is kept as JSON beside the lines.
 */
import {
  putAscii,
  putByte,
  putNumber,
  putSlice,
  putText,
  reserve,
} from '../../base/byte-buffer.ts';
import type { ByteBuffer } from '../../base/byte-buffer.ts';
import {
  BACKSLASH,
  beginsNumber,
  CLOSE_BRACE,
  COLON,
  COMMA,
  LETTER_N,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SPACE,
} from '../../events/json-bytes.ts';
import { correctedTimestamp } from '../../events/normalise.ts';
import { CONTEXT_DIRECT, CONTEXT_GROUP_ID, CONTEXT_IP } from '../../events/document-shape.ts';
import { mayTakeTraits } from '../../events/raw-context.ts';
import { FIELD, FIELD_COUNT } from '../../events/raw-items.ts';
import type { ExtraField } from '../../events/raw-items.ts';
import { assignedId } from '../../events/raw-record.ts';
import type { RawRecord } from '../../events/raw-record.ts';
import { repairsText } from '../../events/raw-repairs.ts';
import { timesAt } from '../../events/raw-times.ts';
import { REPAIRS_KEY } from '../../events/repairs.ts';

/** Columns of a line, in order; the SQL that makes rows of them is in `event-rows-sql.ts`. */
export const LINE_COLUMNS = {
  partition: 'VARCHAR',
  position: 'BIGINT',
  index: 'INTEGER',
  received_ms: 'BIGINT',
  source_number: 'BIGINT',
  type: 'VARCHAR',
  event: 'VARCHAR',
  name: 'VARCHAR',
  category: 'VARCHAR',
  user_id: 'VARCHAR',
  anonymous_id: 'VARCHAR',
  group_id: 'VARCHAR',
  previous_id: 'VARCHAR',
  message_id: 'VARCHAR',
  timestamp_ms: 'BIGINT',
  original_timestamp_ms: 'BIGINT',
  sent_at_ms: 'BIGINT',
  channel: 'VARCHAR',
  properties: 'JSON',
  traits: 'JSON',
  context: 'JSON',
  integrations: 'JSON',
  metadata: 'JSON',
  extra: 'JSON',
} as const;
export type LineColumn = keyof typeof LINE_COLUMNS;

const NO_EXTRA: ExtraField = { item: -1, keyStart: 0, keyEnd: 0, start: 0, end: 0 };

/** Between the fields of a line. JSON has it nowhere but escaped. */
const FIELD_END = 0x1f;
export const LINE_END = 0x0a;

/** What all lines of one record have in common; made once for each. */
export interface LineShared {
  record: RawRecord;
  head: string;
  middle: string;
  /** A lone surrogate may be somewhere in the body: UTF-8 cannot say it. */
  hasSurrogates: boolean;
  /** The first of `items.extras` that may belong to the next item. */
  extraAt: number;
  /** The last event whose timestamp could not be read. */
  unreadable: number;
}

/** Prepares the lines of one record. */
export function lineShared(record: RawRecord): LineShared {
  const { partition, position, envelope, body } = record;
  return {
    record,
    head: `${partition}\x1f${position}\x1f`,
    middle: `\x1f${envelope.receivedAtMs}\x1f${envelope.sourceNumber}\x1f`,
    hasSurrogates: body.includes('\\ud') || body.includes('\\uD'),
    extraAt: 0,
    unreadable: -1,
  };
}

/**
 * Appends the line of one event when everything in it can be copied, which is so for most.
 * @returns false, with nothing appended, when `eventValues` must say it.
 */
export function putEventLine(lines: ByteBuffer, shared: LineShared, item: number): boolean {
  const { items, context, integrations } = shared.record;
  const base = item * FIELD_COUNT;
  if (shared.hasSurrogates || context !== null || integrations !== null) return false;
  let bytes = 0;
  for (let at = base; at < base + FIELD_COUNT; at++) {
    const start = items.starts[at] as number;
    if (start >= 0) bytes += (items.ends[at] as number) - start;
  }
  reserve(lines, bytes + shared.head.length + shared.middle.length + 1_024);
  const begin = lines.length;
  putAscii(lines, shared.head);
  putNumber(lines, item);
  putAscii(lines, shared.middle);
  const isSaid =
    putIdentity(lines, shared, item, base) &&
    putTimes(lines, shared, item, base) &&
    putDocuments(lines, shared, item, base) &&
    putExtra(lines, shared, item);
  if (isSaid) {
    reserve(lines, 1);
    putByte(lines, LINE_END);
  } else {
    lines.length = begin;
  }
  return isSaid;
}

const TEXT_FIELDS = [
  FIELD.event,
  FIELD.name,
  FIELD.category,
  FIELD.userId,
  FIELD.anonymousId,
  FIELD.groupId,
  FIELD.previousId,
] as const;

/** From `type` to `message_id`. */
function putIdentity(
  lines: ByteBuffer,
  { record }: LineShared,
  item: number,
  base: number,
): boolean {
  const { body, items, route } = record;
  const { starts, ends } = items;
  let isView = false;
  if (route.eventType === undefined) {
    const start = starts[base + FIELD.type] as number;
    if (!putString(lines, body, start, ends[base + FIELD.type] as number)) return false;
    isView = body[start + 1] === 0x70 || body[start + 1] === 0x73;
  } else {
    putAscii(lines, route.eventType);
    isView = route.eventType === 'page' || route.eventType === 'screen';
  }
  for (let at = 0; at < TEXT_FIELDS.length; at++) {
    putByte(lines, FIELD_END);
    const field = TEXT_FIELDS[at] as number;
    const start = starts[base + field] as number;
    if (start >= 0 && body[start] === QUOTE && (ends[base + field] as number) - start > 2) {
      if (!putString(lines, body, start, ends[base + field] as number)) return false;
    } else if (start >= 0 && field >= FIELD.userId && beginsNumber(body[start])) {
      putSlice(lines, body, start, ends[base + field] as number);
    } else if (isView && (field === FIELD.name || field === FIELD.category)) {
      // Views have these among their properties too.
      if (mayHaveKey(record, base, field)) return false;
    } else if (
      field === FIELD.groupId &&
      ((items.contextKeys[item] as number) & CONTEXT_GROUP_ID) !== 0
    ) {
      return false;
    }
  }
  putByte(lines, FIELD_END);
  const start = starts[base + FIELD.messageId] as number;
  const end = ends[base + FIELD.messageId] as number;
  if (start >= 0 && body[start] === QUOTE && end - start > 2) {
    return putString(lines, body, start, end);
  }
  if (start >= 0 && beginsNumber(body[start])) putSlice(lines, body, start, end);
  else putText(lines, assignedId(record, item));
  return true;
}

/** A JSON string with nothing escaped in it; `start` and `end` include its quotes. */
function putString(lines: ByteBuffer, b: Buffer, start: number, end: number): boolean {
  const { bytes } = lines;
  let at = lines.length;
  for (let p = start + 1; p < end - 1; p++) {
    const byte = b[p] as number;
    if (byte === BACKSLASH) return false;
    bytes[at++] = byte;
  }
  lines.length = at;
  return true;
}

const NAME_KEY = Buffer.from('"name"');
const CATEGORY_KEY = Buffer.from('"category"');
const ESCAPE = Buffer.from('\\u');

function mayHaveKey({ body, items }: RawRecord, base: number, field: number): boolean {
  const start = items.starts[base + FIELD.properties] as number;
  if (start < 0) return false;
  const properties = body.subarray(start, items.ends[base + FIELD.properties]);
  return (
    properties.includes(field === FIELD.name ? NAME_KEY : CATEGORY_KEY) ||
    properties.includes(ESCAPE)
  );
}

/** From `timestamp_ms` to `channel`; `timesOf` of normalise.ts says what they mean. */
function putTimes(lines: ByteBuffer, shared: LineShared, item: number, base: number): boolean {
  const { record } = shared;
  const { body, items, envelope } = record;
  const { receivedAtMs } = envelope;
  const { starts, ends } = items;
  const { originalMs, sentAtMs, isUnreadable } = timesAt(record, item);
  if (isUnreadable) shared.unreadable = item;
  putByte(lines, FIELD_END);
  putNumber(lines, correctedTimestamp(originalMs, sentAtMs, receivedAtMs));
  putByte(lines, FIELD_END);
  putNumber(lines, originalMs ?? receivedAtMs);
  putByte(lines, FIELD_END);
  if (sentAtMs !== null) putNumber(lines, sentAtMs);
  putByte(lines, FIELD_END);
  const start = starts[base + FIELD.channel] as number;
  const end = ends[base + FIELD.channel] as number;
  if (start >= 0 && body[start] === QUOTE && end - start > 2) {
    return putString(lines, body, start, end);
  }
  putAscii(lines, record.channel);
  return true;
}

/** From `properties` to `metadata`. */
function putDocuments(lines: ByteBuffer, shared: LineShared, item: number, base: number): boolean {
  const { body, items } = shared.record;
  const { starts, ends } = items;
  putObject(lines, body, starts[base + FIELD.properties] as number, ends, base, FIELD.properties);
  putObject(lines, body, starts[base + FIELD.traits] as number, ends, base, FIELD.traits);
  if (mayTakeTraits(shared.record, item)) return false;
  if (!putContext(lines, shared, item, base)) return false;
  const integrations = starts[base + FIELD.integrations] as number;
  if (integrations >= 0 && body[integrations] === OPEN_BRACE) {
    putDocument(lines, body, integrations, ends, base, FIELD.integrations);
  } else {
    putAscii(lines, '\x1f{}');
  }
  putDocument(
    lines,
    body,
    starts[base + FIELD['_metadata']] as number,
    ends,
    base,
    FIELD['_metadata'],
  );
  return true;
}

/** Properties or traits: an empty list is an object without members, an empty text is none. */
function putObject(
  lines: ByteBuffer,
  body: Buffer,
  start: number,
  ends: Int32Array,
  base: number,
  field: number,
): void {
  putByte(lines, FIELD_END);
  if (start < 0) return;
  if (body[start] === OPEN_BRACE) putSlice(lines, body, start, ends[base + field] as number);
  else if (body[start] === OPEN_BRACKET) putAscii(lines, '{}');
}

function putDocument(
  lines: ByteBuffer,
  body: Buffer,
  start: number,
  ends: Int32Array,
  base: number,
  field: number,
): void {
  putByte(lines, FIELD_END);
  if (start < 0 || body[start] === LETTER_N) return;
  putSlice(lines, body, start, ends[base + field] as number);
}

function putContext(lines: ByteBuffer, shared: LineShared, item: number, base: number): boolean {
  const { body, items, route, ipMember } = shared.record;
  const known = items.contextKeys[item] as number;
  if ((known & CONTEXT_DIRECT) !== 0 || route.isPixel) return false;
  const start = items.starts[base + FIELD.context] as number;
  const end = items.ends[base + FIELD.context] as number;
  putByte(lines, FIELD_END);
  const isObjectHere = start >= 0 && body[start] === OPEN_BRACE;
  if (ipMember === null || (known & CONTEXT_IP) !== 0) {
    if (isObjectHere) putSlice(lines, body, start, end);
    else putAscii(lines, '{}');
    return true;
  }
  if (!isObjectHere) {
    putText(lines, `{${ipMember}}`);
    return true;
  }
  putSlice(lines, body, start, end - 1);
  // An empty object has no member that a comma could follow.
  const last = lastBefore(body, end - 1);
  if (last !== start) putByte(lines, COMMA);
  putText(lines, ipMember);
  putByte(lines, CLOSE_BRACE);
  return true;
}

/** The last byte before a place that is no space. */
function lastBefore(body: Buffer, at: number): number {
  let p = at - 1;
  while ((body[p] as number) <= SPACE) p--;
  return p;
}

function putExtra(lines: ByteBuffer, shared: LineShared, item: number): boolean {
  const { body, items, sharedRepairs } = shared.record;
  const isUnreadable = shared.unreadable === item;
  const isOdd = items.oddities[item] !== 0 || isUnreadable || sharedRepairs !== null;
  const repairs = isOdd ? repairsText(shared.record, item, isUnreadable) : null;
  putByte(lines, FIELD_END);
  const { extras } = items;
  let first = shared.extraAt;
  while (first < extras.length && (extras[first]?.item ?? 0) < item) first++;
  shared.extraAt = first;
  if (extras[first]?.item !== item) {
    if (repairs !== null) putText(lines, `{"${REPAIRS_KEY}":${repairs}}`);
    return true;
  }
  // Of several keys one may be repeated.
  if (extras[first + 1]?.item === item) return false;
  const { keyStart, keyEnd, start, end } = extras[first] ?? NO_EXTRA;
  reserve(lines, end - keyStart + 1_024);
  putByte(lines, OPEN_BRACE);
  putSlice(lines, body, keyStart, keyEnd);
  putByte(lines, COLON);
  putSlice(lines, body, start, end);
  if (repairs !== null) putText(lines, `,"${REPAIRS_KEY}":${repairs}`);
  reserve(lines, 2);
  putByte(lines, CLOSE_BRACE);
  return true;
}
