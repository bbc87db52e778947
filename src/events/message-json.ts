/**
 * The message of an event as JSON, in Segment's delivered shape: what was sent is copied as it was
 * sent, numbers to the last digit, and only what Millrace derives is written. `messageOf` of
 * normalise.ts says what is in it.
 */
import { putAscii, putByte, putSlice, putText, reserve } from '../base/byte-buffer.ts';
import type { ByteBuffer } from '../base/byte-buffer.ts';
import {
  beginsNumber,
  CLOSE_BRACE,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SPACE,
} from './json-bytes.ts';
import { correctedTimestamp, MESSAGE_VERSION } from './normalise.ts';
import { contextText, mayTakeTraits, overlaid, traitsOfContext } from './raw-context.ts';
import { CONTEXT_DIRECT, CONTEXT_IP } from './document-shape.ts';
import { FIELD, FIELD_COUNT } from './raw-items.ts';
import { assignedId } from './raw-record.ts';
import type { RawRecord } from './raw-record.ts';
import { timesAt } from './raw-times.ts';

/** Copied as they are; but an empty text is left out, and an empty list is {}. */
const DOCUMENTS = (['event', 'name', 'category', 'properties', 'traits'] as const).map((name) => ({
  field: FIELD[name],
  key: `,"${name}":`,
}));
/** Left out when they say nothing; of numbers the digits. */
const IDS = (['userId', 'anonymousId', 'groupId', 'previousId'] as const).map((name) => ({
  field: FIELD[name],
  key: `,"${name}":`,
}));

/** Room for everything that is no copy, but for ids and addresses of unusual length. */
const OWN_BYTES = 1_024;
const SENT_AT = ',"sentAt":"';
const ISO_BYTES = 24;
const DAY_MS = 86_400_000;

/** Appends the message of one event. Its `sentAt`, if it has one, comes last. */
export function putMessage(out: ByteBuffer, record: RawRecord, item: number): void {
  const { items, envelope } = record;
  const base = item * FIELD_COUNT;
  let bytes = OWN_BYTES;
  for (let at = base; at < base + FIELD_COUNT; at++) {
    const start = items.starts[at] as number;
    if (start >= 0) bytes += (items.ends[at] as number) - start;
  }
  const filled = mayTakeTraits(record, item) ? filledTraits(record, base) : null;
  // In UTF-8 a character has three bytes at most.
  if (filled !== null) bytes += filled.length * 3;
  reserve(out, bytes);
  putIdentity(out, record, item, base, filled);
  putContext(out, record, item, base);
  putIntegrations(out, record, base);
  putExtras(out, record, item);
  const { originalMs, sentAtMs } = timesAt(record, item);
  const { receivedAtMs } = envelope;
  reserve(out, OWN_BYTES);
  putTime(out, ',"timestamp":"', correctedTimestamp(originalMs, sentAtMs, receivedAtMs));
  putTime(out, ',"originalTimestamp":"', originalMs ?? receivedAtMs);
  putTime(out, ',"receivedAt":"', receivedAtMs);
  putAscii(out, `,"version":${MESSAGE_VERSION}`);
  if (sentAtMs !== null) putTime(out, SENT_AT, sentAtMs);
  putByte(out, CLOSE_BRACE);
}

const SENT_AT_BYTES = Buffer.from(SENT_AT);
const TAIL_BYTES = SENT_AT.length + ISO_BYTES + '"}'.length;

/** The JSON of a message that `putMessage` wrote, without its `sentAt`. */
export function withoutSentAt(json: Uint8Array): Uint8Array {
  const at = json.length - TAIL_BYTES;
  // Quotes are escaped inside of strings, so nothing else can look like this.
  if (at < 0 || !SENT_AT_BYTES.equals(json.subarray(at, at + SENT_AT.length))) return json;
  const shorter = Buffer.allocUnsafe(at + 1);
  shorter.set(json.subarray(0, at));
  shorter[at] = CLOSE_BRACE;
  return shorter;
}

function putIdentity(
  out: ByteBuffer,
  record: RawRecord,
  item: number,
  base: number,
  filled: string | null,
): void {
  const { body, items, route } = record;
  const { starts, ends } = items;
  putAscii(out, '{"type":');
  if (route.eventType === undefined) {
    putSlice(out, body, starts[base + FIELD.type] as number, ends[base + FIELD.type] as number);
  } else {
    putAscii(out, `"${route.eventType}"`);
  }
  for (const { field, key } of IDS) {
    const start = starts[base + field] as number;
    if (start < 0 || !hasId(record, base + field)) continue;
    putAscii(out, key);
    putId(out, body, start, ends[base + field] as number);
  }
  putAscii(out, ',"messageId":');
  if (hasId(record, base + FIELD.messageId)) {
    const at = base + FIELD.messageId;
    putId(out, body, starts[at] as number, ends[at] as number);
  } else {
    putText(out, JSON.stringify(assignedId(record, item)));
    reserve(out, OWN_BYTES);
  }
  putAscii(out, ',"channel":');
  const at = base + FIELD.channel;
  if (hasText(record, at)) putSlice(out, body, starts[at] as number, ends[at] as number);
  else putAscii(out, `"${record.channel}"`);
  if (filled !== null) putText(out, `,"traits":${filled}`);
  for (const { field, key } of DOCUMENTS) {
    const start = starts[base + field] as number;
    if (start < 0 || (filled !== null && field === FIELD.traits)) continue;
    const end = ends[base + field] as number;
    if (body[start] === QUOTE && end - start === 2) continue;
    putAscii(out, key);
    if (body[start] === OPEN_BRACKET && field >= FIELD.properties) putAscii(out, '{}');
    else putSlice(out, body, start, end);
  }
  const metadata = starts[base + FIELD['_metadata']] as number;
  if (metadata < 0) return;
  putAscii(out, ',"_metadata":');
  putSlice(out, body, metadata, ends[base + FIELD['_metadata']] as number);
}

