/**
 * Where the events of an accepted body stand, field by field, without building a value: what was
 * sent is passed on as it was sent. Only for bodies that `decodeBody` or `scanBody` has judged,
 * because nothing is checked here again.
 *
 * Of keys that are repeated the last one counts, as it does for JSON.parse. The shape of an event
 * (its keys, and of which kind each value is) becomes a hash, so that a reader who has looked at
 * one event of a shape need not look at the next. Objects that have a key twice are told, because
 * not every engine lets the last one count.
 */
import { randomInt } from 'node:crypto';
import { assert } from '../base/assert.ts';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  isEqual,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
  SPACE,
} from './json-bytes.ts';
import type { Route } from './routes.ts';

/** Fields of an event that have a column of their own. */
export const FIELDS = [
  'type',
  'event',
  'name',
  'category',
  'userId',
  'anonymousId',
  'groupId',
  'previousId',
  'messageId',
  'timestamp',
  'originalTimestamp',
  'sentAt',
  'channel',
  'properties',
  'traits',
  'context',
  'integrations',
  '_metadata',
] as const;
export type FieldName = (typeof FIELDS)[number];

/** Index of each field. */
export const FIELD = Object.fromEntries(FIELDS.map((name, at) => [name, at])) as Record<
  FieldName,
  number
>;
export const FIELD_COUNT = FIELDS.length;

/** What is the transport's business, or set by Millrace whatever was sent. */
const LEFT_OUT = ['writeKey', 'receivedAt', 'version'] as const;
const LEFT_OUT_FIELD = FIELD_COUNT;
const BATCH_FIELD = FIELD_COUNT + 1;
const UNKNOWN_FIELD = -1;

/** What an event's context holds; bits of `contextKeys`. */
export const CONTEXT_IP = 1;
export const CONTEXT_GROUP_ID = 2;
export const CONTEXT_DIRECT = 4;
export const CONTEXT_USER_AGENT = 8;

/** A key and its value that have no column of their own. */
export interface ExtraField {
  item: number;
  /** With its quotes. */
  keyStart: number;
  keyEnd: number;
  start: number;
  end: number;
}

/** The events of one body; reused from body to body. */
export interface RawItems {
  count: number;
  /** Field `f` of event `n` is `[starts[n * FIELD_COUNT + f], ends[…])`; absent: -1. */
  starts: Int32Array;
  ends: Int32Array;
  /** Fields of the batch itself; all absent for a single event. */
  shared: { starts: Int32Array; ends: Int32Array };
  /** Which keys the event's own context has. */
  contextKeys: Uint8Array;
  /** Two independent hashes of the shape of properties, traits and context. */
  shapeHigh: Int32Array;
  shapeLow: Int32Array;
  /** 1: an object anywhere in the event's documents may have a key twice; 0: none has. */
  repeats: Uint8Array;
  /** The same of the batch's own documents. */
  sharedRepeats: boolean;
  extras: ExtraField[];
}

export function createRawItems(): RawItems {
  return {
    count: 0,
    ...roomFor(256),
    shared: { starts: new Int32Array(FIELD_COUNT), ends: new Int32Array(FIELD_COUNT) },
    sharedRepeats: false,
    extras: [],
  };
}

function roomFor(
  items: number,
): Pick<RawItems, 'starts' | 'ends' | 'contextKeys' | 'shapeHigh' | 'shapeLow' | 'repeats'> {
  return {
    starts: new Int32Array(items * FIELD_COUNT),
    ends: new Int32Array(items * FIELD_COUNT),
    contextKeys: new Uint8Array(items),
    shapeHigh: new Int32Array(items),
    shapeLow: new Int32Array(items),
    repeats: new Uint8Array(items),
  };
}

const CONTEXT_BIT: Record<string, number> = {
  ip: CONTEXT_IP,
  groupId: CONTEXT_GROUP_ID,
  direct: CONTEXT_DIRECT,
  userAgent: CONTEXT_USER_AGENT,
};
const CONTEXT_KEYS = Object.entries(CONTEXT_BIT).map(([key, bit]) => ({
  bytes: Buffer.from(key),
  bit,
}));

