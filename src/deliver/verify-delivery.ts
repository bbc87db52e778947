/**
 * Conservation of each destination, recomputed from the files: of the events stored since it
 * began, each is delivered, filtered, discarded, waiting, a dead letter, or still to come. Reads
 * only; works beside a running server.
 */
import { join } from 'node:path';
import type { Disk } from '../base/disk.ts';
import { countDuplicates, countPart, createTally } from '../dispatch/count.ts';
import type { Tally } from '../dispatch/count.ts';
import { openLedger } from '../dispatch/ledger.ts';
import type { Ledger } from '../dispatch/ledger.ts';
import { openCatalog } from '../lake/file-catalog.ts';
import { countStoredRows } from '../lake/count-rows.ts';
import type { RowRange } from '../lake/count-rows.ts';
import { openLogReader } from '../log/log-reader.ts';
import { partitionFolder } from '../log/partition-folder.ts';
import { deliveryStatePath } from './state/delivery-state.ts';
import { openDeliveryState } from './state/delivery-state.ts';
import type { DeliveryState } from './state/delivery-state.ts';
import { LIVE_STREAM } from './state/delivery-rows.ts';
import type { Cursor } from './state/delivery-rows.ts';
import type { DestinationReport } from './verify-shapes.ts';

export interface DeliveryVerifyOptions {
  disk: Disk;
  dataFolder: string;
  destinations: readonly { id: string; slug: string; region: string }[];
  partitions: readonly { name: string; region: string }[];
  sources: readonly { id: string; number: number; slug: string }[];
}

const READ_BYTES = 8 * 1024 * 1024;

/** One report for each destination that has begun. @throws MillraceError DATA_FORMAT_TOO_NEW */
export async function verifyDeliveries(
  options: DeliveryVerifyOptions,
): Promise<DestinationReport[]> {
  const ledger = openLedger(join(options.dataFolder, 'dispatch.db'), { isReadOnly: true });
  const reports: DestinationReport[] = [];
  try {
    for (const destination of options.destinations) {
      const { region, id } = destination;
      const path = deliveryStatePath(options.dataFolder, region, id);
      if (!(await options.disk.exists(path))) continue;
      const state = openDeliveryState(path, { isReadOnly: true });
      try {
        // Cursors and counts of one moment, before log and lake are looked at.
        state.database.exec('begin');
        reports.push(await verifyOne(options, destination, state, ledger));
      } finally {
        state.database.exec('commit');
        state.close();
      }
    }
  } finally {
    ledger.close();
  }
  return reports;
}

/** Events by source and hour, and their sum. */
type Cells = Map<string, number>;

async function verifyOne(
  options: DeliveryVerifyOptions,
  { slug, region }: DeliveryVerifyOptions['destinations'][number],
  state: DeliveryState,
  ledger: Ledger,
): Promise<DestinationReport> {
  const cursors = state.cursors(LIVE_STREAM);
  const judged = ledger.cursors();
  const accounted: Cells = new Map();
  const report: DestinationReport = {
    slug,
    isConserved: true,
    stored: 0,
    delivered: 0,
    filtered: {},
    discarded: 0,
    dead: 0,
    expired: 0,
    pending: 0,
    problems: [],
  };
  for (const { outcome, reason, sourceNumber, hour, count } of state.counts(LIVE_STREAM)) {
    add(accounted, sourceNumber, hour, count);
    if (outcome === 'delivered') report.delivered += count;
    else if (outcome === 'discarded') report.discarded += count;
    else if (outcome === 'dead') report.expired += count;
    else report.filtered[reason] = (report.filtered[reason] ?? 0) + count;
  }
  for (const table of ['waiting', 'dead_letters'] as const) {
    for (const { sourceNumber, hour, count } of placesOf(state, table)) {
      add(accounted, sourceNumber, hour, count);
      if (table === 'waiting') report.pending += count;
      else report.dead += count;
    }
  }
  const mine = options.partitions.filter((partition) => partition.region === region);
  const behind = await storedBetween(options, mine, ledger, (name) => behindCursor(cursors, name));
  const ahead = await storedBetween(options, mine, ledger, (name) => {
    const cursor = cursors.get(name);
    return cursor ? { from: cursor.position, to: judged.get(name) ?? 0 } : null;
  });
  // What the lake has let go cannot be counted again.
  for (const key of expiredHours(options)) {
    behind.delete(key);
    accounted.delete(key);
  }
  compare(behind, accounted, options, report.problems);
  report.stored = sumOf(behind) + sumOf(ahead);
  report.pending += sumOf(ahead);
  report.isConserved = report.problems.length === 0;
  return report;
}

