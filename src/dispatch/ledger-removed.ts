/** What dispatch.db knows of the log that is gone: how far it went, and its counts. */
import type { DatabaseSync } from 'node:sqlite';
import { inTransaction } from '../base/sqlite.ts';
import type { Verdict, VerdictCount } from './verdict.ts';

/** Moves what is known of a removed range into `removed_counts`, forgetting its duplicates. */
export function recordRemoved(
  database: DatabaseSync,
  partition: string,
  before: number,
  counts: readonly VerdictCount[],
): void {
  const addCount = database.prepare(
    `insert into removed_counts (verdict, source_number, hour, count) values (?, ?, ?, ?)
     on conflict (verdict, source_number, hour) do update set count = count + excluded.count`,
  );
  const upsertRemoved = database.prepare(
    `insert into removed (partition, position) values (?, ?)
     on conflict (partition) do update set position = excluded.position`,
  );
  inTransaction(database, () => {
    for (const { verdict, sourceNumber, hour, count } of counts) {
      addCount.run(verdict, sourceNumber, hour, count);
    }
    upsertRemoved.run(partition, before);
    database
      .prepare('delete from duplicates where partition = ? and position < ?')
      .run(partition, before);
  });
}

export function removedCounts(database: DatabaseSync): VerdictCount[] {
  const rows = database.prepare('select * from removed_counts').all();
  return rows.map((row) => ({
    verdict: String(row['verdict']) as Verdict,
    sourceNumber: Number(row['source_number']),
    hour: Number(row['hour']),
    count: Number(row['count']),
  }));
}

/** Below this position the log is gone, or about to go, and is counted. */
export function removedBefore(database: DatabaseSync, partition: string): number {
  const row = database.prepare('select position from removed where partition = ?').get(partition);
  return Number(row?.['position'] ?? 0);
}