/** Candidates by length and first byte; the rest is compared. */
const BY_SHAPE: { bytes: Uint8Array; field: number }[][] = [];
const FIELD_BY_NAME = new Map<string, number>([
  ...FIELDS.map((name, at) => [name, at] as const),
  ...LEFT_OUT.map((name) => [name, LEFT_OUT_FIELD] as const),
  ['batch', BATCH_FIELD],
]);
for (const [name, field] of FIELD_BY_NAME) {
  const bytes = Buffer.from(name);
  (BY_SHAPE[bytes.length * 256 + (bytes[0] ?? 0)] ??= []).push({ bytes, field });
}
const KEY_CHARS_MAX = Math.max(...[...FIELD_BY_NAME.keys()].map((name) => name.length));

/** Deeper than any configured limit; what is below counts as one shape. */
const SHAPE_DEPTH_MAX = 256;

// One body is read at a time in a thread. The hashes are in an array because a variable that holds
// more than 31 bits is a new number on the heap each time it changes.
const hash = new Int32Array(2);
let contextBits = 0;
/** Hashes of the last key, by different functions. */
let keyHigh = 0;
let keyLow = 0;
/** Keys of the objects around the current place, innermost last. */
const keyStack = new Int32Array(8_192);
let keyTop = 0;
let mayRepeat = 0;
/** Set by `endOfContainer` when there is an object in it. */
let containsObject = false;

/** Of an object, so many keys are compared one by one. */
const KEYS_COMPARED = 32;
// Nobody outside can make up two keys that are taken for one.
const SEED_HIGH = randomInt(2 ** 32) | 0;
const SEED_LOW = randomInt(2 ** 32) | 0;

/** What was read, for itself: the original may be used for the next body. */
export function copyRawItems(items: RawItems): RawItems {
  const { count, shared, extras } = items;
  return {
    count,
    starts: items.starts.slice(0, count * FIELD_COUNT),
    ends: items.ends.slice(0, count * FIELD_COUNT),
    shared: { starts: shared.starts.slice(), ends: shared.ends.slice() },
    contextKeys: items.contextKeys.slice(0, count),
    shapeHigh: items.shapeHigh.slice(0, count),
    shapeLow: items.shapeLow.slice(0, count),
    repeats: items.repeats.slice(0, count),
    sharedRepeats: items.sharedRepeats,
    extras: [...extras],
  };
}

/**
 * @param body valid JSON with an object at its top; a byte order mark is stepped over.
 * @param skipped events that are not looked into: they were refused, and may be anything.
 */
export function readRawItems(
  body: Uint8Array,
  shape: Route['shape'],
  skipped: ReadonlySet<number>,
  items: RawItems,
): void {
  items.count = 0;
  items.extras.length = 0;
  items.shared.starts.fill(-1);
  items.sharedRepeats = false;
  const start = body.indexOf(OPEN_BRACE);
  if (shape === 'batch') readBatch(body, start, skipped, items);
  else addItem(body, start, skipped, items);
}

function readBatch(
  b: Uint8Array,
  start: number,
  skipped: ReadonlySet<number>,
  items: RawItems,
): void {
  let p = skipSpace(b, start + 1);
  while (b[p] === QUOTE) {
    const keyEnd = endOfString(b, p + 1);
    const field = fieldAt(b, p, keyEnd);
    p = valueAfter(b, keyEnd);
    const valueStart = p;
    if (field === BATCH_FIELD && b[p] === OPEN_BRACKET) {
      p = readItems(b, p, skipped, items);
    } else {
      mayRepeat = 0;
      p = endOfDocument(b, p);
      if (mayRepeat === 1) items.sharedRepeats = true;
    }
    if (field >= 0 && field < FIELD_COUNT) {
      items.shared.starts[field] = valueStart;
      items.shared.ends[field] = p;
    }
    p = skipSpace(b, p);
    if (b[p] !== COMMA) return;
    p = skipSpace(b, p + 1);
  }
}

/** The items of the array; of several arrays the last one counts. */
function readItems(
  b: Uint8Array,
  start: number,
  skipped: ReadonlySet<number>,
  items: RawItems,
): number {
  items.count = 0;
  items.extras.length = 0;
  let p = skipSpace(b, start + 1);
  if (b[p] === CLOSE_BRACKET) return p + 1;
  for (;;) {
    p = skipSpace(b, addItem(b, p, skipped, items));
    if (b[p] !== COMMA) return p + 1;
    p = skipSpace(b, p + 1);
  }
}

