/**
 * The only writer of a partition. Requests append to the group that is gathering; one group at a
 * time is written, with one write that returns when the bytes are durable, and then its callbacks
 * are called. While it is on its way the next one gathers, so the number of writes follows the
 * disk and not the number of requests.
 *
 * It promises: `done` without an error means the record is durable, and will be read at `position`
 * for ever. It refuses: to hold more than `queueBytesMax`, and to write again to a file on which a
 * write has failed. After a failure everything that waits fails with it (the callers answer 503),
 * the segment is cut back to what was durable, and the next group opens a new segment.
 */
import type { Clock } from '../base/clock.ts';
import type { Disk, DiskFile } from '../base/disk.ts';
import { errnoOf, MillraceError, toError } from '../base/errors.ts';
import { PAYLOAD_BYTES_MAX, RECORD_HEADER_BYTES, writeHeader } from './record.ts';
import { recoverPartition } from './recover.ts';
import type { LogAlarm } from './recover.ts';
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES, segmentPath } from './segments.ts';
import { openWatermark } from './watermark.ts';
import type { Watermark, WatermarkFile } from './watermark.ts';

export type AppendDone = (error: MillraceError | undefined, position: number) => void;

export interface LogWriterOptions {
  disk: Disk;
  clock: Clock;
  folder: string;
  /** Name of the partition, at most 32 bytes. */
  partition: string;
  /** A segment is ended by the first group that would begin beyond this size. */
  segmentBytesMax: number;
  /** Bytes that may wait for the disk; beyond, appends fail with LOG_OVERLOADED. */
  queueBytesMax: number;
  /** How far any reader has come: positions below are never given out again. Default 0. */
  positionMin?: number;
  onAlarm(alarm: LogAlarm): void;
}

export interface LogCounters {
  records: number;
  bytes: number;
  groups: number;
  failures: number;
}

export interface LogWriter {
  /**
   * Copies envelope and the first `bodyLength` bytes of body, and calls `done` once: when they are
   * durable, or with LOG_OVERLOADED, LOG_DISK_FULL, LOG_WRITE_FAILED, LOG_RECORD_TOO_LARGE or
   * LOG_CLOSED when they never will be.
   */
  append(envelope: Uint8Array, body: Uint8Array, bodyLength: number, done: AppendDone): void;
  durablePosition(): number;
  waitingBytes(): number;
  counters: Readonly<LogCounters>;
  /** Called with the new durable position after each group, before its callbacks. */
  onDurable: (position: number) => void;
  /** Makes everything appended durable and closes the files. */
  close(): Promise<void>;
}

interface Group {
  bytes: Buffer;
  length: number;
  /** Position of the first byte. */
  start: number;
  /** True when the bytes begin with the header of a new segment. */
  opensSegment: boolean;
  dones: AppendDone[];
  positions: number[];
}

/**
 * A disk that rests starts at this many records, without waiting for the loop turn to end: the
 * rest of the turn is read while it writes.
 */
const EAGER_RECORDS = 16;
const GROUP_BYTES = 1024 * 1024;
/** A buffer that one huge group has grown is not kept for ever. */
const GROUP_BYTES_KEPT = 8 * 1024 * 1024;

/** Opens a partition for writing, recovering what a crash has left. */
export async function openLogWriter(options: LogWriterOptions): Promise<LogWriter> {
  const { disk, folder } = options;
  await disk.makeFolder(folder);
  const watermark = await openWatermark(disk, folder);
  const recovered = await recoverPartition({ ...options, watermark: watermark.initial });
  // Only a disk that has lost durable bytes leaves the log shorter than what was read of it. New
  // records then begin behind the loss, or readers would take them for what they know already.
  const known = Math.max(options.positionMin ?? 0, watermark.initial?.durable ?? 0);
  if (recovered.end < known) {
    const reason = `the log ends at ${recovered.end}; it goes on behind the loss`;
    options.onAlarm({ kind: 'durable-lost', position: known, reason });
    return createWriter(options, watermark, { file: null, base: known, end: known });
  }
  const file = recovered.last ? await disk.open(recovered.last.path, 'write-durable') : null;
  return createWriter(options, watermark, {
    file,
    base: recovered.last?.base ?? recovered.end,
    end: recovered.end,
  });
}

