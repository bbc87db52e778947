/**
 * JSON as values of which no number changes: one that JavaScript would print in another way than it
 * was sent (`675127116845989888`, `1.10`, `1e400`, `-0`) is raw JSON, an object that has its text
 * and that `JSON.stringify` writes as that text. All others are numbers.
 */
import { isObject } from './json.ts';
import { beginsNumber, QUOTE } from './json-bytes.ts';
import { endOfString, endOfWord } from './json-values.ts';

/** What the engine makes of a number's text (TC39, JSON.parse source text access). */
export interface RawNumber {
  readonly rawJSON: string;
}

/** What the compiler does not know of yet. */
interface RawJson {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): boolean;
}
const rawJson = JSON as unknown as RawJson;

export function isRawNumber(value: unknown): value is RawNumber {
  return isObject(value) && rawJson.isRawJSON(value);
}

/** The text of a number: as it was sent if it is raw, else as JavaScript prints it. */
export function textOfNumber(value: number | RawNumber): string {
  return typeof value === 'number' ? String(value) : value.rawJSON;
}

/** @param json the UTF-8 of valid JSON. */
export function parseExact(json: Uint8Array): unknown {
  const text = Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8');
  if (!hasOddNumber(json)) return JSON.parse(text) as unknown;
  // A reviver costs several times as much, and most events need none.
  return JSON.parse(text, reviveExactly) as unknown;
}

function reviveExactly(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined || String(value) === source) return value;
  return rawJson.rawJSON(source);
}

/** Digits and a point that JavaScript prints as they are. */
const SAFE_CHARS = 15;
const POINT = 0x2e;
const ZERO = 0x30;
const MINUS = 0x2d;

/** True when JavaScript may print a number in another way; strings are stepped over. */
function hasOddNumber(b: Uint8Array): boolean {
  for (let p = 0; p < b.length; p++) {
    const byte = b[p] as number;
    if (byte === QUOTE) {
      p = endOfString(b, p + 1) - 1;
    } else if (beginsNumber(byte)) {
      const end = Math.min(endOfWord(b, p), b.length);
      if (isOdd(b, p, end)) return true;
      p = end - 1;
    }
  }
  return false;
}

function isOdd(b: Uint8Array, start: number, end: number): boolean {
  if (end - start > SAFE_CHARS || (b[start] === MINUS && b[start + 1] === ZERO)) return true;
  let isFraction = false;
  for (let p = start; p < end; p++) {
    const byte = b[p] as number;
    if (byte > 0x39) return true;
    if (byte === POINT) isFraction = true;
  }
  if (!isFraction) return false;
  // 0.0000001 is printed as 1e-7.
  return b[end - 1] === ZERO || b[start] === ZERO;
}
