/**
 * Judges a body by its bytes, without building a value: twice as fast as parsing, and most traffic
 * needs no more. It only ever says yes: true means that the body is valid JSON, that `decodeBody`
 * would accept every event in it, and that it would find the same event count and write key. In
 * any doubt (an escaped key, a repeated key, a consent object, an odd timestamp) it says no, and
 * `decodeBody` decides. A property test holds the two together.
 */
import {
  afterColon,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  endOfKey,
  endOfString,
  isEqual,
  isWord,
  LETTER_N,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  scanTimestamp,
  skipNumber,
  skipSpace,
  SPACE,
} from './json-bytes.ts';
import type { EventLimits } from './limits.ts';
import { EVENT_TYPES } from './routes.ts';
import type { EventType, Route } from './routes.ts';

export interface ScanResult {
  eventCount: number;
  /** Where the body's write key stands, without quotes; -1 when there is none. */
  writeKeyStart: number;
  writeKeyEnd: number;
  /** Where the messageId of each event stands, without quotes; start -1 when there is none. */
  idStarts: Int32Array;
  idEnds: Int32Array;
  /** The type of each event, as its place in EVENT_TYPES. */
  types: Uint8Array;
}

export function createScanResult(): ScanResult {
  return { eventCount: 0, writeKeyStart: -1, writeKeyEnd: -1, ...roomFor(256) };
}

function roomFor(events: number): Pick<ScanResult, 'idStarts' | 'idEnds' | 'types'> {
  return {
    idStarts: new Int32Array(events),
    idEnds: new Int32Array(events),
    types: new Uint8Array(events),
  };
}

function grow(result: ScanResult): void {
  const larger = roomFor(result.types.length * 2);
  larger.idStarts.set(result.idStarts);
  larger.idEnds.set(result.idEnds);
  larger.types.set(result.types);
  Object.assign(result, larger);
}

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

const TYPE_BYTES = EVENT_TYPES.map((type) => ({ type, bytes: Buffer.from(type) }));

// What a scan counts besides its position; one scan runs at a time in a thread.
let keysLeft = 0;
let depthMax = 0;
let seenType: EventType | undefined;
let itemHasWriteKey = false;
let idStart = -1;
let idEnd = -1;

/*
 * Every function below takes the place where its value begins and returns the place behind it, or
 * -1 for doubt (see json-bytes.ts). Positions travel as arguments and results because those stay
 * in registers.
 */

/**
 * @param shape,limits,routeType as for `decodeBody`.
 * @param result filled in when the answer is true.
 */
export function scanBody(
  bytes: Uint8Array,
  shape: Route['shape'],
  limits: EventLimits,
  routeType: EventType | undefined,
  result: ScanResult,
): boolean {
  depthMax = limits.depthMax;
  result.writeKeyStart = -1;
  result.writeKeyEnd = -1;
  result.eventCount = 1;
  const start = skipSpace(bytes, 0);
  const end =
    shape === 'event'
      ? scanItem(bytes, start, limits, routeType, 0, result)
      : scanBatch(bytes, start, limits, result);
  return end > 0 && skipSpace(bytes, end) === bytes.length;
}

/** `{ "batch": [ event, … ], "writeKey": …, "context": …, … }` */
function scanBatch(b: Uint8Array, start: number, limits: EventLimits, result: ScanResult): number {
  if (b[start] !== OPEN_BRACE) return -1;
  let p = skipSpace(b, start + 1);
  let seen = 0;
  let keysOfItems = 0;
  let keysShared = 0;
  let itemsHaveKey = false;
  for (;;) {
    const keyEnd = endOfKey(b, p);
    if (keyEnd < 0) return -1;
    const bit = keyBit(b, p + 1, keyEnd);
    if ((seen & bit) !== 0) return -1;
    seen |= bit;
    p = afterColon(b, keyEnd + 1);
    if (p < 0) return -1;
    if (bit === BIT.batch) {
      p = scanItems(b, p, limits, result);
      keysOfItems = mostItemKeys;
      itemsHaveKey = itemHasWriteKey;
    } else {
      keysLeft = limits.keysMax;
      p = scanShared(b, p, bit, result);
      if (bit === BIT.context) keysShared = limits.keysMax - keysLeft;
    }
    if (p < 0) return -1;
    p = skipSpace(b, p);
    const byte = b[p++];
    if (byte === CLOSE_BRACE) break;
    if (byte !== COMMA) return -1;
    p = skipSpace(b, p);
  }
  if ((seen & BIT.batch) === 0) return -1;
  if (itemsHaveKey && result.writeKeyStart < 0) return -1;
  return keysOfItems + keysShared <= limits.keysMax ? p : -1;
}

function scanShared(b: Uint8Array, p: number, bit: number, result: ScanResult): number {
  if (b[p] === LETTER_N) return skipValue(b, p, 2);
  if (bit === BIT.writeKey) return scanWriteKey(b, p, result);
  if (bit === BIT.context) return scanContext(b, p, 2);
  if (bit === BIT.integrations && b[p] !== OPEN_BRACE) return -1;
  return skipValue(b, p, 2);
}

