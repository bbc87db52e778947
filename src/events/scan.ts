/**
 * Judges a body by its bytes, without building a value: twice as fast as parsing, and most traffic
 * needs no more. It only ever says yes: true means that the body is valid JSON, that `decodeBody`
 * would accept every event in it, and that it would find the same event count and write key. In
 * any doubt (an escaped key, a repeated key, a consent object, an odd timestamp) it says no, and
 * `decodeBody` decides. A property test holds the two together.
 */
import type { EventLimits } from './limits.ts';
import type { EventType, Route } from './routes.ts';

export interface ScanResult {
  eventCount: number;
  /** Where the body's write key stands, without quotes; -1 when there is none. */
  writeKeyStart: number;
  writeKeyEnd: number;
}

export function createScanResult(): ScanResult {
  return { eventCount: 0, writeKeyStart: -1, writeKeyEnd: -1 };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const MINUS = 0x2d;

/** What a byte is inside a string: 0 ends the run (quote, backslash, control), 1 goes on. */
const IS_PLAIN = new Uint8Array(256).fill(1, 0x20);
IS_PLAIN[QUOTE] = 0;
IS_PLAIN[BACKSLASH] = 0;

/** The keys that mean something; each has a bit, so that a repetition is seen. */
const KEYS = [
  'type',
  'userId',
  'anonymousId',
  'groupId',
  'previousId',
  'event',
  'name',
  'category',
  'properties',
  'traits',
  'context',
  'integrations',
  'messageId',
  'timestamp',
  'writeKey',
  'batch',
  'consent',
  'device',
  'advertisingId',
] as const;
type Key = (typeof KEYS)[number];

const BIT = Object.fromEntries(KEYS.map((key, at) => [key, 1 << at])) as Record<Key, number>;
const KEY_CHARS_MAX = 13;
/** Candidates by length and first byte; the rest is compared. */
const BY_SHAPE: { bytes: Uint8Array; bit: number }[][] = [];
for (const key of KEYS) {
  const bytes = Buffer.from(key);
  const shape = bytes.length * 256 + (bytes[0] ?? 0);
  (BY_SHAPE[shape] ??= []).push({ bytes, bit: BIT[key] });
}

const TYPE_WORDS: readonly EventType[] = ['track', 'identify', 'page', 'screen', 'group', 'alias'];
const TYPE_BYTES = TYPE_WORDS.map((type) => ({ type, bytes: Buffer.from(type) }));

// The cursor is module state: one scan runs at a time in a thread, and locals of a module are
// what the engine reads fastest.
let source: Uint8Array = new Uint8Array(0);
let at = 0;
let limit = 0;
let keysLeft = 0;
let depthMax = 0;
let stringStart = 0;
let hasEscape = false;
let seenType: EventType | undefined;
let itemHasWriteKey = false;

/**
 * @param shape,limits,routeType as for `decodeBody`.
 * @param result filled in when the answer is true.
 */
export function scanBody(
  bytes: Uint8Array,
  start: number,
  end: number,
  shape: Route['shape'],
  limits: EventLimits,
  routeType: EventType | undefined,
  result: ScanResult,
): boolean {
  source = bytes;
  at = start;
  limit = end;
  depthMax = limits.depthMax;
  result.writeKeyStart = -1;
  result.writeKeyEnd = -1;
  result.eventCount = 1;
  skipSpace();
  const isAccepted =
    shape === 'event' ? scanEvent(limits, routeType, 0, result) : scanBatch(limits, result);
  if (!isAccepted) return false;
  skipSpace();
  return at === limit;
}

/** `{ "batch": [ event, … ], "writeKey": …, "context": …, … }` */
function scanBatch(limits: EventLimits, result: ScanResult): boolean {
  if (source[at] !== OPEN_BRACE) return false;
  at++;
  skipSpace();
  let seen = 0;
  let keysOfItems = 0;
  let keysShared = 0;
  let itemsHaveKey = false;
  for (;;) {
    const bit = scanKey();
    if (bit < 0 || (bit > 0 && (seen & bit) !== 0)) return false;
    seen |= bit;
    if (bit === BIT.batch) {
      keysOfItems = scanItems(limits, result);
      if (keysOfItems < 0) return false;
      itemsHaveKey = itemHasWriteKey;
    } else {
      keysLeft = limits.keysMax;
      if (!scanShared(bit, result)) return false;
      if (bit === BIT.context) keysShared = limits.keysMax - keysLeft;
    }
    skipSpace();
    const byte = source[at++];
    if (byte === CLOSE_BRACE) break;
    if (byte !== COMMA) return false;
    skipSpace();
  }
  if ((seen & BIT.batch) === 0) return false;
  if (itemsHaveKey && result.writeKeyStart < 0) return false;
  return keysOfItems + keysShared <= limits.keysMax;
}

function scanShared(bit: number, result: ScanResult): boolean {
  if (bit === BIT.writeKey) return scanWriteKey(result);
  if (bit === BIT.context) return scanNull() || scanContext(2);
  if (bit === BIT.integrations) return scanNull() || (isAt(OPEN_BRACE) && scanValue(2));
  return scanValue(2);
}

/** Returns the largest number of keys of an item, or -1. */
function scanItems(limits: EventLimits, result: ScanResult): number {
  if (source[at] !== OPEN_BRACKET) return -1;
  at++;
  skipSpace();
  itemHasWriteKey = false;
  let count = 0;
  let most = 0;
  for (;;) {
    const start = at;
    if (++count > limits.batchEventsMax) return -1;
    if (!scanEvent(limits, undefined, 1, result)) return -1;
    if (at - start > limits.eventBytesMax) return -1;
    const keys = limits.keysMax - keysLeft;
    if (keys > most) most = keys;
    skipSpace();
    const byte = source[at++];
    if (byte === CLOSE_BRACKET) break;
    if (byte !== COMMA) return -1;
    skipSpace();
  }
  result.eventCount = count;
  return most;
}

const NEEDED_ID = BIT.userId | BIT.anonymousId;

function scanEvent(
  limits: EventLimits,
  routeType: EventType | undefined,
  inBatch: 0 | 1,
  result: ScanResult,
): boolean {
  const start = at;
  if (source[at] !== OPEN_BRACE) return false;
  at++;
  skipSpace();
  keysLeft = limits.keysMax;
  seenType = undefined;
  let seen = 0;
  /** Keys whose value says something: neither null nor empty. */
  let present = 0;
  for (;;) {
    const bit = scanKey();
    if (bit < 0 || (seen & bit) !== 0 || --keysLeft < 0) return false;
    seen |= bit;
    const isNull = source[at] === 0x6e;
    if (bit === 0 || bit > BIT.writeKey) {
      if (!scanValue(2)) return false;
    } else if (isNull) {
      if (!scanNull()) return false;
    } else {
      if (!scanKnown(bit, limits, inBatch, routeType, result)) return false;
      present |= bit;
    }
    skipSpace();
    const byte = source[at++];
    if (byte === CLOSE_BRACE) break;
    if (byte !== COMMA) return false;
    skipSpace();
  }
  if (inBatch === 0 && at - start > limits.eventBytesMax) return false;
  return isComplete(routeType ?? seenType, present);
}

function isComplete(type: EventType | undefined, present: number): boolean {
  if (type === undefined) return false;
  if (type === 'track' && (present & BIT.event) === 0) return false;
  if ((present & NEEDED_ID) !== 0) return true;
  if (type === 'group') return (present & BIT.groupId) !== 0;
  return type === 'alias' && (present & BIT.previousId) !== 0;
}

/** The value of a known key, which is not null. */
function scanKnown(
  bit: number,
  limits: EventLimits,
  inBatch: 0 | 1,
  routeType: EventType | undefined,
  result: ScanResult,
): boolean {
  switch (bit) {
    case BIT.userId:
    case BIT.anonymousId:
    case BIT.groupId:
    case BIT.previousId:
    case BIT.event:
    case BIT.name:
    case BIT.category:
      return scanText() && at - 1 > stringStart;
    case BIT.properties:
    case BIT.traits:
      return scanFields(limits.propertiesMax);
    case BIT.context:
      return scanContext(2);
    case BIT.integrations:
      return isAt(OPEN_BRACE) && scanValue(2);
    case BIT.type:
      return scanType(routeType);
    case BIT.messageId:
      return scanText() && at - 1 - stringStart <= limits.messageIdCharsMax;
    case BIT.timestamp:
      return scanText() && isPlainTimestamp(stringStart, at - 1);
    default:
      return scanEventKey(inBatch, result);
  }
}

function scanEventKey(inBatch: 0 | 1, result: ScanResult): boolean {
  if (inBatch === 0) return scanWriteKey(result);
  itemHasWriteKey = true;
  return scanValue(2);
}

function scanWriteKey(result: ScanResult): boolean {
  if (scanNull()) return true;
  if (!scanText() || hasEscape || at - 1 === stringStart) return false;
  result.writeKeyStart = stringStart;
  result.writeKeyEnd = at - 1;
  return true;
}

/** In a single event the route's type wins, whatever the event says. */
function scanType(routeType: EventType | undefined): boolean {
  if (routeType !== undefined) return scanValue(2);
  if (!scanText()) return false;
  const length = at - 1 - stringStart;
  for (const { type, bytes } of TYPE_BYTES) {
    if (bytes.length === length && isEqual(bytes, stringStart)) {
      seenType = type;
      return true;
    }
  }
  return false;
}

/** `properties` or `traits`: an object whose own keys are counted. */
function scanFields(fieldsMax: number): boolean {
  if (source[at] !== OPEN_BRACE) return false;
  const before = keysLeft;
  // Nested keys count too, so this may doubt what is allowed, never the other way round.
  return scanValue(2) && before - keysLeft <= fieldsMax;
}

/** A context is scanned by key: consent has rules of its own, and so has the advertising id. */
function scanContext(depth: number): boolean {
  if (source[at] !== OPEN_BRACE || depth > depthMax) return false;
  at++;
  skipSpace();
  if (isAt(CLOSE_BRACE)) {
    at++;
    return true;
  }
  for (;;) {
    const bit = scanKey();
    if (bit < 0 || bit === BIT.consent || --keysLeft < 0) return false;
    const isRead =
      bit === BIT.device && isAt(OPEN_BRACE) ? scanDevice(depth + 1) : scanValue(depth + 1);
    if (!isRead) return false;
    skipSpace();
    const byte = source[at++];
    if (byte === CLOSE_BRACE) return true;
    if (byte !== COMMA) return false;
    skipSpace();
  }
}

function scanDevice(depth: number): boolean {
  if (depth > depthMax) return false;
  at++;
  skipSpace();
  if (isAt(CLOSE_BRACE)) {
    at++;
    return true;
  }
  for (;;) {
    const bit = scanKey();
    if (bit < 0 || --keysLeft < 0) return false;
    if (bit === BIT.advertisingId && !isAt(QUOTE) && source[at] !== 0x6e) return false;
    if (!scanValue(depth + 1)) return false;
    skipSpace();
    const byte = source[at++];
    if (byte === CLOSE_BRACE) return true;
    if (byte !== COMMA) return false;
    skipSpace();
  }
}

/** Reads `"key" :` and the space behind it. Returns the key's bit, 0 for others, -1 for doubt. */
function scanKey(): number {
  if (!scanText() || hasEscape) return -1;
  const start = stringStart;
  const length = at - 1 - start;
  skipSpace();
  if (source[at] !== COLON) return -1;
  at++;
  skipSpace();
  if (length > KEY_CHARS_MAX || length === 0) return 0;
  const candidates = BY_SHAPE[length * 256 + (source[start] ?? 0)];
  if (candidates === undefined) return 0;
  for (const { bytes, bit } of candidates) if (isEqual(bytes, start)) return bit;
  return 0;
}

/** Any JSON value; `depth` is the one a container here would have. */
function scanValue(depth: number): boolean {
  const byte = source[at] ?? 0;
  if (byte === QUOTE) return scanText();
  if (byte === OPEN_BRACE) return scanObject(depth);
  if (byte === OPEN_BRACKET) return scanArray(depth);
  if (byte === MINUS || (byte >= 0x30 && byte <= 0x39)) return scanNumber();
  if (byte === 0x74) return scanWord(0x72, 0x75, 0x65);
  if (byte === 0x6e) return scanWord(0x75, 0x6c, 0x6c);
  return byte === 0x66 && scanWord(0x61, 0x6c, 0x73) && source[at++] === 0x65;
}

function scanObject(depth: number): boolean {
  if (depth > depthMax) return false;
  at++;
  skipSpace();
  if (source[at] === CLOSE_BRACE) {
    at++;
    return true;
  }
  for (;;) {
    if (--keysLeft < 0 || !scanText() || hasEscape) return false;
    skipSpace();
    if (source[at] !== COLON) return false;
    at++;
    skipSpace();
    if (!scanValue(depth + 1)) return false;
    skipSpace();
    const byte = source[at++];
    if (byte === CLOSE_BRACE) return true;
    if (byte !== COMMA) return false;
    skipSpace();
  }
}

function scanArray(depth: number): boolean {
  if (depth > depthMax) return false;
  at++;
  skipSpace();
  if (source[at] === CLOSE_BRACKET) {
    at++;
    return true;
  }
  for (;;) {
    if (!scanValue(depth + 1)) return false;
    skipSpace();
    const byte = source[at++];
    if (byte === CLOSE_BRACKET) return true;
    if (byte !== COMMA) return false;
    skipSpace();
  }
}

/** Reads a string; afterwards its content is from `stringStart` to `at - 1`. */
function scanText(): boolean {
  const bytes = source;
  if (bytes[at] !== QUOTE) return false;
  let here = at + 1;
  const start = here;
  let escaped = false;
  for (;;) {
    while (IS_PLAIN[bytes[here] ?? 0] === 1) here++;
    if (here >= limit) return false;
    const byte = bytes[here];
    if (byte === QUOTE) break;
    if (byte !== BACKSLASH) return false;
    escaped = true;
    here = endOfEscape(here + 1);
    if (here < 0) return false;
  }
  stringStart = start;
  hasEscape = escaped;
  at = here + 1;
  return true;
}

/** @param here the byte behind the backslash. */
function endOfEscape(here: number): number {
  const byte = source[here] ?? 0;
  if (byte === 0x75) {
    for (let digit = 1; digit <= 4; digit++) if (!isHex(source[here + digit] ?? 0)) return -1;
    return here + 5;
  }
  // " \ / b f n r t
  const isShort =
    byte === QUOTE ||
    byte === BACKSLASH ||
    byte === 0x2f ||
    byte === 0x62 ||
    byte === 0x66 ||
    byte === 0x6e ||
    byte === 0x72 ||
    byte === 0x74;
  return isShort ? here + 1 : -1;
}

function isHex(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x41 && byte <= 0x46) ||
    (byte >= 0x61 && byte <= 0x66)
  );
}

