/**
 * Records that are written together, laid out as they will stand in the segment, with those who
 * wait for them. A plain value; log-writer.ts says when it is begun and written.
 */
import type { MillraceError } from '../base/errors.ts';
import { RECORD_HEADER_BYTES, writeHeader } from './record.ts';
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES } from './segments.ts';

export type AppendDone = (error: MillraceError | undefined, position: number) => void;

export interface RecordGroup {
  bytes: Buffer;
  length: number;
  /** Position of the first byte. */
  start: number;
  /** True when the bytes begin with the header of a new segment. */
  opensSegment: boolean;
  dones: AppendDone[];
  positions: number[];
}

const GROUP_BYTES = 1024 * 1024;
/** A buffer that one huge group has grown is not kept for ever. */
const GROUP_BYTES_KEPT = 8 * 1024 * 1024;

export function newGroup(bytes: Buffer = Buffer.allocUnsafe(GROUP_BYTES)): RecordGroup {
  return { bytes, length: 0, start: 0, opensSegment: false, dones: [], positions: [] };
}

/** Makes the group, which is empty, the first of a segment that begins with it. */
export function putSegmentHeader(group: RecordGroup, wallMs: number, partition: string): void {
  group.opensSegment = true;
  encodeSegmentHeader(group.start, wallMs, partition).copy(group.bytes, 0);
  group.length = SEGMENT_HEADER_BYTES;
}

/** Until so many more bytes fit. @throws RangeError for want of memory; nothing changes then. */
export function makeRoom(group: RecordGroup, needed: number): void {
  const { bytes, length } = group;
  if (length + needed <= bytes.length) return;
  const larger = Buffer.allocUnsafe(Math.max(length + needed, bytes.length * 2));
  bytes.copy(larger, 0, 0, length);
  group.bytes = larger;
}

/**
 * Copies a record to the end of the group, which has room for it.
 * @param durable how far the log is durable for certain, which the record's header says.
 */
export function putRecord(
  group: RecordGroup,
  envelope: Uint8Array,
  body: Uint8Array,
  bodyLength: number,
  durable: number,
  done: AppendDone,
): void {
  const at = group.length;
  const position = group.start + at;
  const bodyAt = at + RECORD_HEADER_BYTES + envelope.length;
  const { bytes } = group;
  bytes.set(envelope, at + RECORD_HEADER_BYTES);
  bytes.set(bodyLength === body.length ? body : body.subarray(0, bodyLength), bodyAt);
  writeHeader(bytes, at, envelope.length + bodyLength, position, durable);
  group.dones.push(done);
  group.positions.push(position);
  group.length = bodyAt + bodyLength;
}

/** Tells everybody in a group that is durable where their record is. */
export function answerGroup({ dones, positions }: RecordGroup): void {
  for (let at = 0; at < dones.length; at++) dones[at]?.(undefined, positions[at] ?? -1);
}

/** An empty group in the memory of one that nobody needs any more. */
export function recycledGroup({ bytes }: RecordGroup): RecordGroup {
  return bytes.length > GROUP_BYTES_KEPT ? newGroup() : newGroup(bytes);
}
