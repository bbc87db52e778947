/**
 * The record: what one request put into the log.
 *
 *     0        4        8        12       16               24
 *     +--------+--------+--------+--------+----------------+------------------+
 *     | magic  | length | crc    | header | durable        | payload          |
 *     | MLR1   | u32    | of the | crc    | position u64   | `length` bytes   |
 *     |        |        | payload| u32    | when written   |                  |
 *     +--------+--------+--------+--------+----------------+------------------+
 *
 * All integers are little endian. The header's CRC covers bytes 0–12, 16–24 and the record's own
 * position, so a record that was moved, or belongs to an older life of the file, is not valid. A
 * header that is whole tells exactly how much a damaged payload spans; that is why it has a CRC of
 * its own. The durable position is what had been acknowledged when the record was written: it
 * proves, after a crash, that damage below it hit acknowledged data and is not a torn tail.
 */
import { crc32 } from 'node:zlib';

export const RECORD_HEADER_BYTES = 24;
export const RECORD_MAGIC = 0x31524c4d;
/** A length above this is taken for damage. */
export const PAYLOAD_BYTES_MAX = 256 * 1024 * 1024;

const HIGH = 2 ** 32;
const scratch = Buffer.alloc(28);

export interface RecordHeader {
  length: number;
  payloadCrc: number;
  durablePosition: number;
}

/** Writes the 24 header bytes at `at`; the payload must already stand behind them. */
export function writeHeader(
  target: Buffer,
  at: number,
  length: number,
  position: number,
  durablePosition: number,
): void {
  const start = at + RECORD_HEADER_BYTES;
  target.writeUInt32LE(RECORD_MAGIC, at);
  target.writeUInt32LE(length, at + 4);
  target.writeUInt32LE(crc32(target.subarray(start, start + length)), at + 8);
  writeUint64(target, at + 16, durablePosition);
  target.writeUInt32LE(headerCrc(target, at, position), at + 12);
}

/** Reads the header at `at`, or returns null when it is not one that belongs at `position`. */
export function readHeader(source: Buffer, at: number, position: number): RecordHeader | null {
  if (source.readUInt32LE(at) !== RECORD_MAGIC) return null;
  if (source.readUInt32LE(at + 12) !== headerCrc(source, at, position)) return null;
  const length = source.readUInt32LE(at + 4);
  if (length > PAYLOAD_BYTES_MAX) return null;
  return {
    length,
    payloadCrc: source.readUInt32LE(at + 8),
    durablePosition: readUint64(source, at + 16),
  };
}

export function isPayloadWhole(payload: Uint8Array, header: RecordHeader): boolean {
  return crc32(payload) === header.payloadCrc;
}

/** A whole number below 2^53 as eight bytes, little endian. */
export function writeUint64(target: Buffer, at: number, value: number): void {
  target.writeUInt32LE(value % HIGH, at);
  target.writeUInt32LE(Math.floor(value / HIGH), at + 4);
}

export function readUint64(source: Buffer, at: number): number {
  return source.readUInt32LE(at) + source.readUInt32LE(at + 4) * HIGH;
}

function headerCrc(bytes: Buffer, at: number, position: number): number {
  bytes.copy(scratch, 0, at, at + 12);
  bytes.copy(scratch, 12, at + 16, at + 24);
  writeUint64(scratch, 20, position);
  return crc32(scratch);
}
