/**
 * The fingerprint of (source, messageId), by which duplicates are told: the first 96 bits of
 * MurmurHash3 (x86, 128 bits; public domain, Austin Appleby) over the id's UTF-8 bytes, seeded with
 * the source's number. It is written into the log at ingest, so it never changes.
 *
 * A wrong "seen" would lose an event: among 100 million random ids the chance is 10^-13. Whoever
 * can make ids that collide has the source's write key and harms only what he sends himself.
 */
import { writableId } from './writable-id.ts';

/** Bytes of one. */
export const FINGERPRINT_BYTES = 12;

const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;

/** Writes 12 bytes; all zero never, because that stands for no fingerprint. */
export function writeFingerprint(
  target: Uint8Array,
  at: number,
  sourceNumber: number,
  b: Uint8Array,
  start: number,
  end: number,
): void {
  let h1 = sourceNumber | 0;
  let [h2, h3, h4] = [h1, h1, h1];
  const length = end - start;
  let p = start;
  for (const stop = start + (length & ~15); p < stop; p += 16) {
    h1 = (Math.imul(rotated(h1 ^ mixed(word(b, p), C1, 15, C2), 19) + h2, 5) + 0x561ccd1b) | 0;
    h2 = (Math.imul(rotated(h2 ^ mixed(word(b, p + 4), C2, 16, C3), 17) + h3, 5) + 0x0bcaa747) | 0;
    h3 = (Math.imul(rotated(h3 ^ mixed(word(b, p + 8), C3, 17, C4), 15) + h4, 5) + 0x96cd1c35) | 0;
    h4 = (Math.imul(rotated(h4 ^ mixed(word(b, p + 12), C4, 18, C1), 13) + h1, 5) + 0x32ac3b17) | 0;
  }
  const rest = end - p;
  if (rest > 12) h4 ^= mixed(partWord(b, p + 12, rest - 12), C4, 18, C1);
  if (rest > 8) h3 ^= mixed(partWord(b, p + 8, rest - 8), C3, 17, C4);
  if (rest > 4) h2 ^= mixed(partWord(b, p + 4, rest - 4), C2, 16, C3);
  if (rest > 0) h1 ^= mixed(partWord(b, p, rest), C1, 15, C2);
  h1 ^= length;
  h2 ^= length;
  h3 ^= length;
  h4 ^= length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  const f1 = finished(h1);
  const f2 = finished((h2 + h1) | 0);
  const f3 = finished((h3 + h1) | 0);
  const f4 = finished((h4 + h1) | 0);
  const sum = (f1 + f2 + f3 + f4) | 0;
  const [w2, w3] = [(f2 + sum) | 0, (f3 + sum) | 0];
  const w1 = sum === 0 && w2 === 0 && w3 === 0 ? 1 : sum;
  putWord(target, at, w1);
  putWord(target, at + 4, w2);
  putWord(target, at + 8, w3);
}

/** The same of an id as text; ids that UTF-8 cannot say apart by themselves stay apart. */
export function writeTextFingerprint(
  target: Uint8Array,
  at: number,
  sourceNumber: number,
  messageId: string,
): void {
  const bytes = Buffer.from(writableId(messageId));
  writeFingerprint(target, at, sourceNumber, bytes, 0, bytes.length);
}

function word(b: Uint8Array, p: number): number {
  return (
    (b[p] as number) |
    ((b[p + 1] as number) << 8) |
    ((b[p + 2] as number) << 16) |
    ((b[p + 3] as number) << 24)
  );
}

/** Up to four bytes, little endian. */
function partWord(b: Uint8Array, p: number, count: number): number {
  let value = b[p] as number;
  if (count > 1) value |= (b[p + 1] as number) << 8;
  if (count > 2) value |= (b[p + 2] as number) << 16;
  if (count > 3) value |= (b[p + 3] as number) << 24;
  return value;
}

function putWord(target: Uint8Array, at: number, value: number): void {
  target[at] = value;
  target[at + 1] = value >>> 8;
  target[at + 2] = value >>> 16;
  target[at + 3] = value >>> 24;
}

function rotated(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function mixed(value: number, first: number, bits: number, second: number): number {
  return Math.imul(rotated(Math.imul(value, first), bits), second);
}

function finished(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