function newGroup(bytes: Buffer = Buffer.allocUnsafe(GROUP_BYTES)): Group {
  return { bytes, length: 0, start: 0, opensSegment: false, dones: [], positions: [] };
}

function createWriter(
  options: LogWriterOptions,
  watermarkFile: WatermarkFile,
  initial: { file: DiskFile | null; base: number; end: number },
): LogWriter {
  const { disk, clock, folder, partition, segmentBytesMax, queueBytesMax, onAlarm } = options;
  const counters: LogCounters = { records: 0, bytes: 0, groups: 0, failures: 0 };
  let file = initial.file;
  /** Base of the segment that is written to. */
  let base = initial.base;
  /** Base of the segment that the gathering group belongs to; null when it must open one. */
  let nextBase = file === null ? null : base;
  let durable = initial.end;
  let next = initial.end;
  let gathering = newGroup();
  let spare: Group | undefined = newGroup();
  let inFlightBytes = 0;
  let isWriting = false;
  let isScheduled = false;
  let isClosed = false;
  let onIdle: (() => void) | undefined;
  const watermark = lazySaver(watermarkFile);

  const begin = (group: Group): void => {
    group.start = next;
    group.opensSegment = nextBase === null || next - nextBase >= segmentBytesMax;
    if (!group.opensSegment) return;
    nextBase = next;
    encodeSegmentHeader(next, clock.wallMs(), partition).copy(group.bytes, 0);
    group.length = SEGMENT_HEADER_BYTES;
    next += SEGMENT_HEADER_BYTES;
  };

  const append: LogWriter['append'] = (envelope, body, bodyLength, done) => {
    if (isClosed) return done(closedError(), -1);
    const payloadBytes = envelope.length + bodyLength;
    const recordBytes = RECORD_HEADER_BYTES + payloadBytes;
    if (payloadBytes > PAYLOAD_BYTES_MAX) return done(tooLargeError(payloadBytes), -1);
    if (inFlightBytes + gathering.length + recordBytes > queueBytesMax) {
      return done(overloadedError(queueBytesMax), -1);
    }
    const group = gathering;
    if (group.dones.length === 0) begin(group);
    const at = group.length;
    if (at + recordBytes > group.bytes.length) grow(group, at + recordBytes);
    const { bytes } = group;
    bytes.set(envelope, at + RECORD_HEADER_BYTES);
    const bodyAt = at + RECORD_HEADER_BYTES + envelope.length;
    bytes.set(bodyLength === body.length ? body : body.subarray(0, bodyLength), bodyAt);
    writeHeader(bytes, at, payloadBytes, next, durable);
    group.dones.push(done);
    group.positions.push(next);
    group.length = at + recordBytes;
    next += recordBytes;
    if (!isWriting && group.dones.length >= EAGER_RECORDS) void writeNext();
    else schedule();
  };

  const schedule = (): void => {
    if (isWriting || isScheduled) return;
    isScheduled = true;
    // The end of the loop turn: every request that this turn has read goes into one write.
    setImmediate(() => {
      isScheduled = false;
      if (!isWriting) void writeNext();
    });
  };

  const writeNext = async (): Promise<void> => {
    isWriting = true;
    let finished: Group | undefined;
    while (finished || gathering.dones.length > 0) {
      if (gathering.dones.length === 0) {
        finished = answer(finished);
        continue;
      }
      const group = gathering;
      gathering = spare ?? newGroup();
      spare = undefined;
      inFlightBytes = group.length;
      const writing = writeGroup(group).then(() => undefined, toError);
      // The disk works on this group while the callers of the one before are answered.
      finished = answer(finished);
      const failure = await writing;
      inFlightBytes = 0;
      if (failure) await fail(group, failure);
      else finished = settle(group);
      spare = recycled(group);
    }
    isWriting = false;
    onIdle?.();
  };

  const writeGroup = async (group: Group): Promise<void> => {
    if (group.opensSegment) {
      const ended = file;
      file = null;
      await ended?.close();
      base = group.start;
      const path = segmentPath(folder, base);
      // What an earlier attempt has left would come back to life behind shorter new records.
      if (await disk.exists(path)) await disk.remove(path);
      file = await disk.open(path, 'write-durable');
    }
    if (!file) throw new Error('no open segment');
    let at = 0;
    while (at < group.length) {
      const count = await file.write(group.bytes, at, group.length - at, group.start - base + at);
      if (count <= 0) throw new Error('the disk took no bytes');
      at += count;
    }
    // A new name must be durable before anything in it is acknowledged.
    if (group.opensSegment) await disk.syncFolder(folder);
  };

  /** From here on the group is durable, whatever happens to those behind it. */
  const settle = (group: Group): Group => {
    durable = group.start + group.length;
    counters.groups++;
    counters.records += group.dones.length;
    counters.bytes += group.length;
    writer.onDurable(durable);
    watermark.save({ base, durable });
    return group;
  };

  const answer = (group: Group | undefined): undefined => {
    if (!group) return;
    for (let at = 0; at < group.dones.length; at++) {
      group.dones[at]?.(undefined, group.positions[at] ?? -1);
    }
  };

  /** Fails the group and all that gathered behind it: their positions assumed that it stands. */
  const fail = async (group: Group, cause: Error): Promise<void> => {
    counters.failures++;
    const behind = gathering;
    gathering = newGroup();
    next = durable;
    nextBase = null;
    const error = writeError(cause);
    onAlarm({ kind: 'write-failed', position: group.start, reason: cause.message });
    await sealSegment();
    for (const done of [...group.dones, ...behind.dones]) done(error, -1);
  };

  const sealSegment = async (): Promise<void> => {
    const sealed = file;
    file = null;
    const hasDurable = durable > base;
    try {
      if (hasDurable) await sealed?.truncate(durable - base);
      await sealed?.close();
      if (!hasDurable && (await disk.exists(segmentPath(folder, base)))) {
        await disk.remove(segmentPath(folder, base));
      }
    } catch (error) {
      // The bytes stay; readers end a segment where the next one begins, so they are not read.
      onAlarm({ kind: 'seal-failed', position: durable, reason: toError(error).message });
    }
  };

  const writer: LogWriter = {
    append,
    durablePosition: () => durable,
    waitingBytes: () => inFlightBytes + gathering.length,
    counters,
    onDurable: () => undefined,
    async close() {
      isClosed = true;
      if (isWriting || gathering.dones.length > 0) {
        await new Promise<void>((resolve) => {
          onIdle = resolve;
        });
      }
      await file?.close();
      await watermark.close();
    },
  };
  return writer;
}

