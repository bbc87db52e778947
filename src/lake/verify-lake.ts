/**
 * Conservation, recomputed from the files: for every source and hour, what the log received equals
 * what is stored, rejected, duplicate and suppressed; and what is stored and rejected is, row by
 * row, in the lake's Parquet files. Reads only; works beside a running server.
 */
import { join } from 'node:path';
import type { Disk } from '../base/disk.ts';
import { countDuplicates, countPart, createTally } from '../dispatch/count.ts';
import type { Tally } from '../dispatch/count.ts';
import { openLedger } from '../dispatch/ledger.ts';
import type { Ledger } from '../dispatch/ledger.ts';
import type { Verdict } from '../dispatch/verdict.ts';
import { openLogReader } from '../log/log-reader.ts';
import { partitionFolder } from '../log/partition-folder.ts';
import { listSegments } from '../log/segments.ts';
import { openCatalog } from './file-catalog.ts';
import type { Catalog, FileKind } from './file-catalog.ts';
import { openEngine, TEMPORARY_FOLDER } from './sql-engine.ts';
import { parquetRelation } from './parquet.ts';
import { sourceNumberOf } from './lake-state.ts';
import type { VerifyReport } from './verify-shapes.ts';

export interface VerifyOptions {
  disk: Disk;
  dataFolder: string;
  partitions: readonly { name: string; region: string }[];
  sources: readonly { id: string; number: number; slug: string }[];
  /** Called with the share done, 0 to 1. */
  onProgress(share: number): void;
}

const READ_BYTES = 8 * 1024 * 1024;
const HOUR_MS = 3_600_000;

/** @throws MillraceError DATA_FORMAT_TOO_NEW */
export async function verifyConservation(options: VerifyOptions): Promise<VerifyReport> {
  const { dataFolder } = options;
  const catalog = openCatalog(join(dataFolder, 'lake.db'), { isReadOnly: true });
  const ledger = openLedger(join(dataFolder, 'dispatch.db'), { isReadOnly: true });
  try {
    // One snapshot of the catalog, taken before the log is read: whatever a running server adds
    // meanwhile lies beyond its cursors.
    catalog.database.exec('begin');
    return await verifyWith(options, catalog, ledger);
  } finally {
    catalog.database.exec('commit');
    catalog.close();
    ledger.close();
  }
}

async function verifyWith(
  options: VerifyOptions,
  catalog: Catalog,
  ledger: Ledger,
): Promise<VerifyReport> {
  const problems: string[] = [];
  const cursors = catalog.cursors();
  const tally = createTally();
  for (const { verdict, sourceNumber, hour, count } of ledger.removedCounts()) {
    tally.add(verdict, sourceNumber, hour, count);
  }
  let received = sumOf(ledger.removedCounts());
  let pending = 0;
  for (const [at, partition] of options.partitions.entries()) {
    options.onProgress(at / (options.partitions.length + 1));
    const cursor = cursors.get(partition.name) ?? 0;
    const counted = await countPartition(options, partition, cursor, ledger, tally, problems);
    received += counted.received + counted.pending;
    pending += counted.pending;
  }
  const lakeRows = await checkKind(options, catalog, 'events', 'stored', tally, problems);
  const rejectedRows = await checkKind(options, catalog, 'rejected', 'rejected', tally, problems);
  options.onProgress(1);
  const [stored, rejected, duplicate, suppressed] = (
    ['stored', 'rejected', 'duplicate', 'suppressed'] as const
  ).map((verdict) => tally.total(verdict)) as [number, number, number, number];
  if (received !== stored + rejected + duplicate + suppressed + pending) {
    problems.push(
      `received ${received} is not stored ${stored} + rejected ${rejected} + ` +
        `duplicate ${duplicate} + suppressed ${suppressed} + pending ${pending}`,
    );
  }
  return {
    isConserved: problems.length === 0,
    received,
    stored,
    rejected,
    duplicate,
    suppressed,
    lakeRows,
    rejectedRows,
    lakeExpired: sumOf(catalog.expiredCounts('events')),
    rejectedExpired: sumOf(catalog.expiredCounts('rejected')),
    pending,
    problems,
  };
}

