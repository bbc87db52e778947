/** Where the items of a batch stand in the body, to measure them as they were sent. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = new Set([0x7b, 0x5b]);
const CLOSE = new Set([0x7d, 0x5d]);
const COMMA = 0x2c;
const COLON = 0x3a;
const SPACE_MAX = 0x20;

export interface ItemRange {
  start: number;
  end: number;
}

/**
 * Byte ranges of the items of the top-level array `batch`, surrounding space left out. With
 * several keys of that name the last one counts, as it does for JSON.parse.
 * @param bytes a body that is known to be valid JSON with an object at its top.
 */
export function batchItemRanges(bytes: Uint8Array): ItemRange[] {
  let ranges: ItemRange[] = [];
  let at = bytes.indexOf(0x7b) + 1;
  for (;;) {
    const keyStart = bytes.indexOf(QUOTE, at);
    if (keyStart < 0) return ranges;
    const keyEnd = endOfString(bytes, keyStart);
    const key: unknown = JSON.parse(Buffer.from(bytes.subarray(keyStart, keyEnd)).toString());
    at = skipSpace(bytes, bytes.indexOf(COLON, keyEnd) + 1);
    const end = endOfValue(bytes, at);
    if (key === 'batch') ranges = itemsOf(bytes, at, end);
    at = skipSpace(bytes, end);
    if (bytes[at] !== COMMA) return ranges;
  }
}

function itemsOf(bytes: Uint8Array, start: number, end: number): ItemRange[] {
  const items: ItemRange[] = [];
  if (bytes[start] !== 0x5b) return items;
  let at = skipSpace(bytes, start + 1);
  while (at < end - 1) {
    const itemEnd = endOfValue(bytes, at);
    items.push({ start: at, end: itemEnd });
    at = skipSpace(bytes, skipSpace(bytes, itemEnd) + 1);
  }
  return items;
}

function endOfValue(bytes: Uint8Array, start: number): number {
  let depth = 0;
  let at = start;
  while (at < bytes.length) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      at = endOfString(bytes, at);
      if (depth === 0) return at;
      continue;
    }
    if (depth === 0 && (byte === COMMA || byte <= SPACE_MAX || CLOSE.has(byte))) return at;
    at++;
    if (OPEN.has(byte)) depth++;
    else if (CLOSE.has(byte) && --depth === 0) return at;
  }
  return at;
}

function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}

function skipSpace(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && (bytes[at] ?? 0) <= SPACE_MAX) at++;
  return at;
}