/** The largest number of keys of an item of the last `scanItems`. */
let mostItemKeys = 0;

function scanItems(b: Uint8Array, start: number, limits: EventLimits, result: ScanResult): number {
  if (b[start] !== OPEN_BRACKET) return -1;
  let p = skipSpace(b, start + 1);
  itemHasWriteKey = false;
  mostItemKeys = 0;
  let count = 0;
  for (;;) {
    if (++count > limits.batchEventsMax) return -1;
    const end = scanItem(b, p, limits, undefined, count - 1, result);
    if (end < 0) return -1;
    const keys = limits.keysMax - keysLeft;
    if (keys > mostItemKeys) mostItemKeys = keys;
    p = skipSpace(b, end);
    const byte = b[p++];
    if (byte === CLOSE_BRACKET) break;
    if (byte !== COMMA) return -1;
    p = skipSpace(b, p);
  }
  result.eventCount = count;
  return p;
}

/** An event, and what marks it. */
function scanItem(
  b: Uint8Array,
  start: number,
  limits: EventLimits,
  routeType: EventType | undefined,
  item: number,
  result: ScanResult,
): number {
  idStart = -1;
  const end = scanEvent(b, start, limits, routeType, routeType === undefined, result);
  if (end < 0) return -1;
  if (item >= result.types.length) grow(result);
  result.idStarts[item] = idStart;
  result.idEnds[item] = idEnd;
  result.types[item] = EVENT_TYPES.indexOf(routeType ?? seenType ?? 'track');
  return end;
}

const NEEDED_ID = BIT.userId | BIT.anonymousId;

function scanEvent(
  b: Uint8Array,
  start: number,
  limits: EventLimits,
  routeType: EventType | undefined,
  isInBatch: boolean,
  result: ScanResult,
): number {
  if (b[start] !== OPEN_BRACE) return -1;
  let p = skipSpace(b, start + 1);
  keysLeft = limits.keysMax;
  seenType = undefined;
  let seen = 0;
  /** Keys whose value says something: neither null nor empty. */
  let present = 0;
  for (;;) {
    const keyEnd = endOfKey(b, p);
    if (keyEnd < 0 || --keysLeft < 0) return -1;
    const bit = keyBit(b, p + 1, keyEnd);
    if ((seen & bit) !== 0) return -1;
    seen |= bit;
    p = afterColon(b, keyEnd + 1);
    if (p < 0) return -1;
    if (bit === 0 || bit > BIT.writeKey || b[p] === LETTER_N) {
      p = skipValue(b, p, 2);
    } else {
      p = scanKnown(b, p, bit, limits, isInBatch, routeType, result);
      present |= bit;
    }
    if (p < 0) return -1;
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
    const byte = b[p++];
    if (byte === CLOSE_BRACE) break;
    if (byte !== COMMA) return -1;
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
  }
  if (p - start > limits.eventBytesMax) return -1;
  return isComplete(routeType ?? seenType, present) ? p : -1;
}

function isComplete(type: EventType | undefined, present: number): boolean {
  if (type === undefined) return false;
  if (type === 'track' && (present & BIT.event) === 0) return false;
  if ((present & NEEDED_ID) !== 0) return true;
  if (type === 'group') return (present & BIT.groupId) !== 0;
  return type === 'alias' && (present & BIT.previousId) !== 0;
}

/** The value of a known key, which does not begin as null does. */
function scanKnown(
  b: Uint8Array,
  p: number,
  bit: number,
  limits: EventLimits,
  isInBatch: boolean,
  routeType: EventType | undefined,
  result: ScanResult,
): number {
  switch (bit) {
    case BIT.userId:
    case BIT.anonymousId:
    case BIT.groupId:
    case BIT.previousId:
    case BIT.event:
    case BIT.name:
    case BIT.category:
      return b[p] === QUOTE && b[p + 1] !== QUOTE ? endOfString(b, p + 1) : -1;
    case BIT.properties:
    case BIT.traits:
      return scanFields(b, p, limits.propertiesMax);
    case BIT.context:
      return scanContext(b, p, 2);
    case BIT.integrations:
      return b[p] === OPEN_BRACE ? skipValue(b, p, 2) : -1;
    case BIT.type:
      return scanType(b, p, routeType);
    case BIT.messageId:
      return scanMessageId(b, p, limits.messageIdCharsMax);
    case BIT.timestamp:
      return scanTimestamp(b, p);
    default:
      if (!isInBatch) return scanWriteKey(b, p, result);
      itemHasWriteKey = true;
      return skipValue(b, p, 2);
  }
}

function scanWriteKey(b: Uint8Array, p: number, result: ScanResult): number {
  const end = endOfKey(b, p);
  if (end <= p + 1) return -1;
  result.writeKeyStart = p + 1;
  result.writeKeyEnd = end;
  return end + 1;
}

/** In a single event the route's type wins, whatever the event says. */
function scanType(b: Uint8Array, p: number, routeType: EventType | undefined): number {
  if (routeType !== undefined) return skipValue(b, p, 2);
  const end = endOfKey(b, p);
  if (end < 0) return -1;
  for (const { type, bytes } of TYPE_BYTES) {
    if (bytes.length === end - p - 1 && isEqual(b, p + 1, bytes)) {
      seenType = type;
      return end + 1;
    }
  }
  return -1;
}

