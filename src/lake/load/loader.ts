/**
 * From durable records to parts. Each record is judged by its messageIds, its stored events are cut
 * into lines, and from time to time what has gathered is cut off and becomes parts while the next
 * lines gather.
 */
import { toError } from '../../base/errors.ts';
import { emptyFolder } from '../../base/whole-folder.ts';
import { decodePayload } from '../../events/envelope.ts';
import type { Envelope } from '../../events/envelope.ts';
import { createRawItems } from '../../events/raw-items.ts';
import type { RawItems } from '../../events/raw-items.ts';
import { readRawRecord } from '../../events/raw-record.ts';
import { marksOf } from '../../events/record-marks.ts';
import type { LogRecord } from '../../log/log-reader.ts';
import type { Histogram } from '../../observe/metrics.ts';
import type { LakeState, PartitionState } from '../lake-state.ts';
import { makeParts, observeVisible, removeLines } from './cut-parts.ts';
import type { EventShapes } from './learn-events.ts';
import { closeGathering, newGathering, spillGathering, waitingOf } from './gathering.ts';
import type { Gathering, Waiting } from './gathering.ts';
import type { Cut } from './lake-part.ts';
import { partsFolder } from './part-writer.ts';
import { addEvents, addRejected } from './record-rows.ts';

/** What became of one record, for those who watch. */
export interface LoadedRecord {
  partition: string;
  record: LogRecord;
  envelope: Envelope;
  duplicates: ReadonlySet<number>;
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

/** The one value that all functions below work on. */
interface LoaderState {
  lake: LakeState;
  shapes: EventShapes;
  onCut(cut: Cut): void;
  visible: Histogram;
  /** Where the fields of a record's events are; used again for each record. */
  items: RawItems;
  gathering: Gathering;
  /** Resolves when all parts of all cuts are made. */
  making: Promise<void>;
  failure: Error | undefined;
}

const NO_ITEMS: ReadonlySet<number> = new Set();
const NO_MARKS = new Uint8Array(0);

/** @param onCut is called with each cut whose parts are written. */
export function createLoader(
  lake: LakeState,
  shapes: EventShapes,
  onCut: (cut: Cut) => void,
): Loader {
  const loader: LoaderState = {
    lake,
    shapes,
    onCut,
    visible: lake.options.metrics.histogram('millrace_lake_visible_seconds'),
    items: createRawItems(),
    gathering: newGathering(0),
    making: Promise.resolve(),
    failure: undefined,
  };
  return {
    add: (partition, record) => add(loader, partition, record),
    spill: () => spillGathering(loader.gathering, lake.options.disk),
    waiting: () => waitingOf(loader.gathering),
    cut: () => cut(loader),
    settled: () => loader.making,
    check() {
      if (loader.failure) throw loader.failure;
    },
    async close() {
      await loader.making.catch(() => undefined);
      await closeGathering(loader.gathering);
    },
  };
}

function add(loader: LoaderState, partition: PartitionState, record: LogRecord): LoadedRecord {
  const { lake, gathering, shapes, items } = loader;
  const { envelope, body } = decodePayload(record.payload);
  const { position } = record;
  const { sourceNumber, receivedAtMs, rejections } = envelope;
  const about = { partition: partition.name, position, next: record.next };
  gathering.newestMs = Math.max(gathering.newestMs, receivedAtMs);
  let duplicates = NO_ITEMS;
  let count = rejections.length > 0 ? addRejected(lake, gathering, partition, record) : 0;
  if (envelope.kind === 'rejected') {
    lake.dispatcher.judge({ ...about, sourceNumber, receivedAtMs, marks: NO_MARKS });
  } else {
    const raw = readRawRecord(about, envelope, body, items);
    const marks = marksOf(envelope, raw.body, items);
    duplicates = lake.dispatcher.judge({ ...about, sourceNumber, receivedAtMs, marks });
    count += addEvents(lake, gathering, shapes, partition.region, raw, duplicates);
  }
  gathering.receipts.push({ receivedAtMs, count });
  return { partition: partition.name, record, envelope, duplicates };
}

async function cut(loader: LoaderState): Promise<void> {
  const { lake, gathering } = loader;
  await spillGathering(gathering, lake.options.disk);
  // The cut before comes first: cursors say that everything below is in parts.
  await loader.making;
  await closeGathering(gathering);
  const cursors = new Map([...lake.partitions].map(([name, { position }]) => [name, position]));
  loader.gathering = newGathering(gathering.cut + 1);
  loader.making = make(loader, gathering, cursors);
  loader.making.catch((error: unknown) => (loader.failure = toError(error)));
}

async function make(
  { lake, onCut, visible }: LoaderState,
  closed: Gathering,
  cursors: Cut['cursors'],
): Promise<void> {
  const parts = await makeParts(lake, closed);
  onCut({ parts, cursors });
  observeVisible(visible, closed, lake.options.clock.wallMs());
  await removeLines(lake, closed);
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
