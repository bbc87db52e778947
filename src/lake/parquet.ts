/**
 * Writes the lake's files. The order is the promise:
 *   1. write to a temporary name, 2. sync the bytes, 3. rename into the lake, 4. sync the folder,
 *   5. list file, counts and cursor in one catalog transaction, 6. show it to queries.
 * A crash before 5 leaves an orphan that the next start removes; the log still has the events.
 *
 * Rows stay in the order of their arrival: files are joined without a sort, which would need memory
 * for all of them.
 */
import { dirname, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { assert } from '../base/assert.ts';
import type { Disk } from '../base/disk.ts';
import type { Random } from '../base/random.ts';
import type { FileKind, HourCount, NewFile } from './file-catalog.ts';
import type { Part } from './load/lake-part.ts';
import { sqlText } from './sql-text.ts';

export interface ParquetOptions {
  connection: DuckDBConnection;
  disk: Disk;
  random: Random;
  dataFolder: string;
}

/**
 * How files are packed. Row groups are bounded by their bytes too, because a writer holds one in
 * memory, and rows may be of any size. The fastest level of zstd packs events as well as the usual.
 */
export const PACKED =
  'format parquet, compression zstd, compression_level 1, row_group_size 65536, ' +
  "row_group_size_bytes '16MB'";
/**
 * Of the files of a closed day: packed better, because it is done once, and with a Bloom filter for
 * each column of ids, so that one id is found without reading all. The engine writes those for
 * columns with a dictionary only, which is why the bounds of dictionaries are set.
 */
export const PACKED_CLOSED =
  "format parquet, compression zstd, row_group_size 16384, row_group_size_bytes '16MB', " +
  'dictionary_size_limit 16384, string_dictionary_page_size_limit 1600000, ' +
  'bloom_filter_false_positive_ratio 0.001';
/** Of what is read a few times and written again. */
export const PACKED_FOR_NOW =
  "format parquet, compression snappy, row_group_size 65536, row_group_size_bytes '16MB'";
const HOURS_PER_DAY = 24;
const DAY_MS = 86_400_000;

/** `<data>/<region>/<lake|rejected>/day=<YYYY-MM-DD>` */
export function dayFolder(dataFolder: string, kind: FileKind, region: string, day: string): string {
  return join(dataFolder, region, kind === 'events' ? 'lake' : 'rejected', `day=${day}`);
}

/** The day of an hour, both of UTC. */
export function dayOf(hour: number): string {
  return new Date(Math.floor(hour / HOURS_PER_DAY) * DAY_MS).toISOString().slice(0, 10);
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

/**
 * Writes the rows of a relation as one file for each day (steps 1 to 4).
 * @param relation a `read_parquet(…)` call with the kind's columns.
 * @param counts of its rows.
 */
export async function writeParquet(
  options: ParquetOptions,
  kind: FileKind,
  region: string,
  relation: string,
  counts: readonly HourCount[],
): Promise<NewFile[]> {
  const days = new Map<string, HourCount[]>();
  for (const count of counts) {
    const day = dayOf(count.hour);
    const known = days.get(day);
    if (known) known.push(count);
    else days.set(day, [count]);
  }
  const files: NewFile[] = [];
  for (const [day, own] of days) {
    const rows = days.size === 1 ? relation : `${relation} where ${isOfDay(day)}`;
    files.push(await writeFile(options, { kind, region, day, counts: own }, rows));
  }
  return files;
}

/** A condition that the planner can compare with what it knows of each file. */
export function isOfDay(day: string): string {
  const next = new Date(Date.parse(`${day}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10);
  return `received_at >= timestamp ${sqlText(day)} and received_at < timestamp ${sqlText(next)}`;
}

/** Writes rows of one day as one file. @param packed `PACKED` or another way to pack it. */
export async function writeFile(
  options: ParquetOptions,
  about: Pick<NewFile, 'kind' | 'region' | 'day' | 'counts' | 'isClosed'>,
  rows: string,
  packed: string = PACKED,
): Promise<NewFile> {
  const { connection, random, dataFolder } = options;
  const { kind, region, day, counts } = about;
  const folder = dayFolder(dataFolder, kind, region, day);
  await options.disk.makeFolder(folder);
  const name = random.uuid();
  const temporary = join(folder, `${name}.tmp`);
  const expected = counts.reduce((sum, { count }) => sum + count, 0);
  const path = join(folder, `${name}.parquet`);
  try {
    const result = await connection.runAndReadAll(
      `copy (select * from ${rows}) to ${sqlText(temporary)} (${packed})`,
    );
    const written = Number(result.getRowsJson()[0]?.[0]);
    assert(written === expected, `all ${expected} rows are in Parquet, not ${written}`);
    const bytes = await syncFile(options.disk, temporary);
    await options.disk.rename(temporary, path);
    await options.disk.syncFolder(folder);
    return { ...about, path: relativePath(dataFolder, path), rows: expected, bytes };
  } catch (error) {
    if (await options.disk.exists(temporary)) await options.disk.remove(temporary);
    throw error;
  }
}

/** Makes a whole part one of the lake's files: it is where it belongs already (steps 2 and 4). */
export async function adoptPart(options: ParquetOptions, part: Part): Promise<NewFile> {
  const { disk, dataFolder } = options;
  const { kind, region, path, rows, counts } = part;
  const bytes = await syncFile(disk, path);
  await disk.syncFolder(dirname(path));
  const day = dayOf(counts[0]?.hour ?? 0);
  return { kind, region, day, counts, path: relativePath(dataFolder, path), rows, bytes };
}

/** Returns the size. */
async function syncFile(disk: Disk, path: string): Promise<number> {
  const file = await disk.open(path, 'write');
  try {
    const bytes = await file.size();
    await file.sync();
    return bytes;
  } finally {
    await file.close();
  }
}

/** Paths are stored relative to the data folder, so that it can be moved. */
function relativePath(dataFolder: string, path: string): string {
  return path.slice(dataFolder.length + 1);
}

/** `read_parquet([…])` over listed files, or null when there are none. */
export function parquetRelation(dataFolder: string, paths: readonly string[]): string | null {
  return absoluteRelation(paths.map((path) => join(dataFolder, path)));
}

/** The same of absolute paths. */
export function absoluteRelation(paths: readonly string[]): string | null {
  if (paths.length === 0) return null;
  return `read_parquet([${paths.map(sqlText).join(', ')}], hive_partitioning = false)`;
}

/** Removes Parquet files that are not listed (a crash before step 5, or a finished compaction). */
export async function removeOrphans(
  { disk, dataFolder }: Pick<ParquetOptions, 'disk' | 'dataFolder'>,
  regions: readonly string[],
  listed: ReadonlySet<string>,
): Promise<string[]> {
  const removed: string[] = [];
  for (const region of regions) {
    for (const branch of ['lake', 'rejected']) {
      const root = join(dataFolder, region, branch);
      for (const day of await disk.list(root)) {
        for (const name of await disk.list(join(root, day))) {
          const path = `${region}/${branch}/${day}/${name}`;
          if (!/\.(parquet|tmp)$/.test(name) || listed.has(path)) continue;
          await disk.remove(join(dataFolder, path));
          removed.push(path);
        }
      }
    }
  }
  return removed;
}