/** Saves only the newest watermark, one at a time, never holding up a group. */
function lazySaver(file: WatermarkFile): { save(w: Watermark): void; close(): Promise<void> } {
  let wanted: Watermark | undefined;
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    while (wanted) {
      const watermark = wanted;
      wanted = undefined;
      // Losing a watermark costs a longer scan at the next start, nothing else.
      await file.save(watermark).catch(() => undefined);
    }
    running = undefined;
  };
  return {
    save(watermark) {
      wanted = watermark;
      running ??= run();
    },
    async close() {
      await running;
      await file.close();
    },
  };
}

function grow(group: Group, needed: number): void {
  const bytes = Buffer.allocUnsafe(Math.max(needed, group.bytes.length * 2));
  group.bytes.copy(bytes, 0, 0, group.length);
  group.bytes = bytes;
}

function recycled(group: Group): Group {
  return group.bytes.length > GROUP_BYTES_KEPT ? newGroup() : newGroup(group.bytes);
}

function writeError(cause: Error): MillraceError {
  const errno = errnoOf(cause);
  const isFull = errno === 'ENOSPC' || errno === 'EDQUOT' || errno === 'EFBIG';
  return new MillraceError(isFull ? 'LOG_DISK_FULL' : 'LOG_WRITE_FAILED', cause.message, { cause });
}

function closedError(): MillraceError {
  return new MillraceError('LOG_CLOSED', 'The log is closed');
}

function tooLargeError(bytes: number): MillraceError {
  return new MillraceError('LOG_RECORD_TOO_LARGE', `A record of ${bytes} bytes is too large`);
}

function overloadedError(queueBytesMax: number): MillraceError {
  return new MillraceError('LOG_OVERLOADED', `More than ${queueBytesMax} bytes wait for the disk`);
}
