/**
 * From the log to SQL. Each step reads what is durable, has it judged and lays out its rows; cuts
 * make parts of them, which queries see; in the background parts become files. State that must
 * survive is in the catalog and the ledger; all else is rebuilt from the log when this opens.
 */
import { refillWindow } from '../dispatch/refill.ts';
import { openLogReader } from '../log/log-reader.ts';
import { partitionFolder } from '../log/partition-folder.ts';
import type { SourceInfo } from './lake-columns.ts';
import { createFlusher } from './flusher.ts';
import type { Flusher } from './flusher.ts';
import type { LakeOptions, LakeState, PartitionState } from './lake-state.ts';
import { createEventShapes } from './load/learn-events.ts';
import type { EventShapes } from './load/learn-events.ts';
import { createLoader } from './load/loader.ts';
import type { Waiting } from './load/gathering.ts';
import type { LoadedRecord, Loader } from './load/loader.ts';
import { showViews } from './lake-views.ts';
import { locateRow } from './locate-row.ts';
import type { RowPlace } from './locate-row.ts';
import { lakeTables } from './lake-tables.ts';
import type { KnownViews, LakeTables } from './lake-tables.ts';
import { openLakeState } from './open-lake-state.ts';

export interface Lake {
  /** Adds a partition; it is read from the lake's cursor on. */
  addPartition(name: string, region: string): Promise<void>;
  setSources(sources: readonly SourceInfo[]): void;
  /**
   * Reads, judges and lays out what is durable below each partition's end, a bounded part of it.
   * @param onRecord is called with each record when it is judged.
   * @returns false when nothing was waiting.
   * @throws what kept a part of an earlier step from being made.
   */
  step(
    durableEnd: (partition: string) => number,
    onRecord?: (loaded: LoadedRecord) => void,
  ): Promise<boolean>;
  /** True while a partition has more than was read of it. */
  isBehind(durableEnd: (partition: string) => number): boolean;
  /** What is laid out and in no part yet. */
  waiting(): Waiting;
  /** Makes parts of what is laid out, in the background. */
  cut(): Promise<void>;
  /** Resolves when everything that was cut can be seen. @throws what kept it from being written. */
  settled(): Promise<void>;
  /** What a query sees now. @param known which views the asker has. */
  tables(known: KnownViews): LakeTables;
  state: LakeState;
  /** Makes files of parts. */
  flusher: Flusher;
  /** The Parquet file that has an event, relative to the data folder; null: it is in a part. */
  locate(place: RowPlace): Promise<string | null>;
  close(): Promise<void>;
}

const STEP_BYTES = 4 * 1024 * 1024;

/**
 * Opens catalog, ledger and engine. Partitions are added after.
 * @throws MillraceError DATA_FORMAT_TOO_NEW
 */
export async function openLake(options: LakeOptions): Promise<Lake> {
  const state = await openLakeState(options);
  const shapes = createEventShapes((event, slug) => {
    showViews(
      state,
      state.warehouse.observe([event], () => slug),
    );
  });
  const flusher = createFlusher(state);
  const hotRows = options.metrics.cell('millrace_lake_hot_rows');
  const loader = createLoader(state, shapes, ({ parts, cursors }) => {
    state.parts.push(...parts);
    state.partCursors = cursors;
    hotRows.value = state.parts.reduce((sum, { rows }) => sum + rows, 0);
  });

  return {
    state,
    flusher,
    addPartition: (name, region) => addPartition(state, name, region),
    setSources: (sources) => setSources(state, shapes, sources),
    step: (durableEnd, onRecord) => step(state, loader, durableEnd, onRecord),
    isBehind: (durableEnd) =>
      [...state.partitions.values()].some(({ name, position }) => durableEnd(name) > position),
    waiting: () => loader.waiting(),
    cut: () => loader.cut(),
    settled: () => loader.settled(),
    tables: (known) => lakeTables(state, known),
    locate: (place) => locateRow(state, place),
    close: () => close(state, loader, flusher),
  };
}

async function addPartition(state: LakeState, name: string, region: string): Promise<void> {
  if (state.partitions.has(name)) return;
  const { disk, dataFolder, settings } = state.options;
  const folder = partitionFolder(dataFolder, region, name);
  const position = state.catalog.cursors().get(name) ?? 0;
  const reader = await openLogReader({ disk, folder, from: position });
  state.partitions.set(name, { name, region, folder, reader, position });
  if (!state.dispatcher.isUnfilled(name)) return;
  const windowHours = settings.dedupWindowHours;
  await refillWindow(state.dispatcher, { name, folder }, { disk, windowHours });
}

function setSources(state: LakeState, shapes: EventShapes, sources: readonly SourceInfo[]): void {
  for (const source of sources) {
    // Under another name a source has other tables, which have everything to learn.
    if (state.sources.get(source.number)?.slug !== source.slug) shapes.known.clear();
    state.sources.set(source.number, source);
    state.warehouse.addSource(source.slug);
  }
  showViews(
    state,
    state.warehouse.observe([], () => ''),
  );
}

async function step(
  state: LakeState,
  loader: Loader,
  durableEnd: (partition: string) => number,
  onRecord: ((loaded: LoadedRecord) => void) | undefined,
): Promise<boolean> {
  // Nothing more may come behind what is missing; a new start reads it again.
  loader.check();
  let hasProgress = false;
  for (const partition of state.partitions.values()) {
    const end = durableEnd(partition.name);
    if (end > partition.position && (await readPart(state, loader, partition, end, onRecord))) {
      hasProgress = true;
    }
  }
  if (hasProgress) {
    // Before anybody acts on the verdicts.
    state.dispatcher.seal();
    await loader.spill();
  }
  return hasProgress;
}

async function readPart(
  state: LakeState,
  loader: Loader,
  partition: PartitionState,
  end: number,
  onRecord: ((loaded: LoadedRecord) => void) | undefined,
): Promise<boolean> {
  const { metrics, logger } = state.options;
  const { name } = partition;
  const { records, next, damage } = await partition.reader.read(end, STEP_BYTES);
  for (const { from, to, reason } of damage) {
    metrics.cell('millrace_dispatch_damaged_total').value++;
    logger.error({ partition: name, from, to, reason }, 'damaged log range skipped');
  }
  for (const record of records) {
    const loaded = loader.add(partition, record);
    onRecord?.(loaded);
    const { size } = loaded.duplicates;
    if (size === 0) continue;
    const source = state.sources.get(loaded.envelope.sourceNumber)?.slug;
    const label = source ?? String(loaded.envelope.sourceNumber);
    metrics.cell('millrace_dispatch_duplicates_total', { source: label }).value += size;
  }
  const hasProgress = next > partition.position;
  partition.position = next;
  metrics.cell('millrace_dispatch_position', { partition: name }).value = next;
  return hasProgress;
}

async function close(state: LakeState, loader: Loader, flusher: Flusher): Promise<void> {
  for (const { reader } of state.partitions.values()) await reader.close();
  await loader.close();
  await flusher.stop();
  for (const { path, isWhole } of state.parts) {
    if (!isWhole) await state.options.disk.remove(path);
  }
  state.background.closeSync();
  state.engine.close();
  state.catalog.close();
  state.ledger.close();
}
