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
import { PAYLOAD_BYTES_MAX, RECORD_HEADER_BYTES } from './record.ts';
import {
  answerGroup,
  makeRoom,
  newGroup,
  putRecord,
  putSegmentHeader,
  recycledGroup,
} from './record-group.ts';
import type { AppendDone, RecordGroup } from './record-group.ts';
import { recoverPartition } from './recover.ts';
import type { LogAlarm } from './recover.ts';
import { SEGMENT_HEADER_BYTES, segmentPath } from './segments.ts';
import { openWatermark } from './watermark.ts';
import type { WatermarkFile } from './watermark.ts';
import { closeWatermarkSaver, createWatermarkSaver, saveWatermark } from './watermark-saver.ts';
import type { WatermarkSaver } from './watermark-saver.ts';

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

/** The one value that all functions below work on. */
interface WriterState {
  options: LogWriterOptions;
  counters: LogCounters;
  watermark: WatermarkSaver;
  onDurable(position: number): void;
  file: DiskFile | null;
  /** Base of the segment that is written to. */
  base: number;
  /** Base of the segment that the gathering group belongs to; null when it must open one. */
  nextBase: number | null;
  durable: number;
  /** Position of the next record. */
  next: number;
  gathering: RecordGroup;
  spare: RecordGroup | undefined;
  inFlightBytes: number;
  isWriting: boolean;
  isScheduled: boolean;
  isClosed: boolean;
  /** Called when nothing waits any more. */
  onIdle: (() => void) | undefined;
}

/** Where writing begins. */
interface LogEnd {
  file: DiskFile | null;
  base: number;
  end: number;
}

/**
 * A disk that rests starts at this many records, without waiting for the loop turn to end: the
 * rest of the turn is read while it writes.
 */
const EAGER_RECORDS = 16;

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

function createWriter(options: LogWriterOptions, watermark: WatermarkFile, log: LogEnd): LogWriter {
  const state: WriterState = {
    options,
    counters: { records: 0, bytes: 0, groups: 0, failures: 0 },
    watermark: createWatermarkSaver(watermark),
    onDurable: () => undefined,
    file: log.file,
    base: log.base,
    nextBase: log.file === null ? null : log.base,
    durable: log.end,
    next: log.end,
    gathering: newGroup(),
    spare: newGroup(),
    inFlightBytes: 0,
    isWriting: false,
    isScheduled: false,
    isClosed: false,
    onIdle: undefined,
  };
  return {
    append: (envelope, body, bodyLength, done) => append(state, envelope, body, bodyLength, done),
    durablePosition: () => state.durable,
    waitingBytes: () => waitingBytes(state),
    counters: state.counters,
    get onDurable() {
      return state.onDurable;
    },
    set onDurable(listener) {
      state.onDurable = listener;
    },
    close: () => close(state),
  };
}

function append(
  state: WriterState,
  envelope: Uint8Array,
  body: Uint8Array,
  bodyLength: number,
  done: AppendDone,
): void {
  if (state.isClosed) return done(closedError(), -1);
  const { queueBytesMax } = state.options;
  const payloadBytes = envelope.length + bodyLength;
  const recordBytes = RECORD_HEADER_BYTES + payloadBytes;
  if (payloadBytes > PAYLOAD_BYTES_MAX) return done(tooLargeError(payloadBytes), -1);
  if (waitingBytes(state) + recordBytes > queueBytesMax) {
    return done(overloadedError(queueBytesMax), -1);
  }
  const group = state.gathering;
  try {
    // Before anything is begun, so that a refusal for want of memory leaves nothing behind.
    makeRoom(group, SEGMENT_HEADER_BYTES + recordBytes);
  } catch (error) {
    return done(outOfMemoryError(recordBytes, toError(error)), -1);
  }
  if (group.dones.length === 0) begin(state, group);
  putRecord(group, envelope, body, bodyLength, state.durable, done);
  state.next += recordBytes;
  if (!state.isWriting && group.dones.length >= EAGER_RECORDS) void writeNext(state);
  else schedule(state);
}

function waitingBytes({ inFlightBytes, gathering }: WriterState): number {
  return inFlightBytes + gathering.length;
}

/** Says where the group will stand, in the segment of the one before it or in a new one. */
function begin(state: WriterState, group: RecordGroup): void {
  const { clock, partition, segmentBytesMax } = state.options;
  const { next, nextBase } = state;
  group.start = next;
  if (nextBase !== null && next - nextBase < segmentBytesMax) return;
  putSegmentHeader(group, clock.wallMs(), partition);
  state.nextBase = next;
  state.next = next + group.length;
}