function scanNumber(): boolean {
  if (source[at] === MINUS) at++;
  if (source[at] === 0x30) at++;
  else if (!scanDigits()) return false;
  if (source[at] === 0x2e) {
    at++;
    if (!scanDigits()) return false;
  }
  const byte = source[at];
  if (byte !== 0x65 && byte !== 0x45) return true;
  at++;
  if (source[at] === 0x2b || source[at] === MINUS) at++;
  return scanDigits();
}

function scanDigits(): boolean {
  const start = at;
  for (let byte = source[at] ?? 0; byte >= 0x30 && byte <= 0x39; byte = source[++at] ?? 0);
  return at > start;
}

/** `true`, `null`, and `fals`: a word by its last three letters. */
function scanWord(second: number, third: number, fourth: number): boolean {
  const isWord = source[at + 1] === second && source[at + 2] === third && source[at + 3] === fourth;
  at += 4;
  return isWord;
}

function scanNull(): boolean {
  if (source[at] !== 0x6e) return false;
  return scanWord(0x75, 0x6c, 0x6c);
}

function skipSpace(): void {
  let byte = source[at];
  while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = source[++at];
}

function isAt(byte: number): boolean {
  return source[at] === byte;
}

function isEqual(expected: Uint8Array, start: number): boolean {
  for (let i = 0; i < expected.length; i++) if (source[start + i] !== expected[i]) return false;
  return true;
}