function scanMessageId(b: Uint8Array, p: number, charsMax: number): number {
  if (b[p] !== QUOTE) return -1;
  const end = endOfString(b, p + 1);
  idStart = p + 1;
  idEnd = end - 1;
  return end - p - 2 <= charsMax ? end : -1;
}

/** `properties` or `traits`: an object whose own keys are counted. */
function scanFields(b: Uint8Array, p: number, fieldsMax: number): number {
  if (b[p] !== OPEN_BRACE) return -1;
  const before = keysLeft;
  const end = skipObject(b, p, 2);
  // Nested keys count too, so this may doubt what is allowed, never the other way round.
  return before - keysLeft <= fieldsMax ? end : -1;
}

/** A context is scanned by key: consent has rules of its own, and so has the advertising id. */
function scanContext(b: Uint8Array, start: number, depth: number): number {
  if (b[start] !== OPEN_BRACE || depth > depthMax) return -1;
  let p = skipSpace(b, start + 1);
  if (b[p] === CLOSE_BRACE) return p + 1;
  for (;;) {
    const keyEnd = endOfKey(b, p);
    if (keyEnd < 0 || --keysLeft < 0) return -1;
    const bit = keyBit(b, p + 1, keyEnd);
    p = afterColon(b, keyEnd + 1);
    if (bit === BIT.consent || p < 0) return -1;
    p =
      bit === BIT.device && b[p] === OPEN_BRACE
        ? scanDevice(b, p, depth + 1)
        : skipValue(b, p, depth + 1);
    if (p < 0) return -1;
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
    const byte = b[p++];
    if (byte === CLOSE_BRACE) return p;
    if (byte !== COMMA) return -1;
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
  }
}

function scanDevice(b: Uint8Array, start: number, depth: number): number {
  if (depth > depthMax) return -1;
  let p = skipSpace(b, start + 1);
  if (b[p] === CLOSE_BRACE) return p + 1;
  for (;;) {
    const keyEnd = endOfKey(b, p);
    if (keyEnd < 0 || --keysLeft < 0) return -1;
    const bit = keyBit(b, p + 1, keyEnd);
    p = afterColon(b, keyEnd + 1);
    if (p < 0) return -1;
    if (bit === BIT.advertisingId && b[p] !== QUOTE && b[p] !== LETTER_N) return -1;
    p = skipValue(b, p, depth + 1);
    if (p < 0) return -1;
    p = skipSpace(b, p);
    const byte = b[p++];
    if (byte === CLOSE_BRACE) return p;
    if (byte !== COMMA) return -1;
    p = skipSpace(b, p);
  }
}

/** The bit of a known key, or 0. */
function keyBit(b: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > KEY_CHARS_MAX) return 0;
  const candidates = BY_SHAPE[length * 256 + (b[start] as number)];
  if (candidates === undefined) return 0;
  for (const { bytes, bit } of candidates) {
    if (bytes.length === length && isEqual(b, start, bytes)) return bit;
  }
  return 0;
}

/** Any JSON value; `depth` is the one a container here would have. */
function skipValue(b: Uint8Array, p: number, depth: number): number {
  const byte = b[p] as number;
  if (byte === QUOTE) return endOfString(b, p + 1);
  if (byte === OPEN_BRACE) return skipObject(b, p, depth);
  if (byte === OPEN_BRACKET) return skipArray(b, p, depth);
  if (byte <= 0x39) return skipNumber(b, p);
  if (byte === 0x74) return isWord(b, p, 0x72, 0x75, 0x65) ? p + 4 : -1;
  if (byte === LETTER_N) return isWord(b, p, 0x75, 0x6c, 0x6c) ? p + 4 : -1;
  return byte === 0x66 && isWord(b, p, 0x61, 0x6c, 0x73) && b[p + 4] === 0x65 ? p + 5 : -1;
}

function skipObject(b: Uint8Array, start: number, depth: number): number {
  if (depth > depthMax) return -1;
  let p = start + 1;
  if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
  if (b[p] === CLOSE_BRACE) return p + 1;
  for (;;) {
    const keyEnd = endOfKey(b, p);
    if (keyEnd < 0 || --keysLeft < 0) return -1;
    p = afterColon(b, keyEnd + 1);
    if (p < 0) return -1;
    p = skipValue(b, p, depth + 1);
    if (p < 0) return -1;
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
    const byte = b[p++];
    if (byte === CLOSE_BRACE) return p;
    if (byte !== COMMA) return -1;
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
  }
}

function skipArray(b: Uint8Array, start: number, depth: number): number {
  if (depth > depthMax) return -1;
  let p = start + 1;
  if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
  if (b[p] === CLOSE_BRACKET) return p + 1;
  for (;;) {
    p = skipValue(b, p, depth + 1);
    if (p < 0) return -1;
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
    const byte = b[p++];
    if (byte === CLOSE_BRACKET) return p;
    if (byte !== COMMA) return -1;
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
  }
}
