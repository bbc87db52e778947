/**
 * JSON that is known to be valid, by its bytes: where values end. Nothing is checked here, so it is
 * for bodies that `decodeBody` or `scanBody` has judged.
 */
import { assert } from '../base/assert.ts';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
  SPACE,
} from './json-bytes.ts';

/** The text of a JSON string; `start` and `end` include its quotes. */
export function stringAt(b: Uint8Array, start: number, end: number): string {
  const text = Buffer.from(b.buffer, b.byteOffset + start, end - start).toString('utf8');
  return JSON.parse(text) as string;
}

/** From behind a key to its value. */
export function valueAfter(b: Uint8Array, keyEnd: number): number {
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
export function endOfWord(b: Uint8Array, start: number): number {
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
export function endOfString(b: Uint8Array, start: number): number {
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
export function endOfContainer(b: Uint8Array, start: number): number {
  let depth = 0;
  let p = start;
  for (;;) {
    let byte = b[p++] as number;
    while (byte > QUOTE && byte < OPEN_BRACKET) byte = b[p++] as number;
    if (byte === QUOTE) {
      p = endOfString(b, p);
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth++;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (--depth === 0) return p;
    }
    assert(p <= b.length, 'a value ends inside the body');
  }
}