/** The form nearly all SDKs write: `2026-01-31T12:00:00.000Z`, fraction optional, days to 30. */
function isPlainTimestamp(start: number, end: number): boolean {
  const length = end - start;
  if (length < 20 || length > 30 || source[end - 1] !== 0x5a) return false;
  if (source[start + 4] !== MINUS || source[start + 7] !== MINUS) return false;
  if (source[start + 10] !== 0x54) return false;
  if (source[start + 13] !== COLON || source[start + 16] !== COLON) return false;
  const month = twoDigits(start + 5);
  const day = twoDigits(start + 8);
  if (twoDigits(start) < 1 || twoDigits(start + 2) < 0) return false;
  if (month < 1 || month > 12 || day < 1 || day > (month === 2 ? 28 : 30)) return false;
  const hour = twoDigits(start + 11);
  const minute = twoDigits(start + 14);
  const second = twoDigits(start + 17);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return false;
  if (length === 20) return true;
  if (source[start + 19] !== 0x2e || length === 21) return false;
  for (let i = start + 20; i < end - 1; i++) {
    const byte = source[i] ?? 0;
    if (byte < 0x30 || byte > 0x39) return false;
  }
  return true;
}

function twoDigits(start: number): number {
  const tens = (source[start] ?? 0) - 0x30;
  const ones = (source[start + 1] ?? 0) - 0x30;
  return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : tens * 10 + ones;
}