function addItem(
  b: Uint8Array,
  start: number,
  skipped: ReadonlySet<number>,
  items: RawItems,
): number {
  const item = items.count++;
  if (item >= items.contextKeys.length) grow(items);
  items.starts.fill(-1, item * FIELD_COUNT, (item + 1) * FIELD_COUNT);
  items.repeats[item] = 0;
  if (b[start] !== OPEN_BRACE || skipped.has(item)) return endOfValue(b, start);
  hash[0] = SEED_HIGH;
  hash[1] = SEED_LOW;
  keyTop = 0;
  mayRepeat = 0;
  contextBits = 0;
  const end = readFields(b, start, item, items);
  items.contextKeys[item] = contextBits;
  items.shapeHigh[item] = hash[0] as number;
  items.shapeLow[item] = hash[1] as number;
  items.repeats[item] = mayRepeat;
  return end;
}

function readFields(b: Uint8Array, start: number, item: number, items: RawItems): number {
  const { starts, ends } = items;
  const base = item * FIELD_COUNT;
  let p = skipSpace(b, start + 1);
  while (b[p] === QUOTE) {
    const keyStart = p;
    const keyEnd = endOfString(b, p + 1);
    const field = fieldAt(b, keyStart, keyEnd);
    p = valueAfter(b, keyEnd);
    const valueStart = p;
    if (b[p] === OPEN_BRACE && field >= FIELD.properties && field <= FIELD.context) {
      mix(field);
      p = field === FIELD.context ? shapeOfContext(b, p) : shapeOfObject(b, p, 1);
    } else {
      p = endOfDocument(b, p);
    }
    if (field >= 0 && field < FIELD_COUNT) {
      starts[base + field] = valueStart;
      ends[base + field] = p;
    } else if (field === UNKNOWN_FIELD || field === BATCH_FIELD) {
      items.extras.push({ item, keyStart, keyEnd, start: valueStart, end: p });
    }
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
    if (b[p++] !== COMMA) return p;
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
  }
  return p + 1;
}

function grow(items: RawItems): void {
  const larger = roomFor(items.contextKeys.length * 2);
  larger.starts.set(items.starts);
  larger.ends.set(items.ends);
  larger.contextKeys.set(items.contextKeys);
  larger.shapeHigh.set(items.shapeHigh);
  larger.shapeLow.set(items.shapeLow);
  larger.repeats.set(items.repeats);
  Object.assign(items, larger);
}

/** @param start,end of a key with its quotes. */
function fieldAt(b: Uint8Array, start: number, end: number): number {
  const length = end - start - 2;
  if (length <= KEY_CHARS_MAX) {
    const candidates = BY_SHAPE[length * 256 + (b[start + 1] as number)];
    if (candidates !== undefined) {
      for (const { bytes, field } of candidates) if (isEqual(b, start + 1, bytes)) return field;
    }
  }
  // An escaped key may mean a known one.
  for (let p = start + 1; p < end - 1; p++) {
    if (b[p] !== BACKSLASH) continue;
    return FIELD_BY_NAME.get(stringAt(b, start, end)) ?? UNKNOWN_FIELD;
  }
  return UNKNOWN_FIELD;
}

/** The text of a JSON string; `start` and `end` include its quotes. */
export function stringAt(b: Uint8Array, start: number, end: number): string {
  const text = Buffer.from(b.buffer, b.byteOffset + start, end - start).toString('utf8');
  return JSON.parse(text) as string;
}

function mix(word: number): void {
  hash[0] = Math.imul((hash[0] as number) ^ word, 0x01000193);
  hash[1] = (Math.imul(hash[1] as number, 0x2c9277b5) + word) | 0;
}

function shapeOfContext(b: Uint8Array, start: number): number {
  // Of repeated contexts the last one counts.
  contextBits = 0;
  let p = skipSpace(b, start + 1);
  if (b[p] === CLOSE_BRACE) return p + 1;
  const outer = keyTop;
  let wide: Set<number> | undefined;
  for (;;) {
    const keyStart = p;
    const keyEnd = mixKey(b, p);
    wide = noteKey(outer, wide);
    contextBits |= contextBitOf(b, keyStart, keyEnd);
    p = shapeOfValue(b, valueAfter(b, keyEnd), 2);
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
    if (b[p++] !== COMMA) break;
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
  }
  keyTop = outer;
  return p;
}

