/**
 * JSON by its bytes: steps over one token. Every function takes the place where the token begins
 * and returns the place behind it, or -1. Beyond the end a byte reads as undefined, which no
 * comparison accepts, so bounds need no checks of their own; `as number` says just that.
 */

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;
const MINUS = 0x2d;
export const SPACE = 0x20;
export const LETTER_N = 0x6e;

/** From a key's opening quote to its closing one; an escape in it is a doubt. */
export function endOfKey(b: Uint8Array, start: number): number {
  if (b[start] !== QUOTE) return -1;
  let p = start + 1;
  for (;;) {
    const byte = b[p] as number;
    if (byte === QUOTE) return p;
    if (!(byte >= SPACE) || byte === BACKSLASH) return -1;
    p++;
  }
}

/** From behind a key to the value behind its colon. */
export function afterColon(b: Uint8Array, start: number): number {
  let p = start;
  if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
  if (b[p] !== COLON) return -1;
  p++;
  return (b[p] as number) <= SPACE ? skipSpace(b, p) : p;
}

/** @param start the byte behind the opening quote. */
export function endOfString(b: Uint8Array, start: number): number {
  let p = start;
  for (;;) {
    let byte = b[p] as number;
    // Most bytes of most strings: anything above the quote, but no backslash.
    while (byte > QUOTE && byte !== BACKSLASH) byte = b[++p] as number;
    if (byte === QUOTE) return p + 1;
    if (byte === BACKSLASH) {
      p = endOfEscape(b, p + 1);
      if (p < 0) return -1;
    } else if (byte >= SPACE) {
      p++;
    } else {
      return -1;
    }
  }
}

/** @param p the byte behind the backslash. */
function endOfEscape(b: Uint8Array, p: number): number {
  const byte = b[p] as number;
  if (byte === 0x75) {
    for (let digit = 1; digit <= 4; digit++) if (!isHex(b[p + digit] as number)) return -1;
    return p + 5;
  }
  // " \ / b f n r t
  const isShort =
    byte === QUOTE ||
    byte === BACKSLASH ||
    byte === 0x2f ||
    byte === 0x62 ||
    byte === 0x66 ||
    byte === LETTER_N ||
    byte === 0x72 ||
    byte === 0x74;
  return isShort ? p + 1 : -1;
}

function isHex(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x41 && byte <= 0x46) ||
    (byte >= 0x61 && byte <= 0x66)
  );
}

/** True for the byte that a number begins with; no other value does. */
export function beginsNumber(byte: number | undefined): boolean {
  return byte === MINUS || (byte !== undefined && byte >= 0x30 && byte <= 0x39);
}

/** A number by the grammar of RFC 8259 §6. */
export function skipNumber(b: Uint8Array, start: number): number {
  let p = b[start] === MINUS ? start + 1 : start;
  p = b[p] === 0x30 ? p + 1 : skipDigits(b, p);
  if (p < 0) return -1;
  if (b[p] === 0x2e) {
    p = skipDigits(b, p + 1);
    if (p < 0) return -1;
  }
  if (b[p] !== 0x65 && b[p] !== 0x45) return p;
  p++;
  if (b[p] === 0x2b || b[p] === MINUS) p++;
  return skipDigits(b, p);
}

function skipDigits(b: Uint8Array, start: number): number {
  let p = start;
  while ((b[p] as number) >= 0x30 && (b[p] as number) <= 0x39) p++;
  return p > start ? p : -1;
}

/** The three letters behind the first one. */
export function isWord(
  b: Uint8Array,
  p: number,
  second: number,
  third: number,
  fourth: number,
): boolean {
  return b[p + 1] === second && b[p + 2] === third && b[p + 3] === fourth;
}

export function skipSpace(b: Uint8Array, start: number): number {
  let p = start;
  while (b[p] === 0x20 || b[p] === 0x0a || b[p] === 0x0d || b[p] === 0x09) p++;
  return p;
}

/** True when the expected bytes stand at `start`. */
export function isEqual(b: Uint8Array, start: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (b[start + i] !== expected[i]) return false;
  return true;
}

/** Days of the months, from 1; the 29th of February is a doubt. */
const MONTH_DAYS = Uint8Array.of(0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);

/** The form nearly all SDKs write: `2026-01-30T12:00:00.000Z`, fraction optional. */
export function scanTimestamp(b: Uint8Array, p: number): number {
  const quoteAt = endOfKey(b, p);
  if (quoteAt < 0) return -1;
  const start = p + 1;
  const length = quoteAt - start;
  if (length < 20 || length > 30 || b[quoteAt - 1] !== 0x5a) return -1;
  if (b[start + 4] !== MINUS || b[start + 7] !== MINUS || b[start + 10] !== 0x54) return -1;
  if (b[start + 13] !== COLON || b[start + 16] !== COLON) return -1;
  const month = twoDigits(b, start + 5);
  const day = twoDigits(b, start + 8);
  if (twoDigits(b, start) < 1 || twoDigits(b, start + 2) < 0) return -1;
  if (month < 1 || month > 12 || day < 1 || day > (MONTH_DAYS[month] as number)) return -1;
  const hour = twoDigits(b, start + 11);
  const minute = twoDigits(b, start + 14);
  const second = twoDigits(b, start + 17);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return -1;
  if (length === 20) return quoteAt + 1;
  const isFraction = b[start + 19] === 0x2e && skipDigits(b, start + 20) === quoteAt - 1;
  return isFraction ? quoteAt + 1 : -1;
}

function twoDigits(b: Uint8Array, start: number): number {
  const tens = (b[start] as number) - 0x30;
  const ones = (b[start + 1] as number) - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}
