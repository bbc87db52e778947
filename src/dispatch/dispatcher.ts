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
import { normaliseRecord } from '../events/normalise.ts';
import type { NormalEvent, RejectedEvent } from '../events/normalise.ts';
import type { LogRecord } from '../log/log-reader.ts';
import { createDedupIndex, FINGERPRINT_BYTES, writeFingerprint } from './dedup-index.ts';
import type { DedupOptions } from './dedup-index.ts';
import type { DuplicateEntry, Ledger } from './ledger.ts';

export const HOUR_MS = 3_600_000;

/** What a reader gets of one record. */
export interface Dispatched {
  events: NormalEvent[];
  rejected: RejectedEvent[];
  duplicates: DuplicateEntry[];
  /** The same duplicates in full, for those who watch. */
  repeated: NormalEvent[];
}

export interface Dispatcher {
  /** Judges (or looks up) one record; records of a partition must come in order. */
  dispatch(partition: string, record: LogRecord): Dispatched;
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
  const judge = (event: NormalEvent, hour: number): boolean => {
    // An assigned messageId is the position itself: it cannot have been seen.
    if (event.messageIdAssigned) return false;
    const fingerprint = Buffer.allocUnsafe(FINGERPRINT_BYTES);
    writeFingerprint(fingerprint, 0, event.sourceNumber, event.messageId);
    if (index.seenOrAdd(fingerprint, 0, hour)) return true;
    const known = pendingFingerprints.get(hour);
    if (known) known.push(fingerprint);
    else pendingFingerprints.set(hour, [fingerprint]);
    return false;
  };

  return {
    dispatch(partition, record) {
      const judged = cursors.get(partition) ?? 0;
      const isJudged = record.position < judged;
      const { events, rejected } = normaliseRecord(record.payload, {
        partition,
        position: record.position,
      });
      const kept: NormalEvent[] = [];
      const duplicates: DuplicateEntry[] = [];
      const repeated: NormalEvent[] = [];
      for (const event of events) {
        const hour = Math.floor(event.receivedAtMs / HOUR_MS);
        const isDuplicate = isJudged
          ? lookupFor(partition).has(`${record.position}:${event.index}`)
          : judge(event, hour);
        if (!isDuplicate) {
          kept.push(event);
          continue;
        }
        repeated.push(event);
        const { position } = record;
        const { sourceNumber } = event;
        duplicates.push({ partition, position, index: event.index, sourceNumber, hour });
      }
      if (!isJudged) {
        const last = pendingCursors.get(partition) ?? judged;
        assert(record.position >= last, 'records are dispatched in order');
        pendingDuplicates.push(...duplicates);
        pendingCursors.set(partition, record.next);
      }
      return { events: kept, rejected, duplicates, repeated };
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
