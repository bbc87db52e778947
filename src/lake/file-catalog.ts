/**
 * What the lake has committed, in one SQLite file (lake.db): the Parquet files, the cursor that
 * they reach, and the warehouse columns seen. A Parquet file exists for readers exactly when it is
 * listed here; file and cursor are listed in one transaction, so an event is in the lake exactly
 * once whatever happens in between.
 */
import type { DatabaseSync } from 'node:sqlite';
import { inTransaction, openSqlite } from '../base/sqlite.ts';

export type FileKind = 'events' | 'rejected';

export interface LakeFile {
  id: number;
  kind: FileKind;
  region: string;
  day: string;
  path: string;
  rows: number;
  bytes: number;
  /** One of a day that has passed: sorted by person, and not merged any more. */
  isClosed: boolean;
}

/** Events by source and hour of receipt; hours are whole hours since the Unix epoch. */
export interface HourCount {
  sourceNumber: number;
  hour: number;
  count: number;
}

export interface NewFile {
  kind: FileKind;
  region: string;
  day: string;
  path: string;
  rows: number;
  bytes: number;
  counts: readonly HourCount[];
  isClosed?: boolean;
}

export interface Catalog {
  database: DatabaseSync;
  /** How far the listed files reach, by partition. */
  cursors(): Map<string, number>;
  /** Runs changes in one durable transaction. */
  transaction<T>(change: () => T): T;
  setCursors(cursors: ReadonlyMap<string, number>): void;
  files(kind?: FileKind): LakeFile[];
  addFile(file: NewFile): number;
  removeFile(id: number): void;
  hourCounts(kind: FileKind): HourCount[];
  fileCounts(id: number): HourCount[];
  /** Forgets a file whose rows are let go, keeping what it held as counts. */
  expireFile(id: number): void;
  expiredCounts(kind: FileKind): HourCount[];
  close(): void;
}

const VERSION = 2;

const SCHEMA = `
create table cursors (
  partition text primary key, position integer not null
) strict, without rowid;
create table files (
  id integer primary key autoincrement, kind text not null, region text not null,
  day text not null, path text not null unique, rows integer not null, bytes integer not null,
  is_closed integer not null default 0
) strict;
create table file_counts (
  file_id integer not null references files (id) on delete cascade,
  source_number integer not null, hour integer not null, count integer not null,
  primary key (file_id, source_number, hour)
) strict, without rowid;
create table expired_counts (
  kind text not null, source_number integer not null, hour integer not null,
  count integer not null, primary key (kind, source_number, hour)
) strict, without rowid;
create table warehouse_columns (
  source text not null, table_name text not null, column_name text not null,
  ordinal integer not null, definition text not null,
  primary key (source, table_name, column_name)
) strict, without rowid;
`;

/** Version 1 knew no closed days, and let go of rejected events only. */
const UPGRADES = {
  1: `alter table files add column is_closed integer not null default 0;
      alter table expired_counts rename to expired_counts_1;
      create table expired_counts (
        kind text not null, source_number integer not null, hour integer not null,
        count integer not null, primary key (kind, source_number, hour)
      ) strict, without rowid;
      insert into expired_counts
        select 'rejected', source_number, hour, count from expired_counts_1;
      drop table expired_counts_1;`,
};

/**
 * Opens or creates lake.db.
 * @throws MillraceError DATA_FORMAT_TOO_NEW when a newer Millrace wrote it.
 */
export function openCatalog(path: string, options: { isReadOnly?: boolean } = {}): Catalog {
  const format = { version: VERSION, schema: SCHEMA, upgrades: UPGRADES };
  return catalogOf(openSqlite(path, { ...format, ...options }));
}

function catalogOf(database: DatabaseSync): Catalog {
  const selectCursors = database.prepare('select partition, position from cursors');
  const upsertCursor = database.prepare(
    `insert into cursors (partition, position) values (?, ?)
     on conflict (partition) do update set position = excluded.position`,
  );
  const insertFile = database.prepare(
    `insert into files (kind, region, day, path, rows, bytes, is_closed)
     values (?, ?, ?, ?, ?, ?, ?)`,
  );
  const insertCount = database.prepare(
    'insert into file_counts (file_id, source_number, hour, count) values (?, ?, ?, ?)',
  );
  const deleteFile = database.prepare('delete from files where id = ?');
  const sumCounts = database.prepare(
    `select source_number, hour, sum(count) as count from file_counts
     join files on files.id = file_counts.file_id where files.kind = ?
     group by source_number, hour`,
  );
  const oneFileCounts = database.prepare(
    'select source_number, hour, count from file_counts where file_id = ?',
  );
  return {
    database,
    cursors() {
      const rows = selectCursors.all();
      return new Map(rows.map((row) => [String(row['partition']), Number(row['position'])]));
    },
    transaction: (change) => inTransaction(database, change),
    setCursors(cursors) {
      for (const [partition, position] of cursors) upsertCursor.run(partition, position);
    },
    files(kind) {
      const rows = database.prepare('select * from files order by id').all();
      return rows.map(fileOf).filter((file) => kind === undefined || file.kind === kind);
    },
    addFile(file) {
      const { kind, region, day, path, rows, bytes, isClosed = false } = file;
      const values = [kind, region, day, path, rows, bytes, Number(isClosed)];
      const id = Number(insertFile.run(...values).lastInsertRowid);
      for (const { sourceNumber, hour, count } of file.counts) {
        insertCount.run(id, sourceNumber, hour, count);
      }
      return id;
    },
    removeFile: (id) => void deleteFile.run(id),
    hourCounts: (kind) => sumCounts.all(kind).map(hourCountOf),
    fileCounts: (id) => oneFileCounts.all(id).map(hourCountOf),
    expireFile(id) {
      const add = database.prepare(
        `insert into expired_counts (kind, source_number, hour, count)
         select kind, ?, ?, ? from files where id = ?
         on conflict (kind, source_number, hour) do update set count = count + excluded.count`,
      );
      for (const { sourceNumber, hour, count } of oneFileCounts.all(id).map(hourCountOf)) {
        add.run(sourceNumber, hour, count, id);
      }
      deleteFile.run(id);
    },
    expiredCounts: (kind) =>
      database.prepare('select * from expired_counts where kind = ?').all(kind).map(hourCountOf),
    close: () => database.close(),
  };
}

type SqlRow = Record<string, unknown>;

function fileOf(row: SqlRow): LakeFile {
  return {
    id: Number(row['id']),
    kind: row['kind'] === 'rejected' ? 'rejected' : 'events',
    region: String(row['region']),
    day: String(row['day']),
    path: String(row['path']),
    rows: Number(row['rows']),
    bytes: Number(row['bytes']),
    isClosed: row['is_closed'] === 1,
  };
}

function hourCountOf(row: SqlRow): HourCount {
  return {
    sourceNumber: Number(row['source_number']),
    hour: Number(row['hour']),
    count: Number(row['count']),
  };
}