/** Adds what a partition holds below its lake cursor to the tally. */
async function countPartition(
  { disk, dataFolder }: VerifyOptions,
  { name, region }: { name: string; region: string },
  cursor: number,
  ledger: Ledger,
  tally: Tally,
  problems: string[],
): Promise<{ received: number; pending: number }> {
  const folder = partitionFolder(dataFolder, region, name);
  const segments = await listSegments(disk, folder);
  const from = Math.max(ledger.removedBefore(name), segments[0]?.base ?? 0);
  if (from > ledger.removedBefore(name) && segments[0] && segments[0].base > 0) {
    problems.push(`${name}: the log begins at ${from}; what was before it is not accounted for`);
  }
  const reader = await openLogReader({ disk, folder, from });
  let received = 0;
  let pending = 0;
  try {
    let position = from;
    while (position < cursor) {
      const part = await countPart(reader, cursor, READ_BYTES, tally);
      received += part.received;
      for (const { from: start, to, reason } of part.damaged) {
        problems.push(`${name}: damaged from ${start} to ${to} (${reason})`);
      }
      if (part.next === position) {
        problems.push(`${name}: the log ends at ${position}, below the lake's cursor ${cursor}`);
        break;
      }
      position = part.next;
    }
    const rest = createTally();
    for (let last = -1; position !== last;) {
      last = position;
      const part = await countPart(reader, Number.POSITIVE_INFINITY, READ_BYTES, rest);
      pending += part.received;
      position = part.next;
    }
  } finally {
    await reader.close();
  }
  const duplicates = ledger.duplicatesOf(name).filter(({ position }) => position < cursor);
  countDuplicates(
    duplicates.filter(({ position }) => position >= from),
    tally,
  );
  return { received, pending };
}

/** Compares the log's counts with the catalog's, and those with the rows of the files. */
async function checkKind(
  options: VerifyOptions,
  catalog: Catalog,
  kind: FileKind,
  verdict: Verdict,
  tally: Tally,
  problems: string[],
): Promise<number> {
  const expired = catalog.expiredCounts(kind);
  const fromLog = new Map<string, number>();
  for (const { verdict: found, sourceNumber, hour, count } of tally.counts()) {
    if (found === verdict) fromLog.set(`${sourceNumber}/${hour}`, count);
  }
  const listed = new Map<string, number>();
  for (const { sourceNumber, hour, count } of [...catalog.hourCounts(kind), ...expired]) {
    const key = `${sourceNumber}/${hour}`;
    listed.set(key, (listed.get(key) ?? 0) + count);
  }
  compare(`${verdict} in the log`, fromLog, 'in the catalog', listed, options, problems);
  for (const { sourceNumber, hour, count } of expired) {
    const key = `${sourceNumber}/${hour}`;
    listed.set(key, (listed.get(key) ?? 0) - count);
  }
  const inFiles = await countFiles(options, catalog, kind, problems);
  compare(`${kind} in the catalog`, listed, 'in the Parquet files', inFiles, options, problems);
  return [...inFiles.values()].reduce((sum, count) => sum + count, 0);
}

function compare(
  leftName: string,
  left: ReadonlyMap<string, number>,
  rightName: string,
  right: ReadonlyMap<string, number>,
  { sources }: VerifyOptions,
  problems: string[],
): void {
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const [a, b] = [left.get(key) ?? 0, right.get(key) ?? 0];
    if (a === b) continue;
    const [number, hour] = key.split('/').map(Number);
    const slug = sources.find((source) => source.number === number)?.slug ?? `source ${number}`;
    const time = new Date((hour ?? 0) * HOUR_MS).toISOString().slice(0, 13);
    problems.push(`${slug}, hour ${time}: ${leftName} ${a}, ${rightName} ${b}`);
  }
}

/** Rows by source and hour, counted from the files themselves. */
async function countFiles(
  { disk, dataFolder, sources }: VerifyOptions,
  catalog: Catalog,
  kind: FileKind,
  problems: string[],
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const present: string[] = [];
  const folders = new Set<string>();
  for (const { path, region } of catalog.files(kind)) {
    folders.add(join(dataFolder, region, kind === 'events' ? 'lake' : 'rejected'));
    if (await disk.exists(join(dataFolder, path))) present.push(path);
    else problems.push(`${path} is listed and not there`);
  }
  const relation = parquetRelation(dataFolder, present);
  if (relation === null) return counts;
  const engine = await openEngine({
    memoryLimit: '512MB',
    threads: 2,
    folders: [...folders],
    temporaryRoot: join(dataFolder, TEMPORARY_FOLDER),
  });
  try {
    const reader = await engine.connection.runAndReadAll(
      `select source_id, (epoch_ms(received_at) // ${HOUR_MS})::bigint as hour, count(*) as count
       from ${relation} group by all`,
    );
    const numbers = new Map(sources.map(({ id, number }) => [id, number]));
    for (const row of reader.getRowObjectsJson()) {
      const key = `${sourceNumberOf(String(row['source_id']), numbers)}/${Number(row['hour'])}`;
      counts.set(key, (counts.get(key) ?? 0) + Number(row['count']));
    }
  } finally {
    engine.close();
  }
  return counts;
}

function sumOf(counts: readonly { count: number }[]): number {
  return counts.reduce((sum, { count }) => sum + count, 0);
}
