/**
 * The dispatcher's durable state (dispatch.db): how far each partition is judged, which positions
 * are duplicates, the fingerprints of the deduplication window, and the counts of log segments
 * that retention has removed, so that conservation can still be checked.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { inTransaction, openSqlite } from '../base/sqlite.ts';
import type { DedupIndex } from './dedup-index.ts';
import {
  fillPartition,
  INSERT_FINGERPRINTS,
  loadFingerprints,
  unfilledPartitions,
} from './ledger-fingerprints.ts';
import { recordRemoved, removedBefore, removedCounts } from './ledger-removed.ts';
import type { DuplicateEntry, VerdictCount } from './verdict.ts';

export interface StepState {
  cursors: ReadonlyMap<string, number>;
  duplicates: readonly DuplicateEntry[];
  /** New fingerprints by hour of receipt. */
  fingerprints: ReadonlyMap<number, Buffer>;
  /** Of the window: fingerprints that no clock can need any more go, some with each step. */
  windowHours: number;
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

/** Of the hour that is not over, and of one to which a clock once jumped. */
const HOURS_BESIDE = 3;

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
  const format = { version: VERSION, schema: SCHEMA, upgrades: UPGRADES };
  const database = openSqlite(path, { ...format, ...options });
  const statements = prepareStep(database);
  return {
    cursors: () => cursorsIn(database),
    commit: (step) => commitStep(database, statements, step),
    duplicatesFrom: (partition, position) =>
      duplicatesBetween(database, partition, position, Number.MAX_SAFE_INTEGER),
    duplicatesBetween: (partition, from, to) => duplicatesBetween(database, partition, from, to),
    duplicatesOf: (partition) => duplicatesOf(database, partition),
    loadFingerprints: (index) => loadFingerprints(database, index),
    unfilled: () => unfilledPartitions(database),
    fill: (partition, fingerprints) => fillPartition(database, partition, fingerprints),
    recordRemoved: (partition, before, counts) =>
      recordRemoved(database, partition, before, counts),
    removedCounts: () => removedCounts(database),
    removedBefore: (partition) => removedBefore(database, partition),
    close: () => database.close(),
  };
}

/** Statements that run at every step, prepared once. */
interface StepStatements {
  /** In which fingerprints came, the oldest first. */
  hours: number[];
  upsertCursor: StatementSync;
  insertDuplicate: StatementSync;
  insertFingerprints: StatementSync;
  deleteExpired: StatementSync;
}

function prepareStep(database: DatabaseSync): StepStatements {
  const hours = database.prepare('select distinct hour from fingerprints order by hour').all();
  return {
    hours: hours.map(({ hour }) => Number(hour)),
    upsertCursor: database.prepare(
      `insert into cursors (partition, position) values (?, ?)
       on conflict (partition) do update set position = excluded.position`,
    ),
    insertDuplicate: database.prepare(
      `insert into duplicates (partition, position, item, source_number, hour)
       values (?, ?, ?, ?, ?)`,
    ),
    insertFingerprints: database.prepare(INSERT_FINGERPRINTS),
    deleteExpired: database.prepare(
      `delete from fingerprints where id in (
         select id from fingerprints where hour < ? order by hour, id limit ?)`,
    ),
  };
}

function commitStep(database: DatabaseSync, statements: StepStatements, step: StepState): void {
  const { upsertCursor, insertDuplicate, insertFingerprints, deleteExpired } = statements;
  inTransaction(database, () => {
    for (const [partition, position] of step.cursors) upsertCursor.run(partition, position);
    for (const { partition, position, index, sourceNumber, hour } of step.duplicates) {
      insertDuplicate.run(partition, position, index, sourceNumber, hour);
    }
    for (const [hour, entries] of step.fingerprints) insertFingerprints.run(hour, entries);
    deleteExpired.run(oldestKept(statements, step), EXPIRED_PER_STEP);
  });
}

/**
 * The hours in which events came are counted, not their distance: a clock that jumps ahead, and
 * back, adds one hour, and must not take away the others.
 */
function oldestKept({ hours }: StepStatements, step: StepState): number {
  for (const hour of step.fingerprints.keys()) {
    if (!hours.includes(hour)) hours.push(hour);
  }
  hours.sort((a, b) => a - b);
  const kept = step.windowHours + HOURS_BESIDE;
  if (hours.length > kept) hours.splice(0, hours.length - kept);
  return hours[0] ?? 0;
}

function cursorsIn(database: DatabaseSync): Map<string, number> {
  const rows = database.prepare('select partition, position from cursors').all();
  return new Map(rows.map((row) => [String(row['partition']), Number(row['position'])]));
}

function duplicatesBetween(
  database: DatabaseSync,
  partition: string,
  from: number,
  to: number,
): Set<string> {
  const rows = database
    .prepare(
      `select position, item from duplicates
       where partition = ? and position >= ? and position < ?`,
    )
    .all(partition, from, to);
  return new Set(rows.map((row) => `${row['position']}:${row['item']}`));
}

function duplicatesOf(database: DatabaseSync, partition: string): DuplicateEntry[] {
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
}
