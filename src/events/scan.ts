/**
 * Judges a body by its bytes, without building a value: twice as fast as parsing, and most traffic
 * needs no more. It only ever says yes: true means that the body is valid JSON, that `decodeBody`
 * would accept every event in it, and that it would find the same event count and write key. In
 * any doubt (an escaped key, a repeated key, a consent object) it says no, and `decodeBody`
 * decides. What is read in another way than it was sent is counted as `repairEvent` counts it. A
 * property test holds the two together.
 */
import {
  afterColon,
  beginsNumber,
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
import { EMPTY_LIST, EMPTY_TEXT, NUMBER_ID, UNREADABLE_TIMESTAMP } from './repairs.ts';
import { EVENT_TYPES } from './routes.ts';
import type { EventType, Route } from './routes.ts';
import { BIT, keyBit, MAY_BE_EMPTY } from './scan-keys.ts';
import { growScanResult, noteRules, noteShared } from './scan-result.ts';
import type { ScanResult } from './scan-result.ts';
import { timeOfJson } from './timestamp.ts';

const TYPE_BYTES = EVENT_TYPES.map((type) => ({ type, bytes: Buffer.from(type) }));

// What a scan counts besides its position; one scan runs at a time in a thread.
let keysLeft = 0;
let depthMax = 0;
let seenType: EventType | undefined;
let itemHasWriteKey = false;
let idStart = -1;
let idEnd = -1;
/** Rules that the event needs, and those that its batch brings. */
let rules = 0;
let sharedRules = 0;

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
  bytes: Buffer,
  shape: Route['shape'],
  limits: EventLimits,
  routeType: EventType | undefined,
  result: ScanResult,
): boolean {
  depthMax = limits.depthMax;
  result.writeKeyStart = -1;
  result.writeKeyEnd = -1;
  result.eventCount = 1;
  if (result.isRepaired) result.repaired.fill(0);
  result.isRepaired = false;
  const start = skipSpace(bytes, 0);
  const end =
    shape === 'event'
      ? scanItem(bytes, start, limits, routeType, 0, result)
      : scanBatch(bytes, start, limits, result);
  return end > 0 && skipSpace(bytes, end) === bytes.length;
}

/** `{ "batch": [ event, … ], "writeKey": …, "context": …, … }` */
function scanBatch(b: Buffer, start: number, limits: EventLimits, result: ScanResult): number {
  if (b[start] !== OPEN_BRACE) return -1;
  let p = skipSpace(b, start + 1);
  let seen = 0;
  let keysOfItems = 0;
  let keysShared = 0;
  let itemsHaveKey = false;
  sharedRules = 0;
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
  if (sharedRules !== 0) noteShared(result, sharedRules);
  return keysOfItems + keysShared <= limits.keysMax ? p : -1;
}

function scanShared(b: Uint8Array, p: number, bit: number, result: ScanResult): number {
  if (b[p] === LETTER_N) return skipValue(b, p, 2);
  if (bit === BIT.writeKey) return scanWriteKey(b, p, result);
  if (bit !== BIT.context && bit !== BIT.integrations) return skipValue(b, p, 2);
  if (b[p] === OPEN_BRACKET) {
    sharedRules = EMPTY_LIST;
    return scanEmptyList(b, p);
  }
  if (bit === BIT.context) return scanContext(b, p, 2);
  return b[p] === OPEN_BRACE ? skipValue(b, p, 2) : -1;
}

/** The largest number of keys of an item of the last `scanItems`. */
let mostItemKeys = 0;

function scanItems(b: Buffer, start: number, limits: EventLimits, result: ScanResult): number {
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
  b: Buffer,
  start: number,
  limits: EventLimits,
  routeType: EventType | undefined,
  item: number,
  result: ScanResult,
): number {
  idStart = -1;
  rules = 0;
  const end = scanEvent(b, start, limits, routeType, routeType === undefined, result);
  if (end < 0) return -1;
  if (item >= result.types.length) growScanResult(result);
  result.idStarts[item] = idStart;
  result.idEnds[item] = idEnd;
  result.types[item] = EVENT_TYPES.indexOf(routeType ?? seenType ?? 'track');
  if (rules !== 0) noteRules(result, rules);
  return end;
}

const NEEDED_ID = BIT.userId | BIT.anonymousId;
function scanEvent(
  b: Buffer,
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
    } else if (b[p] === QUOTE && b[p + 1] === QUOTE && (bit & MAY_BE_EMPTY) !== 0) {
      rules |= EMPTY_TEXT;
      p += 2;
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
  // A group may be named by its context too, which is not looked into here.
  if (type === 'group') return (present & BIT.groupId) !== 0;
  if (type === 'alias') return (present & BIT.previousId) !== 0;
  return (present & NEEDED_ID) !== 0;
}

/** The value of a known key, which does not begin as null does. */
function scanKnown(
  b: Buffer,
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
      return b[p] === QUOTE ? endOfString(b, p + 1) : scanNumberId(b, p);
    case BIT.event:
    case BIT.name:
    case BIT.category:
      return b[p] === QUOTE ? endOfString(b, p + 1) : -1;
    case BIT.properties:
    case BIT.traits:
      return scanFields(b, p, limits.propertiesMax);
    case BIT.context:
      return b[p] === OPEN_BRACKET ? scanEmptyList(b, p) : scanContext(b, p, 2);
    case BIT.integrations:
      if (b[p] === OPEN_BRACKET) return scanEmptyList(b, p);
      return b[p] === OPEN_BRACE ? skipValue(b, p, 2) : -1;
    case BIT.type:
      return scanType(b, p, routeType);
    case BIT.messageId:
      return scanMessageId(b, p, limits.messageIdCharsMax);
    case BIT.timestamp:
      return scanTime(b, p);
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
  const isText = b[p] === QUOTE;
  const end = isText ? endOfString(b, p + 1) : scanNumberId(b, p);
  idStart = isText ? p + 1 : p;
  idEnd = isText ? end - 1 : end;
  return idEnd - idStart <= charsMax ? end : -1;
}

/** An id that is no text. */
function scanNumberId(b: Uint8Array, p: number): number {
  if (!beginsNumber(b[p])) return -1;
  rules |= NUMBER_ID;
  return skipNumber(b, p);
}

/** `[]` where an object is meant; anything in it is refused. */
function scanEmptyList(b: Uint8Array, start: number): number {
  const p = skipSpace(b, start + 1);
  if (b[p] !== CLOSE_BRACKET || depthMax < 2) return -1;
  rules |= EMPTY_LIST;
  return p + 1;
}

/** A time of any form: what cannot be read costs no event. */
function scanTime(b: Buffer, start: number): number {
  const usual = scanTimestamp(b, start);
  if (usual >= 0) return usual;
  const end = skipValue(b, start, 2);
  if (end >= 0 && timeOfJson(b, start, end) === null) rules |= UNREADABLE_TIMESTAMP;
  return end;
}

/** `properties` or `traits`: an object whose own keys are counted. */
function scanFields(b: Uint8Array, p: number, fieldsMax: number): number {
  if (b[p] === OPEN_BRACKET) return scanEmptyList(b, p);
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
