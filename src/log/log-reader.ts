/**
 * Reads a partition in order from any record boundary. Damage is stepped over and reported: a
 * whole header tells how far its damaged payload reaches; behind a damaged header the next whole
 * one is searched. Nothing is ever changed or deleted here.
 */
import type { Disk, DiskFile } from '../base/disk.ts';
import { isPayloadWhole, readHeader, RECORD_HEADER_BYTES } from './record.ts';
import { lastSegmentBase, listSegments, readFully, SEGMENT_HEADER_BYTES } from './segments.ts';
import type { Segment } from './segments.ts';

export interface LogRecord {
  position: number;
  /** Position behind the record: where its successor begins. */
  next: number;
  /** How far the log was durable for certain when this was written. */
  durable: number;
  /** A view that is valid until the next call of `read`. */
  payload: Uint8Array;
}

export interface Damage {
  from: number;
  to: number;
  reason: 'header' | 'payload' | 'missing';
}

export interface ReadResult {
  records: LogRecord[];
  /** Where the next call goes on. */
  next: number;
  damage: Damage[];
}

export interface LogReader {
  /**
   * Returns records that end at or below `upTo`, about `bytesMax` bytes of them and at least one
   * when there is one.
   * @param upTo the durable end, or Infinity to read to the end of the files.
   */
  read(upTo: number, bytesMax: number): Promise<ReadResult>;
  close(): Promise<void>;
}

interface Block {
  /** Bytes from `position` on; with those of a header that begins below `limit`. */
  bytes: Buffer;
  position: number;
  /** Where reading ends: the caller's bound, or where the segment's successor begins. */
  limit: number;
  isBound: boolean;
  /** True when there are no more bytes below the limit. */
  isEnd: boolean;
}

/** The one value that all functions below work on. */
interface ReaderState {
  disk: Disk;
  folder: string;
  position: number;
  segments: Segment[];
  open: { base: number; file: DiskFile } | undefined;
  /** Blocks are views of it. */
  buffer: Buffer;
}

const MAGIC_BYTES = Buffer.from('MLR1', 'latin1');
const BUFFER_BYTES = 256 * 1024;

/** @param options.from where it begins: the boundary of a record. */
export async function openLogReader(options: {
  disk: Disk;
  folder: string;
  from: number;
}): Promise<LogReader> {
  const { disk, folder, from } = options;
  const reader: ReaderState = {
    disk,
    folder,
    position: from,
    segments: await listSegments(disk, folder),
    open: undefined,
    buffer: Buffer.allocUnsafe(BUFFER_BYTES),
  };
  return {
    read: (upTo, bytesMax) => read(reader, upTo, bytesMax),
    close: () => closeFile(reader),
  };
}

async function read(reader: ReaderState, upTo: number, bytesMax: number): Promise<ReadResult> {
  const result: ReadResult = { records: [], next: reader.position, damage: [] };
  let wanted = bytesMax;
  while (reader.position < upTo) {
    const place = await settle(reader);
    if (!place || reader.position >= upTo) break;
    // A stray file may claim a place inside the header of the segment before it.
    if (reader.position >= place.end) continue;
    const block = await readBlock(reader, place, upTo, wanted);
    const before = reader.position;
    reader.position = parseBlock(block, result);
    if (reader.position > before && result.records.length > 0) break;
    if (reader.position > before) continue;
    if (isCutByBound(block)) break;
    if (block.isEnd) {
      result.damage.push({ from: before, to: block.limit, reason: 'missing' });
      reader.position = block.limit;
    } else if (block.bytes.length < wanted) {
      break;
    } else {
      // One record is larger than the block.
      wanted *= 4;
    }
  }
  result.next = reader.position;
  return result;
}

/** Where the reader stands: a segment, and where its successor begins. */
interface Place {
  segment: Segment;
  end: number;
}

/** Steps over the end of a segment and its successor's header. */
async function settle(reader: ReaderState): Promise<Place | undefined> {
  const { disk, folder, position } = reader;
  let at = segmentIndex(reader.segments, position);
  const isInLast = at === reader.segments.length - 1;
  // Names are listed each time, so that a new segment bounds its predecessor at once.
  if (isInLast && (await lastSegmentBase(disk, folder)) !== reader.segments.at(-1)?.base) {
    reader.segments = await listSegments(disk, folder);
    at = segmentIndex(reader.segments, position);
  }
  const segment = reader.segments[Math.max(0, at)];
  if (!segment) return undefined;
  reader.position = Math.max(position, segment.base + SEGMENT_HEADER_BYTES);
  return { segment, end: reader.segments[Math.max(0, at) + 1]?.base ?? Infinity };
}

