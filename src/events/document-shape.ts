/**
 * The shape of an event's documents (keys, and of which kind each value is) as a hash, so that a
 * reader who has looked at one event of a shape need not look at the next. On the way objects are
 * found that have a key twice, because not every engine lets the last one count.
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
import { columnNumber, isKeptBySql } from './number-kinds.ts';
import {
  endOfContainer,
  endOfString,
  endOfValue,
  endOfWord,
  stringAt,
  valueAfter,
} from './json-values.ts';

/** What an event's context holds; bits of `contextKeys`. */
export const CONTEXT_IP = 1;
export const CONTEXT_GROUP_ID = 2;
export const CONTEXT_DIRECT = 4;
export const CONTEXT_USER_AGENT = 8;
export const CONTEXT_TRAITS = 16;

const CONTEXT_BIT: Record<string, number> = {
  ip: CONTEXT_IP,
  groupId: CONTEXT_GROUP_ID,
  direct: CONTEXT_DIRECT,
  userAgent: CONTEXT_USER_AGENT,
  traits: CONTEXT_TRAITS,
};
const CONTEXT_KEYS = Object.entries(CONTEXT_BIT).map(([key, bit]) => ({
  bytes: Buffer.from(key),
  bit,
}));

/** Deeper than any configured limit; what is below counts as one shape. */
const SHAPE_DEPTH_MAX = 256;

// One body is read at a time in a thread. The hashes are in an array because a variable that holds
// more than 31 bits is a new number on the heap each time it changes.
const hash = new Int32Array(4);
const HIGH = 0;
const LOW = 1;
/** Of the last key. */
const KEY = 2;
/** Where all begin; another one in each thread, so that nobody can make up keys of one hash. */
const SEED = 3;
hash[SEED] = randomInt(2 ** 32);
let contextKeys = 0;
let mayRepeat = false;
let hasOddNumbers = false;
/** Keys of the objects around the current place, innermost last. */
const keyStack = new Int32Array(8_192);
let keyTop = 0;

/** Of an object, so many keys are compared one by one. */
const KEYS_COMPARED = 32;

/** Before the documents of an event. */
export function beginShape(): void {
  hash[HIGH] = hash[SEED] as number;
  hash[LOW] = hash[SEED] as number;
  keyTop = 0;
  mayRepeat = false;
  contextKeys = 0;
}

/** Two independent hashes of all documents since `beginShape`. */
export function shapeHigh(): number {
  return hash[HIGH] as number;
}

export function shapeLow(): number {
  return hash[LOW] as number;
}

/** True when an object since `beginShape` may have a key twice; false: none has. */
export function hasRepeats(): boolean {
  return mayRepeat;
}

/** Bits of the last context. */
export function contextKeysSeen(): number {
  return contextKeys;
}

/** Takes a word into the hashes. */
export function mix(word: number): void {
  hash[HIGH] = Math.imul((hash[HIGH] as number) ^ word, 0x01000193);
  hash[LOW] = (Math.imul(hash[LOW] as number, 0x2c9277b5) + word) | 0;
}

