/**
 * Segment files. A partition is a folder of them; each is named by the position of its first byte
 * and begins with this header:
 *
 *     0        4        8        16       24                56       60       64
 *     +--------+--------+--------+--------+-----------------+--------+--------+
 *     | magic  | format | base   | created| partition name  | zero   | crc of |
 *     | MLS1   | u32    | u64    | ms u64 | 32 bytes, UTF-8 | u32    | 0–60   |
 *     +--------+--------+--------+--------+-----------------+--------+--------+
 *
 * A segment's valid range ends where the next segment begins: what a failed write left behind that
 * point is not part of the log.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Disk, DiskFile } from '../base/disk.ts';
import { errnoOf, MillraceError } from '../base/errors.ts';
import { readUint64, writeUint64 } from './record.ts';

export const SEGMENT_HEADER_BYTES = 64;
export const SEGMENT_FORMAT = 1;
const SEGMENT_MAGIC = 0x31534c4d;
const NAME = /^(\d{20})\.log$/;
const PARTITION_BYTES = 32;

export interface Segment {
  base: number;
  path: string;
  /** Size of the file, header included. */
  bytes: number;
  /** Wall time of creation; 0 when the header is damaged. */
  createdMs: number;
  isHeaderWhole: boolean;
}

export function segmentPath(folder: string, base: number): string {
  return join(folder, `${String(base).padStart(20, '0')}.log`);
}

/** The 64 bytes drawn above. `partition` is cut at 32 bytes. */
export function encodeSegmentHeader(base: number, createdMs: number, partition: string): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  header.writeUInt32LE(SEGMENT_MAGIC, 0);
  header.writeUInt32LE(SEGMENT_FORMAT, 4);
  writeUint64(header, 8, base);
  writeUint64(header, 16, createdMs);
  header.write(partition, 24, PARTITION_BYTES, 'utf8');
  header.writeUInt32LE(crc32(header.subarray(0, 60)), 60);
  return header;
}

/** The segments of a partition by position. Files of other names are no part of the log. */
export async function listSegments(disk: Disk, folder: string): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const name of await disk.list(folder)) {
    const digits = NAME.exec(name)?.[1];
    if (digits === undefined) continue;
    const segment = await describeSegment(disk, join(folder, name), Number(digits));
    if (segment) segments.push(segment);
  }
  return segments;
}

/** Where the last segment begins, without opening any; undefined when there is none. */
export async function lastSegmentBase(disk: Disk, folder: string): Promise<number | undefined> {
  const last = (await disk.list(folder)).findLast((name) => NAME.test(name));
  return last === undefined ? undefined : Number(NAME.exec(last)?.[1]);
}

/**
 * Returns undefined when the file has gone since it was listed: retention, or a failed segment.
 * @throws MillraceError DATA_FORMAT_TOO_NEW when a newer Millrace wrote the segment.
 */
async function describeSegment(
  disk: Disk,
  path: string,
  base: number,
): Promise<Segment | undefined> {
  const file = await disk.open(path, 'read').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return undefined;
  try {
    const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
    const count = await readFully(file, header, 0);
    const isWhole =
      count === SEGMENT_HEADER_BYTES &&
      header.readUInt32LE(0) === SEGMENT_MAGIC &&
      header.readUInt32LE(60) === crc32(header.subarray(0, 60)) &&
      readUint64(header, 8) === base;
    const format = header.readUInt32LE(4);
    if (isWhole && format > SEGMENT_FORMAT) {
      throw new MillraceError(
        'DATA_FORMAT_TOO_NEW',
        `${path} has format ${format}; this Millrace knows ${SEGMENT_FORMAT}`,
      );
    }
    const createdMs = isWhole ? readUint64(header, 16) : 0;
    return { base, path, bytes: await file.size(), createdMs, isHeaderWhole: isWhole };
  } finally {
    await file.close();
  }
}

/** Fills the buffer from `position`; returns how many bytes there were. */
export async function readFully(
  file: DiskFile,
  buffer: Uint8Array,
  position: number,
): Promise<number> {
  let total = 0;
  while (total < buffer.length) {
    const count = await file.read(buffer, total, buffer.length - total, position + total);
    if (count === 0) break;
    total += count;
  }
  return total;
}
