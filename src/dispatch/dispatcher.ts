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
import { MARK_BYTES } from '../events/event-marks.ts';
import { FINGERPRINT_BYTES } from '../events/fingerprint.ts';
import { createDedupIndex } from './dedup-index.ts';
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
   * For each event, as event-marks.ts says. No fingerprint has one that came without a messageId,
   * which cannot have been seen, and one that was rejected at ingest.
   */
  marks: Uint8Array;
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
  /** True for a partition whose window must be made anew, see `refill.ts`. */
  isUnfilled(partition: string): boolean;
  /** Makes known what was judged before; `end` makes it durable. */
  fill(partition: string): { add(hour: number, marks: Uint8Array): void; end(): void };
}

/**
 * @param from where readers start in each partition: duplicates from there on are kept at hand.
 * @param isReadOnly true to judge without writing, for a query while the server is stopped.
 */
export function createDispatcher(
  ledger: Ledger,
  options: DedupOptions & { from: ReadonlyMap<string, number>; isReadOnly: boolean },
): Dispatcher {
  let index = createDedupIndex(options);
  ledger.loadFingerprints(index);
  const cursors = ledger.cursors();
  const unfilled = new Set(ledger.unfilled());
  const lookups = new Map<string, Set<string>>();
  let pendingDuplicates: DuplicateEntry[] = [];
  const pendingFingerprints = createFingerprintLists();
  let pendingCursors = new Map<string, number>();
  let newestHour = 0;

  const lookupFor = (partition: string): Set<string> => {
    let lookup = lookups.get(partition);
    if (!lookup) {
      lookup = ledger.duplicatesFrom(partition, options.from.get(partition) ?? 0);
      lookups.set(partition, lookup);
    }
    return lookup;
  };
  const judgeNew = (record: JudgedRecord, hour: number): ReadonlySet<number> => {
    const { partition, position, sourceNumber, marks } = record;
    const last = pendingCursors.get(partition) ?? cursors.get(partition) ?? 0;
    assert(position >= last, 'records are dispatched in order');
    let duplicates: Set<number> | undefined;
    for (let at = 0; at < marks.length; at += MARK_BYTES) {
      if (!hasFingerprint(marks, at)) continue;
      if (!index.seenOrAdd(marks, at, hour)) {
        pendingFingerprints.add(hour, marks, at);
        continue;
      }
      const item = at / MARK_BYTES;
      duplicates ??= new Set();
      duplicates.add(item);
      pendingDuplicates.push({ partition, position, index: item, sourceNumber, hour });
    }
    pendingCursors.set(partition, record.next);
    return duplicates ?? NONE;
  };

  return {
    judge(record) {
      const { partition, position, receivedAtMs, marks } = record;
      if (position >= (cursors.get(partition) ?? 0)) {
        return judgeNew(record, Math.floor(receivedAtMs / HOUR_MS));
      }
      const lookup = lookupFor(partition);
      if (lookup.size === 0) return NONE;
      const known = new Set<number>();
      for (let item = 0; item < marks.length / MARK_BYTES; item++) {
        if (lookup.has(`${position}:${item}`)) known.add(item);
      }
      return known;
    },
    seal() {
      if (pendingCursors.size === 0) return;
      if (!options.isReadOnly) {
        const fingerprints = pendingFingerprints.take();
        newestHour = Math.max(newestHour, ...fingerprints.keys());
        const oldestHour = newestHour - options.windowHours - 1;
        ledger.commit({
          cursors: pendingCursors,
          duplicates: pendingDuplicates,
          fingerprints,
          oldestHour,
        });
      }
      for (const [partition, position] of pendingCursors) cursors.set(partition, position);
      pendingDuplicates = [];
      pendingCursors = new Map();
    },
    position: (partition) => cursors.get(partition) ?? 0,
    knownKeys: () => index.size(),
    isUnfilled: (partition) => unfilled.has(partition),
    fill(partition) {
      const lists = createFingerprintLists();
      return {
        add(hour, marks) {
          for (let at = 0; at < marks.length; at += MARK_BYTES) {
            if (!hasFingerprint(marks, at) || index.seenOrAdd(marks, at, hour)) continue;
            lists.add(hour, marks, at);
          }
        },
        end() {
          unfilled.delete(partition);
          if (options.isReadOnly) return;
          ledger.fill(partition, lists.take());
          // Generations want their hours in order, and partitions were filled one after the other.
          index = createDedupIndex(options);
          ledger.loadFingerprints(index);
        },
      };
    },
  };
}

function hasFingerprint(marks: Uint8Array, at: number): boolean {
  for (let p = at; p < at + FINGERPRINT_BYTES; p++) if (marks[p] !== 0) return true;
  return false;
}

interface FingerprintLists {
  add(hour: number, marks: Uint8Array, at: number): void;
  /** All that were added, by hour; the lists are empty afterwards. */
  take(): Map<number, Buffer>;
}

function createFingerprintLists(): FingerprintLists {
  let lists = new Map<number, { bytes: Buffer; length: number }>();
  return {
    add(hour, marks, at) {
      let list = lists.get(hour);
      if (!list) lists.set(hour, (list = { bytes: Buffer.allocUnsafe(4096), length: 0 }));
      if (list.length + FINGERPRINT_BYTES > list.bytes.length) {
        list.bytes = Buffer.concat([list.bytes], list.bytes.length * 2);
      }
      const { bytes, length } = list;
      for (let p = 0; p < FINGERPRINT_BYTES; p++) bytes[length + p] = marks[at + p] as number;
      list.length += FINGERPRINT_BYTES;
    },
    take() {
      const taken = new Map(
        [...lists].map(([hour, { bytes, length }]) => [hour, bytes.subarray(0, length)]),
      );
      lists = new Map();
      return taken;
    },
  };
}