/** Sources and hours of which the lake has let events go. */
function expiredHours({ dataFolder }: DeliveryVerifyOptions): string[] {
  const catalog = openCatalog(join(dataFolder, 'lake.db'), { isReadOnly: true });
  try {
    const counts = catalog.expiredCounts('events');
    return counts.map(({ sourceNumber, hour }) => `${sourceNumber}/${hour}`);
  } finally {
    catalog.close();
  }
}

function behindCursor(cursors: ReadonlyMap<string, Cursor>, name: string) {
  const cursor = cursors.get(name);
  return cursor ? { from: cursor.start, to: cursor.position } : null;
}

function placesOf(state: DeliveryState, table: 'waiting' | 'dead_letters') {
  const rows = state.database
    .prepare(
      `select source_number, hour, count(*) as count from ${table} where stream = ?
       group by source_number, hour`,
    )
    .all(LIVE_STREAM);
  return rows.map((row) => ({
    sourceNumber: Number(row['source_number']),
    hour: Number(row['hour']),
    count: Number(row['count']),
  }));
}

/** What is stored in a range of each partition: rows of the lake, and of the log behind them. */
async function storedBetween(
  options: DeliveryVerifyOptions,
  partitions: DeliveryVerifyOptions['partitions'],
  ledger: Ledger,
  rangeOf: (partition: string) => { from: number; to: number } | null,
): Promise<Cells> {
  const catalog = openCatalog(join(options.dataFolder, 'lake.db'), { isReadOnly: true });
  const cells: Cells = new Map();
  try {
    catalog.database.exec('begin');
    const loaded = catalog.cursors();
    const ranges: RowRange[] = [];
    const tally = createTally();
    for (const { name, region } of partitions) {
      const range = rangeOf(name);
      if (!range || range.from >= range.to) continue;
      const inFiles = Math.min(range.to, loaded.get(name) ?? 0);
      if (range.from < inFiles) ranges.push({ partition: name, from: range.from, to: inFiles });
      const folder = partitionFolder(options.dataFolder, region, name);
      const from = Math.max(range.from, inFiles);
      await countLog(options.disk, { name, folder, from, to: range.to }, ledger, tally);
    }
    for (const row of await countStoredRows(options, catalog, ranges)) {
      add(cells, row.sourceNumber, row.hour, row.count);
    }
    for (const { verdict, sourceNumber, hour, count } of tally.counts()) {
      if (verdict === 'stored') add(cells, sourceNumber, hour, count);
    }
  } finally {
    catalog.database.exec('commit');
    catalog.close();
  }
  return cells;
}

async function countLog(
  disk: Disk,
  { name, folder, from, to }: { name: string; folder: string; from: number; to: number },
  ledger: Ledger,
  tally: Tally,
): Promise<void> {
  const reader = await openLogReader({ disk, folder, from });
  try {
    for (let position = from; position < to;) {
      const { next } = await countPart(reader, to, READ_BYTES, tally);
      if (next === position) break;
      position = next;
    }
  } finally {
    await reader.close();
  }
  const duplicates = ledger.duplicatesOf(name);
  countDuplicates(
    duplicates.filter(({ position }) => position >= from && position < to),
    tally,
  );
}

function compare(
  stored: Cells,
  accounted: Cells,
  { sources }: DeliveryVerifyOptions,
  problems: string[],
): void {
  for (const key of new Set([...stored.keys(), ...accounted.keys()])) {
    const [inStore, inState] = [stored.get(key) ?? 0, accounted.get(key) ?? 0];
    if (inStore === inState) continue;
    const [number, hour] = key.split('/').map(Number);
    const source = sources.find((one) => one.number === number)?.slug ?? `source ${number}`;
    const time = new Date((hour ?? 0) * 3_600_000).toISOString().slice(0, 13);
    problems.push(`${source}, hour ${time}: stored ${inStore}, accounted for ${inState}`);
  }
}

function add(cells: Cells, sourceNumber: number, hour: number, count: number): void {
  if (count === 0) return;
  const key = `${sourceNumber}/${hour}`;
  cells.set(key, (cells.get(key) ?? 0) + count);
}

function sumOf(cells: Cells): number {
  return [...cells.values()].reduce((sum, count) => sum + count, 0);
}
