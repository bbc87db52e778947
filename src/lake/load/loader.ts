/**
 * From durable records to parts. Each record is judged by its messageIds, its stored events are cut
 * into lines, and from time to time what has gathered is cut off and becomes parts while the next
 * lines gather.
 */
import { toError } from '../../base/errors.ts';
import { emptyFolder } from '../../base/whole-folder.ts';
import { decodePayload } from '../../events/envelope.ts';
import type { Envelope } from '../../events/envelope.ts';
import { normaliseRecord } from '../../events/normalise.ts';
import { createRawItems } from '../../events/raw-items.ts';
import { readRawRecord } from '../../events/raw-record.ts';
import type { RawRecord } from '../../events/raw-record.ts';
import { marksOf } from '../../events/record-marks.ts';
import type { LogRecord } from '../../log/log-reader.ts';
import type { FileKind } from '../file-catalog.ts';
import { rejectedRow, rowLine } from '../lake-columns.ts';
import type { LakeState, PartitionState } from '../lake-state.ts';
import { sourceOf } from '../lake-state.ts';
import { learnEvents } from './learn-events.ts';
import type { EventShapes } from './learn-events.ts';
import { lineShared, putEventLine } from './event-lines.ts';
import { eventValues, putValues } from './event-values.ts';
import type { Cut, Part } from './lake-part.ts';
import { partsFolder, writePart } from './part-writer.ts';
import {
  addJsonLine,
  closeRows,
  countRows,
  createPendingRows,
  pendingBytes,
  removeRows,
  spillRows,
} from './pending-rows.ts';
import type { PendingRows } from './pending-rows.ts';

/** What became of one record, for those who watch. */
export interface LoadedRecord {
  partition: string;
  record: LogRecord;
  envelope: Envelope;
  duplicates: ReadonlySet<number>;
}

/** What came since the last cut. */
export interface Waiting {
  /** Also of duplicates, which make no rows. */
  records: number;
  rows: number;
  bytes: number;
  /** Receipt of the newest, or 0. */
  newestMs: number;
}

export interface Loader {
  /** Judges a record and lays out its rows. */
  add(partition: PartitionState, record: LogRecord): LoadedRecord;
  /** Writes what is laid out to files of the operating system; memory stays small. */
  spill(): Promise<void>;
  waiting(): Waiting;
  /**
   * Closes what has gathered and makes parts of it in the background, behind those of the cut
   * before. Resolves when the making has begun.
   */
  cut(): Promise<void>;
  /** Resolves when all parts of all cuts are made. @throws what kept one from being made. */
  settled(): Promise<void>;
  /** @throws what kept a part from being made: its rows are in the log only, and in no cut. */
  check(): void;
  /** Lets go of what has gathered; the log has it. */
  close(): Promise<void>;
}

/** Receipts whose rows become visible together: a time, and how many. */
type Receipts = { receivedAtMs: number; count: number }[];

const ATTEMPTS_MAX = 5;
const RETRY_MS = 1_000;
const NO_ITEMS: ReadonlySet<number> = new Set();
const NO_MARKS = new Uint8Array(0);

