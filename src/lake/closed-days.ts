/**
 * A day that has passed is written once more, sorted by person: somebody's events of the day then
 * lie together, so that a timeline reads a few row groups and not all. The day is cut into slices
 * of persons first, each small enough to be sorted in little memory.
 */
import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import type { LakeFile, NewFile } from './file-catalog.ts';
import { emptyFolder } from '../base/whole-folder.ts';
import { partsFolder } from './load/part-writer.ts';
import {
  absoluteRelation,
  mergeCounts,
  PACKED_CLOSED,
  PACKED_FOR_NOW,
  writeFile,
} from './parquet.ts';
import type { ParquetOptions } from './parquet.ts';
import { sqlText } from './sql-text.ts';
import { sourceNumberOf } from './lake-state.ts';

/** Who did it; what the files of a closed day are sorted by. */
const PERSON = `coalesce(user_id, anonymous_id, '')`;
const ORDER = `order by ${PERSON}, received_at, "position", "index"`;
const SLICE_BYTES = 48 * 1024 * 1024;
/** Slices in one file. */
const FILE_SLICES = 12;
const SAMPLES_PER_SLICE = 200;
const SMALL_BYTES = 16 * 1024 * 1024;
/** The day after midnight is young: clocks differ, and the log may be behind. */
const WAIT_MS = 600_000;

/**
 * Files of events of one region and day that has passed and is not closed yet; with what came late
 * for a day that was closed go its small files, so that they do not become many.
 * @param waiting days of which rows are in parts still.
 */
export function filesToClose(
  files: readonly LakeFile[],
  waiting: ReadonlySet<string>,
  wallMs: number,
): LakeFile[] | undefined {
  const today = new Date(wallMs - WAIT_MS).toISOString().slice(0, 10);
  const open = files.filter(({ kind, day, isClosed }) => {
    return kind === 'events' && !isClosed && day < today && !waiting.has(day);
  });
  const [first] = open.toSorted((a, b) => a.day.localeCompare(b.day));
  if (!first) return undefined;
  return files.filter(({ kind, day, region, isClosed, bytes }) => {
    const isOfDay = kind === 'events' && day === first.day && region === first.region;
    return isOfDay && (!isClosed || bytes < SMALL_BYTES);
  });
}

export interface CloseOptions extends ParquetOptions {
  /** Rows by source and hour of a file. */
  countsOf(file: LakeFile): NewFile['counts'];
  /** From the id that rows have to the number that counts have. */
  sourceNumbers: ReadonlyMap<string, number>;
  /** Of a slice as the engine holds it to sort it. */
  sliceBytes?: number;
}

/** Writes the rows of a day's files as closed ones. */
export async function closeDay(
  options: CloseOptions,
  files: readonly LakeFile[],
): Promise<NewFile[]> {
  const { connection, disk, random, dataFolder } = options;
  const [first] = files;
  assert(first, 'a day has files');
  const relation = absoluteRelation(files.map(({ path }) => join(dataFolder, path)));
  assert(relation !== null, 'a day has a relation');
  const folder = join(partsFolder(dataFolder, first.region), `closing-${random.uuid()}`);
  await disk.makeFolder(folder);
  try {
    const bounds = await sliceBounds(options, relation, files);
    await connection.run(
      `copy (select *, ${sliceOf(bounds, 0, bounds.length)} as slice from ${relation})
       to ${sqlText(folder)} (format parquet, compression snappy, partition_by (slice),
         row_group_size 20000, row_group_size_bytes '4MB', overwrite_or_ignore)`,
    );
    const counts = mergeCounts(files.flatMap((file) => [...options.countsOf(file)]));
    return await sortSlices(options, folder, bounds, { ...first, counts });
  } finally {
    await emptyFolder(disk, folder);
    await disk.removeFolder(folder);
  }
}

/** Where a slice begins: at a person, or right behind one. */
interface Bound {
  person: string;
  isBehind: boolean;
}

/**
 * Where slices begin, but for the first. Somebody whose events fill more than a slice has one for
 * himself, which needs no sorting.
 */
