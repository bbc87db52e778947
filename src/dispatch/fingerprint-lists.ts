/** Fingerprints that are new, gathered by hour of receipt, as the ledger keeps them. */
import { FINGERPRINT_BYTES } from '../events/fingerprint.ts';

export type FingerprintLists = Map<number, FingerprintList>;

interface FingerprintList {
  bytes: Buffer;
  length: number;
}

const LIST_BYTES = 4096;

/** @param at where in `marks` it begins. */
export function addFingerprint(
  lists: FingerprintLists,
  hour: number,
  marks: Uint8Array,
  at: number,
): void {
  let list = lists.get(hour);
  if (!list) lists.set(hour, (list = { bytes: Buffer.allocUnsafe(LIST_BYTES), length: 0 }));
  if (list.length + FINGERPRINT_BYTES > list.bytes.length) {
    list.bytes = Buffer.concat([list.bytes], list.bytes.length * 2);
  }
  const { bytes, length } = list;
  for (let p = 0; p < FINGERPRINT_BYTES; p++) bytes[length + p] = marks[at + p] as number;
  list.length += FINGERPRINT_BYTES;
}

/** All that were added, by hour; the lists are empty afterwards. */
export function takeFingerprints(lists: FingerprintLists): Map<number, Buffer> {
  const taken = new Map<number, Buffer>();
  for (const [hour, { bytes, length }] of lists) taken.set(hour, bytes.subarray(0, length));
  lists.clear();
  return taken;
}
