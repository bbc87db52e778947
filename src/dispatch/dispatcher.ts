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
import type { DedupIndex, DedupOptions } from './dedup-index.ts';
import { addFingerprint, takeFingerprints } from './fingerprint-lists.ts';
import type { FingerprintLists } from './fingerprint-lists.ts';
import type { Ledger } from './ledger.ts';
import type { DuplicateEntry } from './verdict.ts';

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
  fill(partition: string): WindowFilling;
}

export interface WindowFilling {
  add(hour: number, marks: Uint8Array): void;
  end(): void;
}

export interface DispatcherOptions extends DedupOptions {
  /** Where readers start in each partition: duplicates from there on are kept at hand. */
  from: ReadonlyMap<string, number>;
  /** True to judge without writing, for a query while the server is stopped. */
  isReadOnly: boolean;
}

/** The one value that all functions below work on. */
interface DispatcherState {
  ledger: Ledger;
  options: DispatcherOptions;
  index: DedupIndex;
  /** How far each partition is judged and sealed. */
  cursors: Map<string, number>;
  /** Of judged records, by partition, as the ledger tells them. */
  lookups: Map<string, Set<string>>;
  unfilled: Set<string>;
  /** Judged and not sealed. */
  pendingCursors: Map<string, number>;
  pendingDuplicates: DuplicateEntry[];
  pendingFingerprints: FingerprintLists;
}

export function createDispatcher(ledger: Ledger, options: DispatcherOptions): Dispatcher {
  const state: DispatcherState = {
    ledger,
    options,
    index: loadedIndex(ledger, options),
    cursors: ledger.cursors(),
    lookups: new Map(),
    unfilled: new Set(ledger.unfilled()),
    pendingCursors: new Map(),
    pendingDuplicates: [],
    pendingFingerprints: new Map(),
  };
  return {
    judge: (record) => judge(state, record),
    seal: () => seal(state),
    position: (partition) => state.cursors.get(partition) ?? 0,
    knownKeys: () => state.index.size(),
    isUnfilled: (partition) => state.unfilled.has(partition),
    fill(partition) {
      const lists: FingerprintLists = new Map();
      return {
        add: (hour, marks) => addKnown(state, lists, hour, marks),
        end: () => endFilling(state, partition, lists),
      };
    },
  };
}

function loadedIndex(ledger: Ledger, options: DedupOptions): DedupIndex {
  const index = createDedupIndex(options);
  ledger.loadFingerprints(index);
  return index;
}

function judge(state: DispatcherState, record: JudgedRecord): ReadonlySet<number> {
  const { partition, position, receivedAtMs, marks } = record;
  if (position >= (state.cursors.get(partition) ?? 0)) {
    return judgeNew(state, record, Math.floor(receivedAtMs / HOUR_MS));
  }
  const lookup = lookupFor(state, partition);
  if (lookup.size === 0) return NONE;
  const known = new Set<number>();
  for (let item = 0; item < marks.length / MARK_BYTES; item++) {
    if (lookup.has(`${position}:${item}`)) known.add(item);
  }
  return known;
}

function judgeNew(state: DispatcherState, record: JudgedRecord, hour: number): ReadonlySet<number> {
  const { index, cursors, pendingCursors, pendingDuplicates, pendingFingerprints } = state;
  const { partition, position, sourceNumber, marks } = record;
  const last = pendingCursors.get(partition) ?? cursors.get(partition) ?? 0;
  assert(position >= last, 'records are dispatched in order');
  let duplicates: Set<number> | undefined;
  for (let at = 0; at < marks.length; at += MARK_BYTES) {
    if (!hasFingerprint(marks, at)) continue;
    if (!index.seenOrAdd(marks, at, hour)) {
      addFingerprint(pendingFingerprints, hour, marks, at);
      continue;
    }
    const item = at / MARK_BYTES;
    duplicates ??= new Set();
    duplicates.add(item);
    pendingDuplicates.push({ partition, position, index: item, sourceNumber, hour });
  }
  pendingCursors.set(partition, record.next);
  return duplicates ?? NONE;
}

function hasFingerprint(marks: Uint8Array, at: number): boolean {
  for (let p = at; p < at + FINGERPRINT_BYTES; p++) if (marks[p] !== 0) return true;
  return false;
}

function lookupFor({ lookups, ledger, options }: DispatcherState, partition: string): Set<string> {
  let lookup = lookups.get(partition);
  if (!lookup) {
    lookup = ledger.duplicatesFrom(partition, options.from.get(partition) ?? 0);
    lookups.set(partition, lookup);
  }
  return lookup;
}

function seal(state: DispatcherState): void {
  const { ledger, options, cursors, pendingCursors } = state;
  if (pendingCursors.size === 0) return;
  const fingerprints = takeFingerprints(state.pendingFingerprints);
  if (!options.isReadOnly) {
    ledger.commit({
      cursors: pendingCursors,
      duplicates: state.pendingDuplicates,
      fingerprints,
      windowHours: options.windowHours,
    });
  }
  for (const [partition, position] of pendingCursors) cursors.set(partition, position);
  state.pendingDuplicates = [];
  state.pendingCursors = new Map();
}

/** Of a record that was judged before. */
function addKnown(
  { index }: DispatcherState,
  lists: FingerprintLists,
  hour: number,
  marks: Uint8Array,
): void {
  for (let at = 0; at < marks.length; at += MARK_BYTES) {
    if (!hasFingerprint(marks, at) || index.seenOrAdd(marks, at, hour)) continue;
    addFingerprint(lists, hour, marks, at);
  }
}

function endFilling(state: DispatcherState, partition: string, lists: FingerprintLists): void {
  const { ledger, options, unfilled } = state;
  unfilled.delete(partition);
  if (options.isReadOnly) return;
  ledger.fill(partition, takeFingerprints(lists));
  // Generations want their hours in order, and partitions were filled one after the other.
  state.index = loadedIndex(ledger, options);
}