/** The traits that an identify has in its context only. */
function filledTraits(record: RawRecord, base: number): string | null {
  const { body, items, context } = record;
  const start = items.starts[base + FIELD.context] as number;
  const end = items.ends[base + FIELD.context] as number;
  const own = start >= 0 && body[start] === OPEN_BRACE ? body.toString('utf8', start, end) : null;
  return traitsOfContext(overlaid(context, own));
}

function hasId(record: RawRecord, at: number): boolean {
  return hasText(record, at) || beginsNumber(record.body[record.items.starts[at] as number]);
}

function putId(out: ByteBuffer, body: Buffer, start: number, end: number): void {
  if (body[start] === QUOTE) return putSlice(out, body, start, end);
  putByte(out, QUOTE);
  putSlice(out, body, start, end);
  putByte(out, QUOTE);
}

function hasText({ body, items }: RawRecord, at: number): boolean {
  const start = items.starts[at] as number;
  return start >= 0 && body[start] === QUOTE && (items.ends[at] as number) - start > 2;
}

function putContext(out: ByteBuffer, record: RawRecord, item: number, base: number): void {
  const { body, items, route, ipMember } = record;
  const known = items.contextKeys[item] as number;
  const start = items.starts[base + FIELD.context] as number;
  const end = items.ends[base + FIELD.context] as number;
  const isObjectHere = start >= 0 && body[start] === OPEN_BRACE;
  putAscii(out, ',"context":');
  if ((known & CONTEXT_DIRECT) !== 0 || route.isPixel || record.context !== null) {
    const own = isObjectHere ? body.toString('utf8', start, end) : null;
    putText(out, contextText(record, record.context, own));
    reserveRest(out, record, base);
  } else if (ipMember === null || (known & CONTEXT_IP) !== 0) {
    if (isObjectHere) putSlice(out, body, start, end);
    else putAscii(out, '{}');
  } else if (isObjectHere) {
    putSlice(out, body, start, end - 1);
    // An empty object has no member that a comma could follow.
    let last = end - 2;
    while ((body[last] as number) <= SPACE) last--;
    if (last !== start) putByte(out, COMMA);
    putText(out, ipMember);
    putByte(out, CLOSE_BRACE);
  } else {
    putText(out, `{${ipMember}}`);
  }
}

/** What was written took room that was meant for the integrations. */
function reserveRest(out: ByteBuffer, { items }: RawRecord, base: number): void {
  const at = base + FIELD.integrations;
  reserve(out, (items.ends[at] as number) - (items.starts[at] as number) + OWN_BYTES);
}

function putIntegrations(out: ByteBuffer, record: RawRecord, base: number): void {
  const { body, items, integrations } = record;
  const start = items.starts[base + FIELD.integrations] as number;
  const end = items.ends[base + FIELD.integrations] as number;
  const isObjectHere = start >= 0 && body[start] === OPEN_BRACE;
  putAscii(out, ',"integrations":');
  if (integrations !== null) {
    putText(out, overlaid(integrations, isObjectHere ? body.toString('utf8', start, end) : null));
  } else if (isObjectHere) {
    putSlice(out, body, start, end);
  } else {
    putAscii(out, '{}');
  }
}

/** Of repeated keys all are written; the last one counts for every reader, as it does here. */
function putExtras(out: ByteBuffer, { body, items }: RawRecord, item: number): void {
  const { extras } = items;
  for (let at = firstExtra(items.extras, item); extras[at]?.item === item; at++) {
    const { keyStart, keyEnd, start, end } = extras[at] as (typeof extras)[number];
    reserve(out, end - keyStart + OWN_BYTES);
    putByte(out, COMMA);
    putSlice(out, body, keyStart, keyEnd);
    putByte(out, COLON);
    putSlice(out, body, start, end);
  }
}

/** The place of the first extra of an item or of one behind it: they are in order. */
function firstExtra(extras: readonly { item: number }[], item: number): number {
  let [low, high] = [0, extras.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((extras[middle]?.item ?? 0) < item) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Most events of a log are of a few days.
let knownDay = Number.NaN;
let knownDate = '';

/** A key and a time: `,"key":"2026-06-01T12:00:00.123Z"`. */
function putTime(out: ByteBuffer, key: string, ms: number): void {
  putAscii(out, key);
  const day = Math.floor(ms / DAY_MS);
  if (day !== knownDay) {
    knownDay = day;
    knownDate = new Date(day * DAY_MS).toISOString().slice(0, 11);
  }
  putAscii(out, knownDate);
  const rest = ms - day * DAY_MS;
  const seconds = Math.floor(rest / 1000);
  const { bytes } = out;
  const at = out.length;
  putTwo(bytes, at, Math.floor(seconds / 3600));
  bytes[at + 2] = COLON;
  putTwo(bytes, at + 3, Math.floor(seconds / 60) % 60);
  bytes[at + 5] = COLON;
  putTwo(bytes, at + 6, seconds % 60);
  bytes[at + 8] = 0x2e;
  const millis = rest % 1000;
  bytes[at + 9] = 0x30 + Math.floor(millis / 100);
  putTwo(bytes, at + 10, millis % 100);
  bytes[at + 12] = 0x5a;
  bytes[at + 13] = QUOTE;
  out.length = at + 14;
}

function putTwo(bytes: Buffer, at: number, value: number): void {
  bytes[at] = 0x30 + Math.floor(value / 10);
  bytes[at + 1] = 0x30 + (value % 10);
}
