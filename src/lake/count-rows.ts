/** Rows of the lake's files in ranges of the log, recounted from the files themselves. */
import { join } from 'node:path';
import type { Disk } from '../base/disk.ts';
import type { Catalog } from './file-catalog.ts';
import { openEngine, TEMPORARY_FOLDER } from './sql-engine.ts';
import { parquetRelation } from './parquet.ts';
import { sourceNumberOf } from './lake-state.ts';
import { sqlText } from './sql-text.ts';

/** A half-open range of a partition. */
export interface RowRange {
  partition: string;
  from: number;
  to: number;
}

export interface RowCount {
  sourceNumber: number;
  /** Whole hours since the Unix epoch, of receipt. */
  hour: number;
  count: number;
}

const HOUR_MS = 3_600_000;

/** Counts by source and hour; files that are not there count nothing. */
export async function countStoredRows(
  options: {
    disk: Disk;
    dataFolder: string;
    sources: readonly { id: string; number: number }[];
  },
  catalog: Catalog,
  ranges: readonly RowRange[],
): Promise<RowCount[]> {
  const { disk, dataFolder, sources } = options;
  if (ranges.length === 0) return [];
  const present: string[] = [];
  const folders = new Set<string>();
  for (const { path, region } of catalog.files('events')) {
    folders.add(join(dataFolder, region, 'lake'));
    if (await disk.exists(join(dataFolder, path))) present.push(path);
  }
  const relation = parquetRelation(dataFolder, present);
  if (relation === null) return [];
  const engine = await openEngine({
    memoryLimit: '512MB',
    threads: 2,
    folders: [...folders],
    temporaryRoot: join(dataFolder, TEMPORARY_FOLDER),
  });
  const wanted = ranges.map(({ partition, from, to }) => {
    return `(partition = ${sqlText(partition)} and position >= ${from} and position < ${to})`;
  });
  try {
    const reader = await engine.connection.runAndReadAll(
      `select source_id, (epoch_ms(received_at) // ${HOUR_MS})::bigint as hour, count(*) as count
       from ${relation} where ${wanted.join(' or ')} group by all`,
    );
    const numbers = new Map(sources.map(({ id, number }) => [id, number]));
    return reader.getRowObjectsJson().map((row) => ({
      sourceNumber: sourceNumberOf(String(row['source_id']), numbers),
      hour: Number(row['hour']),
      count: Number(row['count']),
    }));
  } finally {
    engine.close();
  }
}
