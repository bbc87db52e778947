/** Counts what a range of the log holds, from envelopes alone: no event is parsed. */
import { decodePayload } from '../events/envelope.ts';
import type { LogReader } from '../log/log-reader.ts';
import type { DuplicateEntry, Verdict, VerdictCount } from './verdict.ts';

const HOUR_MS = 3_600_000;

export interface Tally {
  add(verdict: Verdict, sourceNumber: number, hour: number, count: number): void;
  counts(): VerdictCount[];
  total(verdict: Verdict): number;
}

/** Counts by verdict, source and hour. */
export function createTally(): Tally {
  const cells = new Map<string, VerdictCount>();
  return {
    add(verdict, sourceNumber, hour, count) {
      if (count === 0) return;
      const key = `${verdict}/${sourceNumber}/${hour}`;
      const cell = cells.get(key);
      if (cell) cell.count += count;
      else cells.set(key, { verdict, sourceNumber, hour, count });
    },
    counts: () => [...cells.values()],
    total(verdict) {
      let sum = 0;
      for (const cell of cells.values()) if (cell.verdict === verdict) sum += cell.count;
      return sum;
    },
  };
}

export interface CountResult {
  next: number;
  records: number;
  received: number;
  damaged: { from: number; to: number; reason: string }[];
}

/**
 * Reads one part of a partition and adds it to the tally as stored and rejected; duplicates are
 * subtracted from stored by `countDuplicates`.
 */
export async function countPart(
  reader: LogReader,
  upTo: number,
  bytesMax: number,
  tally: Tally,
): Promise<CountResult> {
  const { records, next, damage } = await reader.read(upTo, bytesMax);
  let received = 0;
  for (const { payload } of records) {
    const { envelope } = decodePayload(payload);
    const { sourceNumber, eventCount, rejections, receivedAtMs } = envelope;
    const hour = Math.floor(receivedAtMs / HOUR_MS);
    received += eventCount;
    tally.add('rejected', sourceNumber, hour, rejections.length);
    tally.add('stored', sourceNumber, hour, eventCount - rejections.length);
  }
  return { next, records: records.length, received, damaged: damage };
}

/** Moves duplicates of a range from stored to duplicate. */
export function countDuplicates(duplicates: readonly DuplicateEntry[], tally: Tally): void {
  for (const { sourceNumber, hour } of duplicates) {
    tally.add('duplicate', sourceNumber, hour, 1);
    tally.add('stored', sourceNumber, hour, -1);
  }
}