function schedule(state: WriterState): void {
  if (state.isWriting || state.isScheduled) return;
  state.isScheduled = true;
  // The end of the loop turn: every request that this turn has read goes into one write.
  setImmediate(writeAtTurnEnd, state);
}

function writeAtTurnEnd(state: WriterState): void {
  state.isScheduled = false;
  if (!state.isWriting) void writeNext(state);
}

/** Writes group after group until nothing has gathered. */
async function writeNext(state: WriterState): Promise<void> {
  state.isWriting = true;
  let finished: RecordGroup | undefined;
  while (finished || state.gathering.dones.length > 0) {
    const group = takeGathered(state);
    const writing = group && writeGroup(state, group).then(() => undefined, toError);
    // The disk works on this group while the callers of the one before are answered.
    if (finished) answerGroup(finished);
    finished = undefined;
    if (!group) continue;
    const failure = await writing;
    state.inFlightBytes = 0;
    if (failure) await fail(state, group, failure);
    else finished = settle(state, group);
    state.spare = recycledGroup(group);
  }
  state.isWriting = false;
  state.onIdle?.();
}

/** The group that is to be written now; the next one gathers in its place. */
function takeGathered(state: WriterState): RecordGroup | undefined {
  const group = state.gathering;
  if (group.dones.length === 0) return undefined;
  state.gathering = state.spare ?? newGroup();
  state.spare = undefined;
  state.inFlightBytes = group.length;
  return group;
}

async function writeGroup(state: WriterState, group: RecordGroup): Promise<void> {
  if (group.opensSegment) await openSegment(state, group.start);
  const { file, base } = state;
  if (!file) throw new Error('no open segment');
  let at = 0;
  while (at < group.length) {
    const count = await file.write(group.bytes, at, group.length - at, group.start - base + at);
    if (count <= 0) throw new Error('the disk took no bytes');
    at += count;
  }
  // A new name must be durable before anything in it is acknowledged.
  if (group.opensSegment) await state.options.disk.syncFolder(state.options.folder);
}

async function openSegment(state: WriterState, base: number): Promise<void> {
  const { disk, folder } = state.options;
  const ended = state.file;
  state.file = null;
  await ended?.close();
  state.base = base;
  const path = segmentPath(folder, base);
  // What an earlier attempt has left would come back to life behind shorter new records.
  if (await disk.exists(path)) await disk.remove(path);
  state.file = await disk.open(path, 'write-durable');
}

/** From here on the group is durable, whatever happens to those behind it. */
function settle(state: WriterState, group: RecordGroup): RecordGroup {
  const { counters, base } = state;
  const durable = group.start + group.length;
  state.durable = durable;
  counters.groups++;
  counters.records += group.dones.length;
  counters.bytes += group.length;
  state.onDurable(durable);
  saveWatermark(state.watermark, { base, durable });
  return group;
}

/** Fails the group and all that gathered behind it: their positions assumed that it stands. */
async function fail(state: WriterState, group: RecordGroup, cause: Error): Promise<void> {
  const { counters, options, gathering: behind } = state;
  counters.failures++;
  state.gathering = newGroup();
  state.next = state.durable;
  state.nextBase = null;
  const error = writeError(cause);
  options.onAlarm({ kind: 'write-failed', position: group.start, reason: cause.message });
  await sealSegment(state);
  for (const done of [...group.dones, ...behind.dones]) done(error, -1);
}

/** Cuts the segment back to what is durable, and never writes to it again. */
async function sealSegment(state: WriterState): Promise<void> {
  const { base, durable, file: sealed } = state;
  const { disk, folder, onAlarm } = state.options;
  state.file = null;
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
}

async function close(state: WriterState): Promise<void> {
  state.isClosed = true;
  if (state.isWriting || state.gathering.dones.length > 0) {
    await new Promise<void>((resolve) => {
      state.onIdle = resolve;
    });
  }
  await state.file?.close();
  await closeWatermarkSaver(state.watermark);
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

function outOfMemoryError(bytes: number, cause: Error): MillraceError {
  return new MillraceError('LOG_OVERLOADED', `No memory for a record of ${bytes} bytes`, { cause });
}

function overloadedError(queueBytesMax: number): MillraceError {
  return new MillraceError('LOG_OVERLOADED', `More than ${queueBytesMax} bytes wait for the disk`);
}
