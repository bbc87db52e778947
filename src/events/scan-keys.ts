/** The keys of a body that the scanner looks at. */
import { isEqual } from './json-bytes.ts';

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

/** Bit of each key. */
export const BIT = Object.fromEntries(KEYS.map((key, at) => [key, 1 << at])) as Record<Key, number>;
const KEY_CHARS_MAX = 13;
/** Candidates by length and first byte; the rest is compared. */
const BY_SHAPE: { bytes: Uint8Array; bit: number }[][] = [];
for (const key of KEYS) {
  const bytes = Buffer.from(key);
  const shape = bytes.length * 256 + (bytes[0] ?? 0);
  (BY_SHAPE[shape] ??= []).push({ bytes, bit: BIT[key] });
}

/** What an empty text leaves out. */
export const MAY_BE_EMPTY =
  BIT.userId |
  BIT.anonymousId |
  BIT.groupId |
  BIT.previousId |
  BIT.event |
  BIT.name |
  BIT.category |
  BIT.properties |
  BIT.traits |
  BIT.context |
  BIT.integrations |
  BIT.messageId |
  BIT.timestamp;

/** The bit of a known key, or 0. @param start,end of the key, without its quotes. */
export function keyBit(b: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > KEY_CHARS_MAX) return 0;
  const candidates = BY_SHAPE[length * 256 + (b[start] as number)];
  if (candidates === undefined) return 0;
  for (const { bytes, bit } of candidates) {
    if (bytes.length === length && isEqual(b, start, bytes)) return bit;
  }
  return 0;
}
