/**
 * What a crash leaves is put right before the first append, in time that depends on the tail and
 * not on the log: only the last segment is read, from the watermark on.
 *
 * Behind the last whole record may stand a torn tail: it was never acknowledged, so it is copied
 * to `<segment>.<position>.broken` and cut. Damage with whole records behind it is something else
 * if any of them says that the damaged place had been durable when it was written: then it is
 * acknowledged data that the disk has changed. It is reported and left for readers to skip, and
 * nothing behind it is touched. Without that proof the disk has written unacknowledged bytes out
 * of order, and the tail is cut at the damage.
 */
import type { Disk } from '../base/disk.ts';
import { isPayloadWhole, readHeader, RECORD_HEADER_BYTES } from './record.ts';
import { listSegments, readFully, SEGMENT_HEADER_BYTES } from './segments.ts';
import type { Segment } from './segments.ts';
import type { Watermark } from './watermark.ts';

export interface LogAlarm {
  kind: 'tail-cut' | 'damage' | 'durable-lost' | 'segment-broken' | 'write-failed' | 'seal-failed';
  position: number;
  reason: string;
}

export interface RecoverOptions {
  disk: Disk;
  folder: string;
  watermark: Watermark | null;
  onAlarm(alarm: LogAlarm): void;
}

export interface Recovered {
  /** The segment to go on writing to, or null when the next group must open one. */
  last: Segment | null;
  /** Where the log ends. */
  end: number;
}

/** Brings a partition's folder into a state that can be appended to. */
export async function recoverPartition(options: RecoverOptions): Promise<Recovered> {
  const { disk, folder, onAlarm } = options;
  const segments = await listSegments(disk, folder);
  for (let last = segments.pop(); last; last = segments.pop()) {
    if (last.isHeaderWhole || hasRecord(await readTail(disk, last, 0), last.base)) {
      return { last, end: await recoverSegment(options, last) };
    }
    // A crash between creating the name and writing the first group: nothing in it was durable.
    await disk.rename(last.path, `${last.path}.broken`);
    await disk.syncFolder(folder);
    const reason = `no whole header and no record in ${last.bytes} bytes`;
    onAlarm({ kind: 'segment-broken', position: last.base, reason });
  }
  return { last: null, end: 0 };
}

async function recoverSegment(options: RecoverOptions, last: Segment): Promise<number> {
  const { disk, folder, watermark, onAlarm } = options;
  const fileEnd = last.base + last.bytes;
  const first = last.base + SEGMENT_HEADER_BYTES;
  let from = first;
  if (watermark && watermark.base === last.base && watermark.durable >= first) {
    if (watermark.durable <= fileEnd) from = watermark.durable;
  }
  const bytes = await readTail(disk, last, from - last.base);
  const known = watermark?.base === last.base ? watermark.durable : 0;
  const end = scanTail(bytes, from, known, onAlarm);
  if (end < fileEnd) {
    await copyTail(disk, `${last.path}.${end}.broken`, bytes.subarray(end - from));
    onAlarm({ kind: 'tail-cut', position: end, reason: `${fileEnd - end} bytes copied and cut` });
  }
  // After a process crash a whole record, and the segment's name itself, may be in memory only.
  await disk.syncFolder(folder);
  const file = await disk.open(last.path, 'write');
  try {
    if (end < fileEnd) await file.truncate(end - last.base);
    await file.sync();
  } finally {
    await file.close();
  }
  return end;
}

/**
 * Returns the end of the last record that counts.
 * @param known a position that was durable for certain.
 */
function scanTail(
  bytes: Buffer,
  from: number,
  known: number,
  onAlarm: (alarm: LogAlarm) => void,
): number {
  const spans = wholeRecords(bytes, from);
  // Records of one group prove nothing about each other, those of later groups do.
  const proven = spans.reduce((most, { durable }) => Math.max(most, durable), known);
  let end = from;
  for (const span of spans) {
    if (span.start > end) {
      if (proven <= end) break;
      const reason = `${span.start - end} acknowledged bytes are damaged`;
      onAlarm({ kind: 'damage', position: end, reason });
    }
    end = span.end;
  }
  return end;
}

interface Span {
  start: number;
  end: number;
  /** What was durable when the record was written. */
  durable: number;
}

/** Every whole record in the bytes, whatever lies between them. */
function wholeRecords(bytes: Buffer, origin: number): Span[] {
  const spans: Span[] = [];
  for (let span = nextWholeRecord(bytes, 0, origin); span;) {
    spans.push(span);
    span = nextWholeRecord(bytes, span.end - origin, origin);
  }
  return spans;
}

const MAGIC_BYTES = Buffer.from('MLR1', 'latin1');

/** The first whole record that begins at or behind `from`. */
function nextWholeRecord(bytes: Buffer, from: number, origin: number): Span | undefined {
  for (let at = from; ; at++) {
    at = bytes.indexOf(MAGIC_BYTES, at);
    if (at < 0 || at + RECORD_HEADER_BYTES > bytes.length) return undefined;
    const header = readHeader(bytes, at, origin + at);
    if (!header) continue;
    const end = at + RECORD_HEADER_BYTES + header.length;
    if (end > bytes.length) continue;
    if (!isPayloadWhole(bytes.subarray(at + RECORD_HEADER_BYTES, end), header)) continue;
    return { start: origin + at, end: origin + end, durable: header.durablePosition };
  }
}

function hasRecord(bytes: Buffer, base: number): boolean {
  return nextWholeRecord(bytes, 0, base) !== undefined;
}

async function readTail(disk: Disk, segment: Segment, at: number): Promise<Buffer> {
  const file = await disk.open(segment.path, 'read');
  try {
    const bytes = Buffer.alloc(Math.max(0, segment.bytes - at));
    return bytes.subarray(0, await readFully(file, bytes, at));
  } finally {
    await file.close();
  }
}

/** The copy is durable before the cut, so that no crash in between loses the bytes. */
async function copyTail(disk: Disk, path: string, tail: Buffer): Promise<void> {
  const copy = await disk.open(path, 'write');
  try {
    for (let at = 0; at < tail.length;) at += await copy.write(tail, at, tail.length - at, at);
    // An older and longer copy may have stood here.
    await copy.truncate(tail.length);
    await copy.sync();
  } finally {
    await copy.close();
  }
}
