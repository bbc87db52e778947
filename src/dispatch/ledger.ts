/**
 * The dispatcher's durable state (dispatch.db): how far each partition is judged, which positions
 * are duplicates, the fingerprints of the deduplication window, and the counts of log segments
 * that retention has removed, so that conservation can still be checked.
 */
import { inTransaction, openSqlite } from '../base/sqlite.ts';
import { FINGERPRINT_BYTES } from '../events/fingerprint.ts';
import type { DedupIndex } from './dedup-index.ts';

export type Verdict = 'stored' | 'rejected' | 'duplicate' | 'suppressed';

/** One duplicate: item `index` of the record at `position`. */
export interface DuplicateEntry {
  partition: string;
  position: number;
  index: number;
  sourceNumber: number;
  /** Whole hours since the Unix epoch, of receipt. */
  hour: number;
}

export interface VerdictCount {
  verdict: Verdict;
  sourceNumber: number;
  hour: number;
  count: number;
}

export interface StepState {
  cursors: ReadonlyMap<string, number>;
  duplicates: readonly DuplicateEntry[];
  /** New fingerprints by hour of receipt. */
  fingerprints: ReadonlyMap<number, Buffer>;
  /** Fingerprints of earlier hours are outside of the window; some of them go with each step. */
  oldestHour: number;
}

export interface Ledger {
  cursors(): Map<string, number>;
  /** Commits a step durably. */
  commit(step: StepState): void;
  /** Duplicate items at or above a position, as `position:index`. */
  duplicatesFrom(partition: string, position: number): Set<string>;
  /** Duplicate items in a half-open range, as `position:index`. */
  duplicatesBetween(partition: string, from: number, to: number): Set<string>;
  duplicatesOf(partition: string): DuplicateEntry[];
  loadFingerprints(index: DedupIndex): void;
  /**
   * Partitions whose fingerprints an older Millrace made in another way: they are made anew from
   * the log, see `refill.ts`.
   */
  unfilled(): string[];
  /** Adds fingerprints of a partition, which then is filled. */
  fill(partition: string, fingerprints: ReadonlyMap<number, Buffer>): void;
  /** Moves what is known of a removed range into `removed_counts`, forgetting its duplicates. */
  recordRemoved(partition: string, before: number, counts: readonly VerdictCount[]): void;
  removedCounts(): VerdictCount[];
  /** Below this position the log is gone, or about to go, and is counted in `removedCounts`. */
  removedBefore(partition: string): number;
  close(): void;
}

const VERSION = 2;

const SCHEMA = `
create table cursors (partition text primary key, position integer not null) strict, without rowid;
create table fingerprints (
  id integer primary key, hour integer not null, entries blob not null
) strict;
create index fingerprints_by_hour on fingerprints (hour);
create table unfilled (partition text primary key) strict, without rowid;
create table duplicates (
  partition text not null, position integer not null, item integer not null,
  source_number integer not null, hour integer not null,
  primary key (partition, position, item)
) strict, without rowid;
create table removed (partition text primary key, position integer not null) strict, without rowid;
create table removed_counts (
  verdict text not null, source_number integer not null, hour integer not null,
  count integer not null, primary key (verdict, source_number, hour)
) strict, without rowid;
`;

/** Fingerprints that are loaded at once. */
const LOADED_BYTES = 24 * 1024 * 1024;
/** More than one step adds, and few enough to be gone in a moment. */
const EXPIRED_PER_STEP = 16;

/** From version 1: its fingerprints were made in another way. */
const UPGRADES = {
  1: `create table unfilled (partition text primary key) strict, without rowid;
      insert into unfilled select partition from cursors;
      delete from fingerprints;`,
};

