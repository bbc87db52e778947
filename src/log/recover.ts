/**
 * What a crash leaves is put right before the first append, in time that depends on the tail and
 * not on the log: only the last segment is read, from the watermark on.
 *
 * Behind the last whole record may stand a torn tail: it was never acknowledged, so it is copied
 * to `<segment>.<position>.broken` and cut. Damage with whole records behind it is something else
 * if one of them says that the damaged place had been durable when it was written: then it is
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
  const end = scanTail(bytes, from, onAlarm);
  if (end < fileEnd) {
    await cutTail(disk, folder, last, end, bytes.subarray(end - from));
    onAlarm({ kind: 'tail-cut', position: end, reason: `${fileEnd - end} bytes copied and cut` });
  }
  return Math.max(end, first);
}

/** Returns the end of the last record that counts. */
function scanTail(bytes: Buffer, from: number, onAlarm: (alarm: LogAlarm) => void): number {
  let at = 0;
  for (;;) {
    const length = wholeRecordAt(bytes, at, from + at);
    if (length > 0) {
      at += length;
      continue;
    }
    const behind = nextWholeRecord(bytes, at + 1, from);
    if (behind < 0) return from + at;
    const header = readHeader(bytes, behind, from + behind);
    if (!header || header.durablePosition <= from + at) return from + at;
    const reason = `${behind - at} acknowledged bytes are damaged`;
    onAlarm({ kind: 'damage', position: from + at, reason });
    at = behind;
  }
}

/** Length of the whole record at `at`, header included, or 0. */
function wholeRecordAt(bytes: Buffer, at: number, position: number): number {
  if (at + RECORD_HEADER_BYTES > bytes.length) return 0;
  const header = readHeader(bytes, at, position);
  if (!header) return 0;
  const start = at + RECORD_HEADER_BYTES;
  if (start + header.length > bytes.length) return 0;
  const isWhole = isPayloadWhole(bytes.subarray(start, start + header.length), header);
  return isWhole ? RECORD_HEADER_BYTES + header.length : 0;
}

const MAGIC_BYTES = Buffer.from('MLR1', 'latin1');

function nextWholeRecord(bytes: Buffer, from: number, origin: number): number {
  for (let at = from; ; at++) {
    at = bytes.indexOf(MAGIC_BYTES, at);
    if (at < 0) return -1;
    if (wholeRecordAt(bytes, at, origin + at) > 0) return at;
  }
}

function hasRecord(bytes: Buffer, base: number): boolean {
  return nextWholeRecord(bytes, 0, base) >= 0;
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
async function cutTail(
  disk: Disk,
  folder: string,
  segment: Segment,
  end: number,
  tail: Buffer,
): Promise<void> {
  const copy = await disk.open(`${segment.path}.${end}.broken`, 'write');
  try {
    for (let at = 0; at < tail.length;) at += await copy.write(tail, at, tail.length - at, at);
    await copy.sync();
  } finally {
    await copy.close();
  }
  await disk.syncFolder(folder);
  const file = await disk.open(segment.path, 'write');
  try {
    await file.truncate(end - segment.base);
    await file.sync();
  } finally {
    await file.close();
  }
}
