/** The fingerprints of the deduplication window in dispatch.db, and partitions that lack theirs. */
import type { DatabaseSync } from 'node:sqlite';
import { inTransaction } from '../base/sqlite.ts';
import { FINGERPRINT_BYTES } from '../events/fingerprint.ts';
import type { DedupIndex } from './dedup-index.ts';

export const INSERT_FINGERPRINTS = 'insert into fingerprints (hour, entries) values (?, ?)';

/** Fingerprints that are loaded at once. */
const LOADED_BYTES = 24 * 1024 * 1024;

/** Fills an index, oldest hour first. */
export function loadFingerprints(database: DatabaseSync, index: DedupIndex): void {
  const bytes = database.prepare('select sum(length(entries)) as bytes from fingerprints').get();
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
}

export function unfilledPartitions(database: DatabaseSync): string[] {
  const rows = database.prepare('select partition from unfilled').all();
  return rows.map((row) => String(row['partition']));
}

/** Adds fingerprints of a partition, which then is filled. */
export function fillPartition(
  database: DatabaseSync,
  partition: string,
  fingerprints: ReadonlyMap<number, Buffer>,
): void {
  const insert = database.prepare(INSERT_FINGERPRINTS);
  inTransaction(database, () => {
    for (const [hour, entries] of fingerprints) insert.run(hour, entries);
    database.prepare('delete from unfilled where partition = ?').run(partition);
  });
}
