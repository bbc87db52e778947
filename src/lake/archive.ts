/**
 * The lake's files as an archive of the log: events by their place, long after the log has let
 * their segments go. What comes back is what readers of the log saw, rebuilt from the columns.
 */
import { join } from 'node:path';
import type { StoredEvent } from '../events/raw-event.ts';
import { ARCHIVED_COLUMNS, archivedEvent } from './archived-event.ts';
import { openCatalog } from './file-catalog.ts';
import { openEngine, TEMPORARY_FOLDER } from './sql-engine.ts';
import type { Engine } from './sql-engine.ts';
import { parquetRelation } from './parquet.ts';
import { sqlText } from './sql-text.ts';

export interface ArchiveChunk {
  /** Events in the order of the log. */
  events: StoredEvent[];
  /** Everything below is in this chunk or an earlier one. */
  next: number;
}

export interface Archive {
  /** Stored events with positions in a part of the range, beginning at `from`. */
  read(partition: string, from: number, to: number): Promise<ArchiveChunk>;
  /** The first position with an event received at or after the time, or null. */
  firstPosition(partition: string, receivedMs: number): Promise<number | null>;
  close(): void;
}

export interface ArchiveOptions {
  dataFolder: string;
  regionOf(partition: string): string;
  /** From the id of a source to the number that stands for it in the log. */
  sourceNumber(id: string): number;
}

/** Bytes of the log that one read looks at: some thousand events. */
const WINDOW = 4 * 1024 * 1024;
const MEMORY_LIMIT = '256MB';

/** Opens no file before the first question. */
export function openArchive(options: ArchiveOptions): Archive {
  const { dataFolder, regionOf, sourceNumber } = options;
  const engines = new Map<string, Promise<Engine>>();
  const engineOf = (region: string): Promise<Engine> => {
    const known = engines.get(region);
    if (known) return known;
    const engine = openEngine({
      memoryLimit: MEMORY_LIMIT,
      threads: 1,
      folders: [join(dataFolder, region, 'lake')],
      temporaryRoot: join(dataFolder, TEMPORARY_FOLDER),
    });
    engines.set(region, engine);
    return engine;
  };
  const rowsOf = async (
    partition: string,
    sql: (relation: string) => string,
  ): Promise<Record<string, unknown>[]> => {
    const region = regionOf(partition);
    const relation = listedFiles(dataFolder, region);
    if (relation === null) return [];
    const { connection } = await engineOf(region);
    return (await connection.runAndReadAll(sql(relation))).getRowObjectsJson();
  };
  const firstFrom = async (partition: string, from: number, to: number): Promise<number | null> => {
    const [row] = await rowsOf(
      partition,
      (relation) => `select min(position) as position from ${relation}
        where partition = ${sqlText(partition)} and position >= ${from} and position < ${to}`,
    );
    return row?.['position'] === null || row === undefined ? null : Number(row['position']);
  };

  return {
    async read(partition, from, to) {
      const end = Math.min(to, from + WINDOW);
      const rows = await rowsOf(
        partition,
        (relation) => `select ${ARCHIVED_COLUMNS} from ${relation}
          where partition = ${sqlText(partition)} and position >= ${from} and position < ${end}
          order by position, index`,
      );
      if (rows.length > 0) {
        return { events: rows.map((row) => archivedEvent(row, sourceNumber)), next: end };
      }
      // Nothing here: the next event may be far behind.
      return { events: [], next: (await firstFrom(partition, end, to)) ?? to };
    },
    async firstPosition(partition, receivedMs) {
      const [row] = await rowsOf(
        partition,
        (relation) => `select min(position) as position from ${relation}
          where partition = ${sqlText(partition)}
          and received_at >= make_timestamp(${receivedMs}000)`,
      );
      return row?.['position'] === null || row === undefined ? null : Number(row['position']);
    },
    close() {
      for (const engine of engines.values()) void engine.then((opened) => opened.close());
      engines.clear();
    },
  };
}

/** As the catalog has them now: compaction changes files at any time. */
function listedFiles(dataFolder: string, region: string): string | null {
  const catalog = openCatalog(join(dataFolder, 'lake.db'), { isReadOnly: true });
  try {
    const files = catalog.files('events').filter((file) => file.region === region);
    return parquetRelation(
      dataFolder,
      files.map(({ path }) => path),
    );
  } finally {
    catalog.close();
  }
}
