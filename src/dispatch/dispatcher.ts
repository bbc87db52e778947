/**
 * Decides, once and in order, what becomes of each event of the log: stored, duplicate, or (already
 * at ingest) rejected. A verdict is durable before any reader acts on it, so that the lake, every
 * destination and every replay agree: cursors, fingerprints and the positions of duplicates are
 * committed together when a step is sealed. What lies below the dispatch cursor is never judged
 * again; its duplicates are looked up.
 *
 * The first stored copy of a (source, messageId) wins for `windowHours` of receipt time. Records
 * count by their own receipt time, never by the clock, so a replay decides the same.
 */
import { assert } from '../base/assert.ts';
import { createDedupIndex, FINGERPRINT_BYTES, writeFingerprint } from './dedup-index.ts';
import type { DedupOptions } from './dedup-index.ts';
import type { DuplicateEntry, Ledger } from './ledger.ts';

export const HOUR_MS = 3_600_000;
const NONE: ReadonlySet<number> = new Set();

/** One record as it is judged: by ids alone, nothing is parsed. */
export interface JudgedRecord {
  partition: string;
  position: number;
  /** Where its successor begins. */
  next: number;
  sourceNumber: number;
  receivedAtMs: number;
  /**
   * The messageId that each event came with; null for an event without one, which cannot have been
   * seen, and for one that was rejected at ingest.
   */
  messageIds: readonly (string | null)[];
}

export interface Dispatcher {
  /**
   * Judges (or looks up) one record; records of a partition must come in order.
   * @returns the places in its batch that are duplicates; mostly none.
   */
  judge(record: JudgedRecord): ReadonlySet<number>;
  /** Makes the verdicts since the last call durable. Nothing may be acted on before. */
  seal(): void;
  /** How far a partition is judged and sealed. */
  position(partition: string): number;
  knownKeys(): number;
}

/**
 * @param from where readers start in each partition: duplicates from there on are kept at hand.
 * @param isReadOnly true to judge without writing, for a query while the server is stopped.
 */
export function createDispatcher(
  ledger: Ledger,
  options: DedupOptions & { from: ReadonlyMap<string, number>; isReadOnly: boolean },
): Dispatcher {
  const index = createDedupIndex(options);
  ledger.loadFingerprints(index);
  const cursors = ledger.cursors();
  const lookups = new Map<string, Set<string>>();
  let pendingDuplicates: DuplicateEntry[] = [];
  let pendingFingerprints = new Map<number, Buffer[]>();
  let pendingCursors = new Map<string, number>();
  let packedHour = 0;

  const lookupFor = (partition: string): Set<string> => {
    let lookup = lookups.get(partition);
    if (!lookup) {
      lookup = ledger.duplicatesFrom(partition, options.from.get(partition) ?? 0);
      lookups.set(partition, lookup);
    }
    return lookup;
  };
  const isSeen = (sourceNumber: number, messageId: string, hour: number): boolean => {
    const fingerprint = Buffer.allocUnsafe(FINGERPRINT_BYTES);
    writeFingerprint(fingerprint, 0, sourceNumber, messageId);
    if (index.seenOrAdd(fingerprint, 0, hour)) return true;
    const known = pendingFingerprints.get(hour);
    if (known) known.push(fingerprint);
    else pendingFingerprints.set(hour, [fingerprint]);
    return false;
  };
  const judgeNew = (record: JudgedRecord, hour: number): ReadonlySet<number> => {
    const { partition, position, sourceNumber, messageIds } = record;
    const last = pendingCursors.get(partition) ?? cursors.get(partition) ?? 0;
    assert(position >= last, 'records are dispatched in order');
    let duplicates: Set<number> | undefined;
    for (let at = 0; at < messageIds.length; at++) {
      const id = messageIds[at];
      if (id === null || id === undefined || !isSeen(sourceNumber, id, hour)) continue;
      duplicates ??= new Set();
      duplicates.add(at);
      pendingDuplicates.push({ partition, position, index: at, sourceNumber, hour });
    }
    pendingCursors.set(partition, record.next);
    return duplicates ?? NONE;
  };

  return {
    judge(record) {
      const { partition, position, receivedAtMs, messageIds } = record;
      if (position >= (cursors.get(partition) ?? 0)) {
        return judgeNew(record, Math.floor(receivedAtMs / HOUR_MS));
      }
      const lookup = lookupFor(partition);
      if (lookup.size === 0) return NONE;
      const known = messageIds.map((_, at) => at);
      return new Set(known.filter((at) => lookup.has(`${position}:${at}`)));
    },
    seal() {
      if (pendingCursors.size === 0) return;
      if (!options.isReadOnly) {
        const fingerprints = new Map(
          [...pendingFingerprints].map(([hour, parts]) => [hour, Buffer.concat(parts)]),
        );
        ledger.commit({ cursors: pendingCursors, duplicates: pendingDuplicates, fingerprints });
        const newest = Math.max(0, ...pendingFingerprints.keys());
        if (newest > packedHour) {
          packedHour = newest;
          ledger.packFingerprints(newest - options.windowHours - 1, newest);
        }
      }
      for (const [partition, position] of pendingCursors) cursors.set(partition, position);
      pendingDuplicates = [];
      pendingFingerprints = new Map();
      pendingCursors = new Map();
    },
    position: (partition) => cursors.get(partition) ?? 0,
    knownKeys: () => index.size(),
  };
}