/** The place behind a context; its members are of the event's shape. */
export function shapeOfContext(b: Uint8Array, start: number): number {
  // Of repeated contexts the last one counts.
  contextKeys = 0;
  let p = skipSpace(b, start + 1);
  if (b[p] === CLOSE_BRACE) return p + 1;
  const outer = keyTop;
  let wide: Set<number> | undefined;
  for (;;) {
    const keyStart = p;
    const keyEnd = mixKey(b, p);
    wide = noteKey(outer, wide);
    contextKeys |= contextBitOf(b, keyStart, keyEnd);
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

/** The place behind an object whose members are of the event's shape. */
export function shapeOfObject(b: Uint8Array, start: number, depth: number): number {
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
  hash[HIGH] = Math.imul((hash[HIGH] as number) ^ (hash[KEY] as number), 0x01000193);
  hash[LOW] = (Math.imul(hash[LOW] as number, 0x2c9277b5) + (hash[KEY] as number)) | 0;
  return p;
}

/** Steps over a key. */
function readKey(b: Uint8Array, start: number): number {
  let p = start + 1;
  let key = hash[SEED] as number;
  for (let byte = b[p++] as number; byte !== QUOTE; byte = b[p++] as number) {
    key = Math.imul(key ^ byte, 0x01000193);
    if (byte > QUOTE && byte !== BACKSLASH) continue;
    assert(p < b.length, 'a key ends inside the body');
    if (byte !== BACKSLASH) continue;
    // What is behind a backslash ends no key; and the same key may be written in another way.
    key = Math.imul(key ^ (b[p++] as number), 0x01000193);
    mayRepeat = true;
  }
  hash[KEY] = key;
  return p;
}

/**
 * Compares the last key with those before it in its object.
 * @param outer keys of the objects around it.
 * @param wide all keys of an object that has many.
 */
function noteKey(outer: number, wide: Set<number> | undefined): Set<number> | undefined {
  const key = hash[KEY] as number;
  if (wide !== undefined) {
    if (wide.has(key)) mayRepeat = true;
    wide.add(key);
    return wide;
  }
  for (let at = outer; at < keyTop; at++) if (keyStack[at] === key) mayRepeat = true;
  if (keyTop - outer >= KEYS_COMPARED || keyTop === keyStack.length) {
    return new Set([...keyStack.subarray(outer, keyTop), key]);
  }
  keyStack[keyTop++] = key;
  return undefined;
}

/** The place behind a value whose shape says nothing; looks for repeated keys. */
export function endOfDocument(b: Uint8Array, start: number): number {
  const byte = b[start];
  if (byte !== OPEN_BRACE && byte !== OPEN_BRACKET) return endOfValue(b, start);
  return endOfChecked(b, start, 0);
}

/** @param start of an object or array. */
function endOfChecked(b: Uint8Array, start: number, depth: number): number {
  if (depth > SHAPE_DEPTH_MAX) {
    mayRepeat = true;
    return endOfContainer(b, start);
  }
  const isObject = b[start] === OPEN_BRACE;
  const outer = keyTop;
  let wide: Set<number> | undefined;
  let p = skipSpace(b, start + 1);
  if (b[p] === CLOSE_BRACE || b[p] === CLOSE_BRACKET) return p + 1;
  for (;;) {
    if (isObject) {
      const keyEnd = readKey(b, p);
      wide = noteKey(outer, wide);
      p = valueAfter(b, keyEnd);
    }
    const byte = b[p] as number;
    if (byte === QUOTE) p = endOfString(b, p + 1);
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) p = endOfChecked(b, p, depth + 1);
    else {
      const end = endOfWord(b, p);
      if (!hasOddNumbers) hasOddNumbers = isOddNumber(b, p, end);
      p = end;
    }
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
    if (b[p++] !== COMMA) break;
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
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
/** Numbers that SQL prints in another way than they were sent, and arrays that hold some. */
const KIND_ODD_NUMBER = 8;
const KIND_ODD_ARRAY = 9;

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
      return shapeOfArray(b, start);
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

function shapeOfArray(b: Uint8Array, start: number): number {
  hasOddNumbers = false;
  const end = endOfDocument(b, start);
  mix(hasOddNumbers ? KIND_ODD_ARRAY : KIND_ARRAY);
  return end;
}

/** Of one in an array: more digits than a double has, an exponent, or a 0 behind a fraction. */
function isOddNumber(b: Uint8Array, start: number, end: number): boolean {
  if (end - start > SAFE_DIGITS) return true;
  let isFraction = false;
  for (let p = start; p < end; p++) {
    const byte = b[p] as number;
    if (byte === POINT) isFraction = true;
    // The words true, false and null have no digits.
    else if (byte > 0x39) return (b[start] as number) <= 0x39;
  }
  if (b[start] === MINUS && b[start + 1] === ZERO) return true;
  return isFraction && (b[end - 1] === ZERO || b[start] === ZERO);
}

/** Digits that no double changes. */
const SAFE_DIGITS = 15;
/** So many digits always fit 64 bits. */
const INT64_DIGITS = 18;
const POINT = 0x2e;
const ZERO = 0x30;
const MINUS = 0x2d;

/** By value, as the schema sees it: 1.0 and 1e2 are integers. */
function kindOfNumber(b: Uint8Array, start: number, end: number): number {
  if (end - start <= SAFE_DIGITS) {
    let isFraction = false;
    let isExact = true;
    for (let p = start; p < end; p++) {
      const byte = b[p] as number;
      if (byte === POINT) isFraction = true;
      else if (byte > 0x39) isExact = false;
      else if (isFraction && byte > 0x30 && isExact) isExact = hasNoExponent(b, p, end);
      if (!isExact) break;
      if (isFraction && byte > 0x30) return KIND_FLOAT;
    }
    if (isExact && !isFraction) return KIND_INTEGER;
  }
  // Ids of many digits are in every event of some senders, and so are fractions as doubles print.
  if (end - start <= INT64_DIGITS && hasDigitsAlone(b, start, end)) return KIND_INTEGER;
  const text = Buffer.from(b.buffer, b.byteOffset + start, end - start).toString('latin1');
  const double = Number(text);
  if (!Number.isInteger(double) && String(double) === text) return KIND_FLOAT;
  if (!isKeptBySql(text)) return KIND_ODD_NUMBER;
  return columnNumber(text).type === 'integer' ? KIND_INTEGER : KIND_FLOAT;
}

function hasDigitsAlone(b: Uint8Array, start: number, end: number): boolean {
  for (let p = start; p < end; p++)
    if ((b[p] as number) < ZERO || (b[p] as number) > 0x39) return false;
  return true;
}

function hasNoExponent(b: Uint8Array, start: number, end: number): boolean {
  for (let p = start; p < end; p++) if ((b[p] as number) > 0x39) return false;
  return true;
}