async function sliceBounds(
  { connection, dataFolder, sliceBytes = SLICE_BYTES }: CloseOptions,
  relation: string,
  files: readonly LakeFile[],
): Promise<Bound[]> {
  const paths = files.map(({ path }) => sqlText(join(dataFolder, path))).join(', ');
  const sized = await connection.runAndReadAll(
    `select sum(total_uncompressed_size)::double from parquet_metadata([${paths}])`,
  );
  const slices = Math.ceil(Number(sized.getRowsJson()[0]?.[0] ?? 0) / sliceBytes);
  const sample = await connection.runAndReadAll(
    `select person from (select ${PERSON} as person from ${relation})
     using sample reservoir(${slices * SAMPLES_PER_SLICE} rows)`,
  );
  // In the engine's order, which is that of the bytes.
  const persons = sample.getRowsJson().map(([person]) => Buffer.from(String(person)));
  persons.sort((a, b) => a.compare(b));
  const bounds: Bound[] = [];
  for (let slice = 1; slice < slices; slice++) {
    const person = persons[Math.floor((slice * persons.length) / slices)]?.toString() ?? '';
    const last = bounds.at(-1);
    if (last?.person !== person) bounds.push({ person, isBehind: false });
    else if (!last.isBehind) bounds.push({ person, isBehind: true });
  }
  return bounds;
}

/** Whether all rows of a slice are one person's. */
function isOnePersons(bounds: readonly Bound[], slice: number): boolean {
  const [first, end] = [bounds[slice - 1], bounds[slice]];
  return first !== undefined && end?.isBehind === true && first.person === end.person;
}

/** The slice of a row, by halving. */
function sliceOf(bounds: readonly Bound[], low: number, high: number): string {
  if (low === high) return String(low);
  const middle = (low + high + 1) >> 1;
  const { person, isBehind } = bounds[middle - 1] as Bound;
  const [left, right] = [sliceOf(bounds, low, middle - 1), sliceOf(bounds, middle, high)];
  const isLeft = `${PERSON} ${isBehind ? '<=' : '<'} ${sqlText(person)}`;
  return `case when ${isLeft} then ${left} else ${right} end`;
}

/** Each slice alone into order, then some together into a file. */
async function sortSlices(
  options: CloseOptions,
  folder: string,
  bounds: readonly Bound[],
  day: Pick<NewFile, 'kind' | 'region' | 'day' | 'counts'>,
): Promise<NewFile[]> {
  const { connection, disk } = options;
  const sorted: string[] = [];
  for (let slice = 0; slice <= bounds.length; slice++) {
    const from = join(folder, `slice=${slice}`);
    // Bounds come from a sample: a slice may have nobody.
    const parts = (await disk.list(from)).map((name) => join(from, name));
    const relation = absoluteRelation(parts);
    if (relation === null) continue;
    const path = join(folder, `sorted-${slice}.parquet`);
    await connection.run(
      `copy (select * from ${relation} ${isOnePersons(bounds, slice) ? '' : ORDER})
       to ${sqlText(path)} (${PACKED_FOR_NOW})`,
    );
    for (const part of parts) await disk.remove(part);
    sorted.push(path);
  }
  const groups: string[][] = [];
  for (let at = 0; at < sorted.length; at += FILE_SLICES) {
    groups.push(sorted.slice(at, at + FILE_SLICES));
  }
  const written: NewFile[] = [];
  try {
    for (const group of groups) {
      const relation = absoluteRelation(group);
      assert(relation !== null, 'a group has slices');
      const counts = groups.length === 1 ? day.counts : await countsIn(options, relation);
      const about = { ...day, counts, isClosed: true };
      written.push(await writeFile(options, about, relation, PACKED_CLOSED));
      for (const path of group) await disk.remove(path);
    }
    const rows = (counts: NewFile['counts']) => counts.reduce((sum, { count }) => sum + count, 0);
    const before = rows(day.counts);
    const after = rows(mergeCounts(written.flatMap((file) => [...file.counts])));
    assert(before === after, `a day keeps all its ${before} rows, not ${after}`);
    return written;
  } catch (error) {
    for (const { path } of written) await disk.remove(join(options.dataFolder, path));
    throw error;
  }
}

/** Rows by source and hour. */
async function countsIn(
  { connection, sourceNumbers }: CloseOptions,
  relation: string,
): Promise<NewFile['counts']> {
  const found = await connection.runAndReadAll(
    `select source_id, (epoch_ms(received_at) // 3600000)::bigint as hour, count(*) as count
     from ${relation} group by all`,
  );
  const counts = found.getRowObjectsJson().map((row) => ({
    sourceNumber: sourceNumberOf(String(row['source_id']), sourceNumbers),
    hour: Number(row['hour']),
    count: Number(row['count']),
  }));
  return mergeCounts(counts);
}