async function readBlock(
  reader: ReaderState,
  { segment, end }: Place,
  upTo: number,
  bytesMax: number,
): Promise<Block> {
  const { position } = reader;
  const limit = Math.min(upTo, end);
  const wanted = Math.min(bytesMax, end - position, upTo + RECORD_HEADER_BYTES - position);
  if (reader.buffer.length < wanted) reader.buffer = Buffer.allocUnsafe(wanted);
  const { buffer } = reader;
  const file = await fileOf(reader, segment);
  const count = await readFully(file, buffer.subarray(0, wanted), position - segment.base);
  const isEnd = limit !== Infinity && (count < wanted || position + count >= limit);
  return { bytes: buffer.subarray(0, count), position, limit, isBound: upTo < end, isEnd };
}

async function fileOf(reader: ReaderState, { base, path }: Segment): Promise<DiskFile> {
  if (reader.open?.base === base) return reader.open.file;
  await closeFile(reader);
  const file = await reader.disk.open(path, 'read');
  reader.open = { base, file };
  return file;
}

async function closeFile(reader: ReaderState): Promise<void> {
  const { open } = reader;
  reader.open = undefined;
  await open?.file.close();
}

/** Adds the block's whole records and damage to the result; returns where parsing stopped. */
function parseBlock(block: Block, result: ReadResult): number {
  const { bytes, position: origin, limit } = block;
  let at = 0;
  while (origin + at < limit && at + RECORD_HEADER_BYTES <= bytes.length) {
    const position = origin + at;
    const header = readHeader(bytes, at, position);
    if (!header) {
      const behind = nextHeader(bytes, at + 1, origin);
      if (behind < 0 && !block.isEnd) return origin + keepForSearch(at, bytes, result, origin);
      const to = Math.min(behind < 0 ? bytes.length : behind, limit - origin);
      pushDamage(result, { from: position, to: origin + to, reason: 'header' });
      at = to;
      continue;
    }
    const start = at + RECORD_HEADER_BYTES;
    const end = start + header.length;
    if (end > bytes.length || origin + end > limit) break;
    const payload = bytes.subarray(start, end);
    if (isPayloadWhole(payload, header)) {
      const { durablePosition: durable } = header;
      result.records.push({ position, next: origin + end, durable, payload });
    } else {
      pushDamage(result, { from: position, to: origin + end, reason: 'payload' });
    }
    at = end;
  }
  return origin + at;
}

/** True when a block begins with a record that ends beyond the caller's bound: it comes later. */
function isCutByBound({ bytes, position, limit, isBound }: Block): boolean {
  if (!isBound || bytes.length < RECORD_HEADER_BYTES) return false;
  const header = readHeader(bytes, 0, position);
  return header !== null && position + RECORD_HEADER_BYTES + header.length > limit;
}

/**
 * A damaged header and no whole one in the rest of the block: the search goes on in the next
 * block, keeping the last bytes, which may be the beginning of a header.
 */
function keepForSearch(at: number, bytes: Buffer, result: ReadResult, origin: number): number {
  const to = Math.max(at, bytes.length - (RECORD_HEADER_BYTES - 1));
  if (to > at) pushDamage(result, { from: origin + at, to: origin + to, reason: 'header' });
  return to;
}

function pushDamage(result: ReadResult, damage: Damage): void {
  const last = result.damage.at(-1);
  if (last && last.to === damage.from && last.reason === damage.reason) last.to = damage.to;
  else result.damage.push(damage);
}

function nextHeader(bytes: Buffer, from: number, origin: number): number {
  for (let at = from; ; at++) {
    at = bytes.indexOf(MAGIC_BYTES, at);
    if (at < 0 || at + RECORD_HEADER_BYTES > bytes.length) return -1;
    if (readHeader(bytes, at, origin + at)) return at;
  }
}

/** The segment that holds a position: the last one that begins at or below it. */
function segmentIndex(segments: readonly Segment[], position: number): number {
  let found = -1;
  for (let at = 0; at < segments.length; at++) {
    if ((segments[at]?.base ?? Infinity) <= position) found = at;
  }
  return found;
}