/** @throws MillraceError DATA_FORMAT_TOO_NEW */
export function openLedger(path: string, options: { isReadOnly?: boolean } = {}): Ledger {
  const database = openSqlite(path, {
    version: VERSION,
    schema: SCHEMA,
    upgrades: UPGRADES,
    ...options,
  });
  const upsertCursor = database.prepare(
    `insert into cursors (partition, position) values (?, ?)
     on conflict (partition) do update set position = excluded.position`,
  );
  const insertDuplicate = database.prepare(
    `insert into duplicates (partition, position, item, source_number, hour)
     values (?, ?, ?, ?, ?)`,
  );
  const insertFingerprints = database.prepare(
    'insert into fingerprints (hour, entries) values (?, ?)',
  );
  const deleteExpired = database.prepare(
    `delete from fingerprints where id in (
       select id from fingerprints where hour < ? order by hour, id limit ?)`,
  );
  return {
    cursors() {
      const rows = database.prepare('select partition, position from cursors').all();
      return new Map(rows.map((row) => [String(row['partition']), Number(row['position'])]));
    },
    commit(step) {
      inTransaction(database, () => {
        for (const [partition, position] of step.cursors) upsertCursor.run(partition, position);
        for (const { partition, position, index, sourceNumber, hour } of step.duplicates) {
          insertDuplicate.run(partition, position, index, sourceNumber, hour);
        }
        for (const [hour, entries] of step.fingerprints) insertFingerprints.run(hour, entries);
        deleteExpired.run(step.oldestHour, EXPIRED_PER_STEP);
      });
    },
    duplicatesFrom(partition, position) {
      const rows = database
        .prepare('select position, item from duplicates where partition = ? and position >= ?')
        .all(partition, position);
      return new Set(rows.map((row) => `${row['position']}:${row['item']}`));
    },
    duplicatesBetween(partition, from, to) {
      const rows = database
        .prepare(
          `select position, item from duplicates
           where partition = ? and position >= ? and position < ?`,
        )
        .all(partition, from, to);
      return new Set(rows.map((row) => `${row['position']}:${row['item']}`));
    },
    duplicatesOf(partition) {
      const rows = database
        .prepare('select * from duplicates where partition = ? order by position, item')
        .all(partition);
      return rows.map((row) => ({
        partition,
        position: Number(row['position']),
        index: Number(row['item']),
        sourceNumber: Number(row['source_number']),
        hour: Number(row['hour']),
      }));
    },
    loadFingerprints(index) {
      const bytes = database
        .prepare('select sum(length(entries)) as bytes from fingerprints')
        .get();
      index.reserve(Number(bytes?.['bytes'] ?? 0) / FINGERPRINT_BYTES);
      const select = database.prepare('select hour, entries from fingerprints order by hour, id');
      let [hour, bytesHeld] = [0, 0];
      let held: Buffer[] = [];
      const load = (): void => {
        if (held.length > 0) index.load(Buffer.concat(held), hour);
        held = [];
        bytesHeld = 0;
      };
      for (const row of select.iterate()) {
        const entries = Buffer.from(row['entries'] as Uint8Array);
        if (Number(row['hour']) !== hour || bytesHeld >= LOADED_BYTES) load();
        hour = Number(row['hour']);
        held.push(entries);
        bytesHeld += entries.length;
      }
      load();
    },
    unfilled: () =>
      database
        .prepare('select partition from unfilled')
        .all()
        .map((row) => String(row['partition'])),
    fill(partition, fingerprints) {
      inTransaction(database, () => {
        for (const [hour, entries] of fingerprints) insertFingerprints.run(hour, entries);
        database.prepare('delete from unfilled where partition = ?').run(partition);
      });
    },
    recordRemoved(partition, before, counts) {
      const add = database.prepare(
        `insert into removed_counts (verdict, source_number, hour, count) values (?, ?, ?, ?)
         on conflict (verdict, source_number, hour) do update set count = count + excluded.count`,
      );
      inTransaction(database, () => {
        for (const { verdict, sourceNumber, hour, count } of counts) {
          add.run(verdict, sourceNumber, hour, count);
        }
        database
          .prepare(
            `insert into removed (partition, position) values (?, ?)
             on conflict (partition) do update set position = excluded.position`,
          )
          .run(partition, before);
        database
          .prepare('delete from duplicates where partition = ? and position < ?')
          .run(partition, before);
      });
    },
    removedCounts() {
      const rows = database.prepare('select * from removed_counts').all();
      return rows.map((row) => ({
        verdict: String(row['verdict']) as Verdict,
        sourceNumber: Number(row['source_number']),
        hour: Number(row['hour']),
        count: Number(row['count']),
      }));
    },
    removedBefore(partition) {
      const row = database
        .prepare('select position from removed where partition = ?')
        .get(partition);
      return Number(row?.['position'] ?? 0);
    },
    close: () => database.close(),
  };
}