function contextBitOf(b: Uint8Array, start: number, end: number): number {
  const length = end - start - 2;
  if (length <= 9) {
    for (const { bytes, bit } of CONTEXT_KEYS) {
      if (bytes.length === length && isEqual(b, start + 1, bytes)) return bit;
    }
  }
  for (let p = start + 1; p < end - 1; p++) {
    if (b[p] === BACKSLASH) return CONTEXT_BIT[stringAt(b, start, end)] ?? 0;
  }
  return 0;
}

function shapeOfObject(b: Uint8Array, start: number, depth: number): number {
  let p = start + 1;
  if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
  if (b[p] === CLOSE_BRACE) {
    mix(CLOSE_BRACE);
    return p + 1;
  }
  const outer = keyTop;
  let wide: Set<number> | undefined;
  for (;;) {
    const keyEnd = mixKey(b, p);
    wide = noteKey(outer, wide);
    p = shapeOfValue(b, valueAfter(b, keyEnd), depth + 1);
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
    if (b[p++] !== COMMA) break;
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
  }
  mix(CLOSE_BRACE);
  keyTop = outer;
  return p;
}

/** Steps over a key and takes it into the hash. */
function mixKey(b: Uint8Array, start: number): number {
  const p = readKey(b, start);
  hash[0] = Math.imul((hash[0] as number) ^ keyHigh, 0x01000193);
  hash[1] = (Math.imul(hash[1] as number, 0x2c9277b5) + keyLow) | 0;
  return p;
}

/** Steps over a key. */
function readKey(b: Uint8Array, start: number): number {
  let p = start + 1;
  let high = SEED_HIGH;
  let low = SEED_LOW;
  for (let byte = b[p++] as number; byte !== QUOTE; byte = b[p++] as number) {
    high = Math.imul(high ^ byte, 0x01000193);
    low = Math.imul(low, 0x5bd1e995) ^ byte;
    if (byte > QUOTE && byte !== BACKSLASH) continue;
    assert(p < b.length, 'a key ends inside the body');
    if (byte !== BACKSLASH) continue;
    // What is behind a backslash ends no key; and the same key may be written in another way.
    const escaped = b[p++] as number;
    high = Math.imul(high ^ escaped, 0x01000193);
    low = Math.imul(low, 0x5bd1e995) ^ escaped;
    mayRepeat = 1;
  }
  keyHigh = high;
  keyLow = low;
  return p;
}

/**
 * Compares the last key with those before it in its object.
 * @param outer keys of the objects around it.
 * @param wide all keys of an object that has many.
 */
function noteKey(outer: number, wide: Set<number> | undefined): Set<number> | undefined {
  if (wide !== undefined) {
    if (wide.has(keyHigh)) mayRepeat = 1;
    wide.add(keyHigh);
    return wide;
  }
  for (let at = outer; at < keyTop; at++) if (keyStack[at] === keyHigh) mayRepeat = 1;
  if (keyTop - outer >= KEYS_COMPARED || keyTop === keyStack.length) {
    return new Set([...keyStack.subarray(outer, keyTop), keyHigh]);
  }
  keyStack[keyTop++] = keyHigh;
  return undefined;
}

/** The place behind a value whose shape says nothing; looks for repeated keys. */
function endOfDocument(b: Uint8Array, start: number): number {
  const byte = b[start];
  if (byte !== OPEN_BRACE && byte !== OPEN_BRACKET) return endOfValue(b, start);
  containsObject = false;
  const end = endOfContainer(b, start);
  // An object of no members, and most arrays.
  if (!containsObject || end - start === 2) return end;
  return endOfChecked(b, start, 0);
}

function endOfChecked(b: Uint8Array, start: number, depth: number): number {
  const byte = b[start];
  if (byte !== OPEN_BRACE && byte !== OPEN_BRACKET) return endOfValue(b, start);
  if (depth > SHAPE_DEPTH_MAX) {
    mayRepeat = 1;
    return endOfContainer(b, start);
  }
  let p = skipSpace(b, start + 1);
  if (b[p] === CLOSE_BRACE || b[p] === CLOSE_BRACKET) return p + 1;
  const outer = keyTop;
  let wide: Set<number> | undefined;
  for (;;) {
    if (byte === OPEN_BRACE) {
      const keyEnd = readKey(b, p);
      wide = noteKey(outer, wide);
      p = valueAfter(b, keyEnd);
    }
    p = skipSpace(b, endOfChecked(b, p, depth + 1));
    if (b[p++] !== COMMA) break;
    p = skipSpace(b, p);
  }
  keyTop = outer;
  return p;
}

