/**
 * From the log to SQL. Each step reads what is durable, has it judged, loads it into the hot tail
 * and shows it; in the background frozen hot tables become Parquet. State that must survive is in
 * the catalog and the ledger; everything else is rebuilt from the log when this opens.
 */
import { join } from 'node:path';
import { MillraceError, toError } from '../base/errors.ts';
import { createDispatcher } from '../dispatch/dispatcher.ts';
import { openLedger } from '../dispatch/ledger.ts';
import type { NormalEvent, RejectedEvent } from '../events/normalise.ts';
import { openLogReader } from '../log/log-reader.ts';
import type { LogRecord } from '../log/log-reader.ts';
import { partitionFolder } from '../log/partition-folder.ts';
import { openCatalog } from './catalog.ts';
import { EVENT_COLUMNS, eventRow, REJECTED_COLUMNS, rejectedRow } from './columns.ts';
import type { SourceInfo } from './columns.ts';
import { openEngine } from './engine.ts';
import { openHotTail } from './hot-tail.ts';
import type { LakeOptions, LakeState } from './lake-state.ts';
import { removeOrphans } from './parquet.ts';
import { runSql } from './sql.ts';
import type { SqlRequest, SqlResult } from './sql.ts';
import { createWarehouse } from './warehouse.ts';
import { locateRow } from './locate-row.ts';
import type { RowPlace } from './locate-row.ts';
import { refreshTables } from './tables.ts';

export interface StepResult {
  events: readonly NormalEvent[];
  rejected: readonly RejectedEvent[];
  repeated: readonly NormalEvent[];
  /** False when nothing was waiting. */
  hasProgress: boolean;
}

export interface Lake {
  /** Adds a partition; it is read from the lake's cursor on. */
  addPartition(name: string, region: string): Promise<void>;
  setSources(sources: readonly SourceInfo[]): void;
  /**
   * Reads, judges, loads and shows what is durable below each partition's end.
   * @param onRecord is called with each record before it is judged.
   */
  step(
    durableEnd: (partition: string) => number,
    onRecord?: (partition: string, record: LogRecord) => void,
  ): Promise<StepResult>;
  query(request: SqlRequest, cancelled?: AbortSignal): Promise<SqlResult>;
  state: LakeState;
  /** The Parquet file that has an event, relative to the data folder; null: it is in memory. */
  locate(place: RowPlace): Promise<string | null>;
  close(): Promise<void>;
}

const STEP_BYTES = 4 * 1024 * 1024;
export const TEMPORARY_FOLDER = 'tmp';

/**
 * Opens catalog, ledger and engine, and shows what the catalog lists. Partitions are added after.
 * @throws MillraceError DATA_FORMAT_TOO_NEW
 */
export async function openLake(options: LakeOptions): Promise<Lake> {
  const state = await openState(options);
  const { clock, metrics, logger } = options;
  const visible = metrics.histogram('millrace_lake_visible_seconds');
  const rejectedTotal = metrics.cell('millrace_lake_rejected_total');
  const hotRows = metrics.cell('millrace_lake_hot_rows');

  /** A view that the engine refuses must not keep events out of the lake. */
  const refreshViews = async (events: readonly NormalEvent[]): Promise<void> => {
    for (const sql of state.warehouse.observe(events, (event) => sourceOf(state, event).slug)) {
      await state.engine.connection.run(sql).catch((error: unknown) => {
        metrics.cell('millrace_lake_failures_total').value++;
        logger.error({ reason: toError(error).message.slice(0, 500) }, 'view not refreshed');
      });
    }
  };
  const step: Lake['step'] = async (durableEnd, onRecord) => {
    const result = await readStep(state, durableEnd, onRecord);
    const { events, rejected } = result;
    if (!result.hasProgress) {
      await refreshViews([]);
      return result;
    }
    state.dispatcher.seal();
    await state.events.load(events.map((event) => eventRow(event, sourceOf(state, event))));
    await state.rejected.load(rejected.map((event) => rejectedRow(event, sourceOf(state, event))));
    await refreshViews(events);
    const now = clock.wallMs();
    for (const event of events) {
      visible.observe((now - event.receivedAtMs) / 1000);
      const source = sourceOf(state, event).slug;
      metrics.cell('millrace_lake_events_total', { source }).value++;
    }
    rejectedTotal.value += rejected.length;
    hotRows.value = state.events.rows() + state.rejected.rows();
    return result;
  };

  return {
    state,
    async addPartition(name, region) {
      if (state.partitions.has(name)) return;
      const folder = partitionFolder(options.dataFolder, region, name);
      const position = state.catalog.cursors().get(name) ?? 0;
      const reader = await openLogReader({ disk: options.disk, folder, from: position });
      state.partitions.set(name, { name, region, folder, reader, position });
    },
    setSources(sources) {
      for (const source of sources) {
        state.sources.set(source.number, source);
        state.warehouse.addSource(source.slug);
      }
    },
    step,
    async query(request, cancelled) {
      const seams = {
        engine: state.engine,
        clock,
        disk: options.disk,
        random: options.random,
        temporaryFolder: state.temporaryFolder,
      };
      let outcome = 'failed';
      try {
        const result = await runSql(seams, request, cancelled);
        outcome = 'ok';
        return result;
      } catch (error) {
        if (error instanceof MillraceError) outcome = error.code.toLowerCase();
        throw error;
      } finally {
        metrics.cell('millrace_sql_queries_total', { outcome }).value++;
      }
    },
    locate: (place) => locateRow(state, place),
    async close() {
      for (const { reader } of state.partitions.values()) await reader.close();
      state.background.closeSync();
      state.engine.close();
      state.catalog.close();
      state.ledger.close();
    },
  };
}

