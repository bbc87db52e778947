/**
 * How far a partition is durable, kept outside the data: `watermark` holds two 32-byte slots that
 * are written in turn, without a sync, after each group. After a process crash it is exact; after
 * a power cut it may be old, which only means that more of the tail is scanned.
 *
 *     0        8        16       24       28       32
 *     +--------+--------+--------+--------+--------+
 *     | count  | base   | durable| zero   | crc of |
 *     | u64    | u64    | u64    |        | 0–28   |
 *     +--------+--------+--------+--------+--------+
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Disk } from '../base/disk.ts';
import { readUint64, writeUint64 } from './record.ts';
import { readFully } from './segments.ts';

const SLOT_BYTES = 32;
const FILE_NAME = 'watermark';

export interface Watermark {
  /** Base of the segment that was written last. */
  base: number;
  durable: number;
}

export interface WatermarkFile {
  /** The newest whole slot, or null when there is none. */
  initial: Watermark | null;
  save(watermark: Watermark): Promise<void>;
  close(): Promise<void>;
}

export async function openWatermark(disk: Disk, folder: string): Promise<WatermarkFile> {
  const file = await disk.open(join(folder, FILE_NAME), 'write');
  const slots = Buffer.alloc(2 * SLOT_BYTES);
  await readFully(file, slots, 0);
  const found = [readSlot(slots, 0), readSlot(slots, SLOT_BYTES)];
  const newest = found.reduce((best, slot) =>
    slot && slot.count > (best?.count ?? -1) ? slot : best,
  );
  let count = newest?.count ?? 0;
  const slot = Buffer.alloc(SLOT_BYTES);
  return {
    initial: newest ? { base: newest.base, durable: newest.durable } : null,
    async save({ base, durable }) {
      count++;
      writeUint64(slot, 0, count);
      writeUint64(slot, 8, base);
      writeUint64(slot, 16, durable);
      slot.writeUInt32LE(crc32(slot.subarray(0, 28)), 28);
      // A short or failed write leaves a slot that is not whole; the other one still counts.
      await file.write(slot, 0, SLOT_BYTES, (count % 2) * SLOT_BYTES);
    },
    close: () => file.close(),
  };
}

function readSlot(bytes: Buffer, at: number): (Watermark & { count: number }) | null {
  const slot = bytes.subarray(at, at + SLOT_BYTES);
  if (slot.readUInt32LE(28) !== crc32(slot.subarray(0, 28))) return null;
  const count = readUint64(slot, 0);
  return count === 0 ? null : { count, base: readUint64(slot, 8), durable: readUint64(slot, 16) };
}