// Kinds of values as the hash takes them.
const KIND_STRING = 1;
const KIND_INTEGER = 2;
const KIND_FLOAT = 3;
const KIND_BOOLEAN = 4;
const KIND_NULL = 5;
const KIND_ARRAY = 6;
const KIND_OBJECT = 7;

function shapeOfValue(b: Uint8Array, start: number, depth: number): number {
  switch (b[start]) {
    case QUOTE:
      mix(KIND_STRING);
      return endOfString(b, start + 1);
    case OPEN_BRACE:
      mix(KIND_OBJECT);
      if (depth > SHAPE_DEPTH_MAX) return endOfChecked(b, start, depth);
      return shapeOfObject(b, start, depth);
    case OPEN_BRACKET:
      mix(KIND_ARRAY);
      return endOfDocument(b, start);
    case 0x6e:
      mix(KIND_NULL);
      return start + 4;
    case 0x74:
      mix(KIND_BOOLEAN);
      return start + 4;
    case 0x66:
      mix(KIND_BOOLEAN);
      return start + 5;
    default: {
      const end = endOfWord(b, start);
      mix(kindOfNumber(b, start, end));
      return end;
    }
  }
}

/** Digits that no double changes. */
const SAFE_DIGITS = 15;
/** Doubles closer to zero than this are whole numbers that a BIGINT can hold. */
const INTEGER_END = 2 ** 63;

/** By value, as the schema sees it: 1.0 and 1e2 are integers. */
function kindOfNumber(b: Uint8Array, start: number, end: number): number {
  if (end - start <= SAFE_DIGITS) {
    let isFraction = false;
    let isExact = true;
    for (let p = start; p < end; p++) {
      const byte = b[p] as number;
      if (byte === 0x2e) isFraction = true;
      else if (byte > 0x39) isExact = false;
      else if (isFraction && byte > 0x30 && isExact) isExact = hasNoExponent(b, p, end);
      if (!isExact) break;
      if (isFraction && byte > 0x30) return KIND_FLOAT;
    }
    if (isExact && !isFraction) return KIND_INTEGER;
  }
  const value = Number(Buffer.from(b.buffer, b.byteOffset + start, end - start).toString('latin1'));
  if (!Number.isFinite(value)) return KIND_NULL;
  return Number.isInteger(value) && Math.abs(value) < INTEGER_END ? KIND_INTEGER : KIND_FLOAT;
}

function hasNoExponent(b: Uint8Array, start: number, end: number): boolean {
  for (let p = start; p < end; p++) if ((b[p] as number) > 0x39) return false;
  return true;
}

function valueAfter(b: Uint8Array, keyEnd: number): number {
  let p = keyEnd;
  if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
  p++;
  return (b[p] as number) <= SPACE ? skipSpace(b, p) : p;
}

/** The place behind any value. */
export function endOfValue(b: Uint8Array, start: number): number {
  const byte = b[start];
  if (byte === QUOTE) return endOfString(b, start + 1);
  if (byte === OPEN_BRACE || byte === OPEN_BRACKET) return endOfContainer(b, start);
  return endOfWord(b, start);
}

/** Behind a number, true, false or null. */
function endOfWord(b: Uint8Array, start: number): number {
  let p = start;
  for (;;) {
    const byte = b[p] as number;
    if (!(byte > SPACE) || byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      return p;
    }
    p++;
  }
}

/** @param start the byte behind the opening quote. */
function endOfString(b: Uint8Array, start: number): number {
  let p = start;
  for (;;) {
    let byte = b[p] as number;
    while (byte > QUOTE && byte !== BACKSLASH) byte = b[++p] as number;
    if (byte === QUOTE) return p + 1;
    p += byte === BACKSLASH ? 2 : 1;
    assert(p < b.length, 'a string ends inside the body');
  }
}

/** Not recursive: what was refused may be nested to any depth. */
function endOfContainer(b: Uint8Array, start: number): number {
  let depth = 0;
  let p = start;
  for (;;) {
    let byte = b[p++] as number;
    while (byte > QUOTE && byte < OPEN_BRACKET) byte = b[p++] as number;
    if (byte === QUOTE) {
      p = endOfString(b, p);
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (byte === OPEN_BRACE) containsObject = true;
      depth++;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (--depth === 0) return p;
    }
    assert(p <= b.length, 'a value ends inside the body');
  }
}
