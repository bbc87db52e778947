/**
 * Writes frozen hot tables to Parquet and commits them. The order is the promise:
 *   1. write to a temporary name, 2. sync the bytes, 3. rename into the lake, 4. sync the folder,
 *   5. list file, counts and cursor in one catalog transaction, 6. show it to queries.
 * A crash before 5 leaves an orphan that the next start removes; the log still has the events.
 */
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Disk } from '../base/disk.ts';
import type { Random } from '../base/random.ts';
import type { FileKind, HourCount, NewFile } from './catalog.ts';
import { quote } from './engine.ts';

export interface ParquetOptions {
  connection: DuckDBConnection;
  disk: Disk;
  random: Random;
  dataFolder: string;
  temporaryFolder: string;
}

const ROW_GROUP_ROWS = 65_536;
const SORT_ORDER: Record<FileKind, string> = {
  events: 'source, received_at, "partition", "position", "index"',
  rejected: 'source, received_at, "partition", "position", "index"',
};

/** `<data>/<region>/<lake|rejected>/day=<YYYY-MM-DD>` */
export function dayFolder(dataFolder: string, kind: FileKind, region: string, day: string): string {
  return join(dataFolder, region, kind === 'events' ? 'lake' : 'rejected', `day=${day}`);
}

/**
 * Writes all rows of a relation as one file for each region and day (steps 1 to 4).
 * @param relation a table or a `read_parquet(…)` call with the kind's columns.
 * @param sourceNumbers from `source_id` to the number that counts are kept by.
 */
export async function writeParquet(
  options: ParquetOptions,
  kind: FileKind,
  relation: string,
  sourceNumbers: ReadonlyMap<string, number>,
): Promise<NewFile[]> {
  const { connection } = options;
  const groups = await connection.runAndReadAll(
    `select region, strftime(received_at, '%Y-%m-%d') as day, source_id,
       (epoch_ms(received_at) // 3600000)::bigint as hour, count(*) as count
     from ${relation} group by all order by all`,
  );
  const byFile = new Map<string, { region: string; day: string; counts: HourCount[] }>();
  for (const row of groups.getRowObjectsJson()) {
    const region = String(row['region']);
    const day = String(row['day']);
    const key = `${region}/${day}`;
    const group = byFile.get(key) ?? { region, day, counts: [] };
    byFile.set(key, group);
    group.counts.push({
      sourceNumber: sourceNumbers.get(String(row['source_id'])) ?? 0,
      hour: Number(row['hour']),
      count: Number(row['count']),
    });
  }
  const files: NewFile[] = [];
  for (const { region, day, counts } of byFile.values()) {
    files.push(await writeFile(options, kind, relation, region, day, mergeCounts(counts)));
  }
  return files;
}

async function writeFile(
  options: ParquetOptions,
  kind: FileKind,
  relation: string,
  region: string,
  day: string,
  counts: HourCount[],
): Promise<NewFile> {
  const { connection, disk, random, dataFolder, temporaryFolder } = options;
  const name = `${random.uuid()}.parquet`;
  const temporary = join(temporaryFolder, name);
  await connection.run(
    `copy (select * from ${relation}
       where region = ${quote(region)} and strftime(received_at, '%Y-%m-%d') = ${quote(day)}
       order by ${SORT_ORDER[kind]})
     to ${quote(temporary)}
     (format parquet, compression zstd, row_group_size ${ROW_GROUP_ROWS})`,
  );
  const file = await disk.open(temporary, 'write');
  const bytes = await file.size();
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  const folder = dayFolder(dataFolder, kind, region, day);
  await disk.makeFolder(folder);
  const path = join(folder, name);
  await disk.rename(temporary, path);
  await disk.syncFolder(folder);
  const rows = counts.reduce((sum, { count }) => sum + count, 0);
  return { kind, region, day, path: relativePath(dataFolder, path), rows, bytes, counts };
}

/** Paths are stored relative to the data folder, so that it can be moved. */
function relativePath(dataFolder: string, path: string): string {
  return path.slice(dataFolder.length + 1);
}

/** Adds up counts of the same source and hour. */
export function mergeCounts(counts: readonly HourCount[]): HourCount[] {
  const merged = new Map<string, HourCount>();
  for (const { sourceNumber, hour, count } of counts) {
    const key = `${sourceNumber}/${hour}`;
    const known = merged.get(key);
    if (known) known.count += count;
    else merged.set(key, { sourceNumber, hour, count });
  }
  return [...merged.values()];
}

/** `read_parquet([…])` over listed files, or null when there are none. */
export function parquetRelation(dataFolder: string, paths: readonly string[]): string | null {
  if (paths.length === 0) return null;
  const list = paths.map((path) => quote(join(dataFolder, path))).join(', ');
  return `read_parquet([${list}], hive_partitioning = false)`;
}

/** Removes Parquet files that are not listed (a crash before step 5, or a finished compaction). */
export async function removeOrphans(
  options: Pick<ParquetOptions, 'disk' | 'dataFolder' | 'temporaryFolder'>,
  regions: readonly string[],
  listed: ReadonlySet<string>,
): Promise<string[]> {
  const { disk, dataFolder, temporaryFolder } = options;
  const removed: string[] = [];
  for (const name of await disk.list(temporaryFolder)) {
    if (/\.(parquet|ndjson)$/.test(name)) await disk.remove(join(temporaryFolder, name));
  }
  for (const region of regions) {
    for (const branch of ['lake', 'rejected']) {
      const root = join(dataFolder, region, branch);
      for (const day of await disk.list(root)) {
        for (const name of await disk.list(join(root, day))) {
          const path = `${region}/${branch}/${day}/${name}`;
          if (!name.endsWith('.parquet') || listed.has(path)) continue;
          await disk.remove(join(dataFolder, path));
          removed.push(path);
        }
      }
    }
  }
  return removed;
}