/** @param onCut is called with each cut whose parts are written. */
export function createLoader(
  state: LakeState,
  shapes: EventShapes,
  onCut: (cut: Cut) => void,
): Loader {
  const { disk, dataFolder, clock, logger, metrics } = state.options;
  const visible = metrics.histogram('millrace_lake_visible_seconds');
  const items = createRawItems();
  let cuts = 0;
  let pending = new Map<string, PendingRows>();
  let receipts: Receipts = [];
  let newestMs = 0;
  let making: Promise<void> = Promise.resolve();
  let failure: Error | undefined;

  const rowsOf = (kind: FileKind, region: string): PendingRows => {
    const key = `${kind}/${region}`;
    let rows = pending.get(key);
    if (!rows) {
      rows = createPendingRows(kind, region, partsFolder(dataFolder, region), `${kind}-${cuts}`);
      pending.set(key, rows);
    }
    return rows;
  };
  const addRejected = (partition: PartitionState, { position, payload }: LogRecord): number => {
    const { rejected } = normaliseRecord(payload, { partition: partition.name, position });
    const rows = rowsOf('rejected', partition.region);
    for (const event of rejected) {
      addJsonLine(rows, rowLine(rejectedRow(event, sourceOf(state, event, partition.region))));
      countRows(rows, event.sourceNumber, event.receivedAtMs, 1);
    }
    metrics.cell('millrace_lake_rejected_total').value += rejected.length;
    return rejected.length;
  };
  const addEvents = (
    partition: PartitionState,
    record: RawRecord,
    isLeftOut: (item: number) => boolean,
  ): number => {
    const { envelope } = record;
    const rows = rowsOf('events', partition.region);
    const shared = lineShared(record);
    const { slug } = sourceOf(state, envelope, partition.region);
    const table = learnEvents(shapes, shared, slug);
    let count = 0;
    for (let item = 0; item < record.items.count; item++) {
      if (isLeftOut(item)) continue;
      const before = rows.lines.length;
      table.observe(item);
      const hasRepeats = record.items.sharedRepeats || record.items.repeats[item] === 1;
      if (hasRepeats || !putEventLine(rows.lines, shared, item)) {
        const json = putValues(rows.lines, eventValues(shared, item, hasRepeats));
        if (json !== null) addJsonLine(rows, json);
      }
      rows.longest = Math.max(rows.longest, rows.lines.length - before);
      count++;
    }
    countRows(rows, envelope.sourceNumber, envelope.receivedAtMs, count);
    metrics.cell('millrace_lake_events_total', { source: slug }).value += count;
    return count;
  };
  const makePart = async (rows: PendingRows): Promise<Part | null> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await writePart(partWriterOf(state, rows.region), rows);
      } catch (error) {
        // Short of memory or disk is no fault of the rows, and may pass.
        metrics.cell('millrace_lake_failures_total').value++;
        logger.error(
          { reason: toError(error).message },
          'part not written; it will be tried again',
        );
        if (attempt === ATTEMPTS_MAX) throw error;
        await clock.sleep(RETRY_MS);
      }
    }
  };
  const makeParts = async (
    closed: readonly PendingRows[],
    cursors: Cut['cursors'],
    seen: Receipts,
  ): Promise<void> => {
    const parts: Part[] = [];
    for (const rows of closed) {
      const part = await makePart(rows);
      if (part) parts.push(part);
    }
    onCut({ parts, cursors });
    const now = clock.wallMs();
    for (const { receivedAtMs, count } of seen) {
      if (count > 0) visible.observe((now - receivedAtMs) / 1000, count);
    }
    for (const rows of closed) {
      for (const reason of await removeRows(disk, rows)) {
        logger.warn({ reason }, 'lines of a part not removed');
      }
    }
  };

  return {
    add(partition, record) {
      const { envelope, body } = decodePayload(record.payload);
      const { position } = record;
      const { sourceNumber, receivedAtMs, rejections } = envelope;
      const about = { partition: partition.name, position, next: record.next };
      newestMs = Math.max(newestMs, receivedAtMs);
      let duplicates = NO_ITEMS;
      let count = rejections.length > 0 ? addRejected(partition, record) : 0;
      if (envelope.kind === 'rejected') {
        state.dispatcher.judge({ ...about, sourceNumber, receivedAtMs, marks: NO_MARKS });
      } else {
        const raw = readRawRecord(about, envelope, body, items);
        const marks = marksOf(envelope, raw.body, items);
        duplicates = state.dispatcher.judge({ ...about, sourceNumber, receivedAtMs, marks });
        count += addEvents(partition, raw, (item) => raw.refused.has(item) || duplicates.has(item));
      }
      receipts.push({ receivedAtMs, count });
      return { partition: partition.name, record, envelope, duplicates };
    },
    async spill() {
      for (const rows of pending.values()) await spillRows(disk, rows);
    },
    waiting() {
      let [rows, bytes] = [0, 0];
      for (const kind of pending.values()) {
        rows += kind.rows;
        bytes += pendingBytes(kind);
      }
      return { records: receipts.length, rows, bytes, newestMs };
    },
    async cut() {
      await this.spill();
      // The cut before comes first: cursors say that everything below is in parts.
      await making;
      const closed = [...pending.values()];
      for (const rows of closed) await closeRows(rows);
      const cursors = new Map(
        [...state.partitions].map(([name, { position }]) => [name, position]),
      );
      const seen = receipts;
      cuts++;
      pending = new Map();
      receipts = [];
      newestMs = 0;
      making = makeParts(closed, cursors, seen);
      making.catch((error: unknown) => (failure = toError(error)));
    },
    settled: () => making,
    check() {
      if (failure) throw failure;
    },
    async close() {
      await making.catch(() => undefined);
      for (const rows of pending.values()) await closeRows(rows);
    },
  };
}

function partWriterOf(state: LakeState, region: string): Parameters<typeof writePart>[0] {
  const { disk, random, dataFolder, logger, metrics, settings, isReadOnly } = state.options;
  return {
    connection: state.engine.connection,
    disk,
    random,
    dataFolder,
    sourceOf: (sourceNumber) => sourceOf(state, { sourceNumber }, region),
    logger,
    unloadable: metrics.cell('millrace_lake_unloadable_total'),
    // A query of a stopped server leaves nothing behind.
    wholeRowsMin: isReadOnly ? Number.POSITIVE_INFINITY : Math.ceil(settings.flushRows / 2),
  };
}

/** Prepares the folder of a region's parts: whatever is in it is of an earlier start. */
export async function emptyPartsFolder(
  { disk, dataFolder }: Pick<LakeState['options'], 'disk' | 'dataFolder'>,
  region: string,
): Promise<void> {
  const folder = partsFolder(dataFolder, region);
  await disk.makeFolder(folder);
  await emptyFolder(disk, folder);
}