async function openState(options: LakeOptions): Promise<LakeState> {
  const { disk, dataFolder, regions, settings, isReadOnly, logger, metrics } = options;
  const temporaryFolder = join(dataFolder, TEMPORARY_FOLDER);
  await disk.makeFolder(temporaryFolder);
  const branches = regions.flatMap((region) => [
    join(dataFolder, region, 'lake'),
    join(dataFolder, region, 'rejected'),
  ]);
  for (const folder of branches) await disk.makeFolder(folder);
  const catalog = openCatalog(join(dataFolder, 'lake.db'));
  const ledger = openLedger(join(dataFolder, 'dispatch.db'));
  if (!isReadOnly) {
    const listed = new Set(catalog.files().map(({ path }) => path));
    const removed = await removeOrphans({ disk, dataFolder, temporaryFolder }, regions, listed);
    if (removed.length > 0)
      logger.info({ files: removed.length }, 'unlisted Parquet files removed');
  }
  const engine = await openEngine({
    memoryLimit: settings.memoryLimit,
    threads: settings.threads,
    folders: [temporaryFolder, ...branches],
  });
  const unloadable = metrics.cell('millrace_lake_unloadable_total');
  const shared = { connection: engine.connection, disk, temporaryFolder, unloadable, logger };
  const state: LakeState = {
    options,
    temporaryFolder,
    engine,
    background: await engine.connect(),
    catalog,
    ledger,
    dispatcher: createDispatcher(ledger, {
      windowHours: settings.dedupWindowHours,
      keysMax: settings.dedupKeysMax,
      from: catalog.cursors(),
      isReadOnly,
    }),
    warehouse: createWarehouse(catalog),
    events: await openHotTail({ ...shared, name: 'events', columns: EVENT_COLUMNS }),
    rejected: await openHotTail({ ...shared, name: 'rejected', columns: REJECTED_COLUMNS }),
    partitions: new Map(),
    sources: new Map(),
  };
  await refreshTables(state);
  for (const sql of state.warehouse.all()) await engine.connection.run(sql);
  return state;
}

async function readStep(
  state: LakeState,
  durableEnd: (partition: string) => number,
  onRecord: ((partition: string, record: LogRecord) => void) | undefined,
): Promise<StepResult> {
  const { metrics, logger } = state.options;
  const events: NormalEvent[] = [];
  const rejected: RejectedEvent[] = [];
  const repeated: NormalEvent[] = [];
  let hasProgress = false;
  for (const partition of state.partitions.values()) {
    const end = durableEnd(partition.name);
    if (end <= partition.position) continue;
    const { records, next, damage } = await partition.reader.read(end, STEP_BYTES);
    for (const { from, to, reason } of damage) {
      metrics.cell('millrace_dispatch_damaged_total').value++;
      logger.error({ partition: partition.name, from, to, reason }, 'damaged log range skipped');
    }
    for (const record of records) {
      onRecord?.(partition.name, record);
      const result = state.dispatcher.dispatch(partition.name, record);
      for (const event of result.events) events.push(event);
      for (const event of result.rejected) rejected.push(event);
      for (const event of result.repeated) repeated.push(event);
      for (const { sourceNumber } of result.duplicates) {
        const source = state.sources.get(sourceNumber)?.slug ?? String(sourceNumber);
        metrics.cell('millrace_dispatch_duplicates_total', { source }).value++;
      }
    }
    if (next > partition.position) hasProgress = true;
    partition.position = next;
    metrics.cell('millrace_dispatch_position', { partition: partition.name }).value = next;
  }
  return { events, rejected, repeated, hasProgress };
}

function sourceOf(state: LakeState, event: { sourceNumber: number }): SourceInfo {
  const known = state.sources.get(event.sourceNumber);
  if (known) return known;
  const slug = `source_${event.sourceNumber}`;
  const [region = 'us'] = state.options.regions;
  return { number: event.sourceNumber, id: slug, slug, region, environment: 'production' };
}
