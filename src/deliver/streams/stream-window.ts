/**
 * What a stream has read and not yet accounted for. Records are settled in any order and leave in
 * log order, so that the cursor never passes an event whose fate is unknown; what is counted and
 * the cursor are committed together, so that nothing is counted twice after a crash.
 */
import { assert } from '../../base/assert.ts';
import type {
  CountedOutcome,
  DeadLetter,
  DeliveryCount,
  WaitingEvent,
} from '../state/delivery-rows.ts';

export interface OpenRecord {
  readonly partition: string;
  readonly next: number;
  readonly bytes: number;
  readonly receivedAtMs: number;
  /** Events that are not settled. */
  open: number;
  settled: Settled[];
}

export type NewDeadLetter = Omit<DeadLetter, 'id' | 'stream'>;

export type Settled =
  | { kind: 'counted'; count: Counted }
  | { kind: 'waiting'; row: WaitingEvent }
  | { kind: 'dead'; letter: NewDeadLetter };

export interface Counted {
  outcome: CountedOutcome;
  reason: string;
  sourceNumber: number;
  hour: number;
}

export interface Taken {
  cursors: Map<string, number>;
  counts: Counted[];
  waiting: WaitingEvent[];
  dead: NewDeadLetter[];
  /** Receipt time of the newest record taken; 0 when none was. */
  receivedAtMs: number;
}

export interface Window {
  /** Adds the next record of its partition. */
  add(record: Omit<OpenRecord, 'settled'>): OpenRecord;
  settle(record: OpenRecord, settled: Settled): void;
  /** True when `take` would return something. */
  hasFinished(): boolean;
  /** Removes the settled records at the front of each partition. */
  take(): Taken;
  /** Events that are not settled. */
  events(): number;
  /** Bytes of all records in the window. */
  bytes(): number;
}

/** An empty window. */
export function createWindow(): Window {
  const queues = new Map<string, OpenRecord[]>();
  let events = 0;
  let bytes = 0;
  return {
    add(given) {
      const record: OpenRecord = { ...given, settled: [] };
      const queue = queues.get(record.partition);
      if (queue) queue.push(record);
      else queues.set(record.partition, [record]);
      events += record.open;
      bytes += record.bytes;
      return record;
    },
    settle(record, settled) {
      assert(record.open > 0, 'an event is settled once');
      record.open--;
      events--;
      record.settled.push(settled);
    },
    hasFinished() {
      for (const queue of queues.values()) if (queue[0]?.open === 0) return true;
      return false;
    },
    take() {
      const taken: Taken = {
        cursors: new Map(),
        counts: [],
        waiting: [],
        dead: [],
        receivedAtMs: 0,
      };
      for (const [partition, queue] of queues) {
        let count = 0;
        while (queue[count]?.open === 0) count++;
        for (const record of queue.splice(0, count)) {
          taken.cursors.set(partition, record.next);
          taken.receivedAtMs = Math.max(taken.receivedAtMs, record.receivedAtMs);
          bytes -= record.bytes;
          for (const settled of record.settled) {
            if (settled.kind === 'counted') taken.counts.push(settled.count);
            else if (settled.kind === 'waiting') taken.waiting.push(settled.row);
            else taken.dead.push(settled.letter);
          }
        }
      }
      return taken;
    },
    events: () => events,
    bytes: () => bytes,
  };
}

/** Adds equal ones together. */
export function sumCounts(counts: readonly Counted[]): DeliveryCount[] {
  const sums = new Map<string, DeliveryCount>();
  let last: DeliveryCount | undefined;
  for (const counted of counts) {
    const { outcome, reason, sourceNumber, hour } = counted;
    // Equal ones mostly follow each other.
    const isAsLast =
      last?.hour === hour &&
      last.sourceNumber === sourceNumber &&
      last.outcome === outcome &&
      last.reason === reason;
    if (last && isAsLast) {
      last.count++;
      continue;
    }
    const key = `${outcome}/${reason}/${sourceNumber}/${hour}`;
    const sum = sums.get(key) ?? { ...counted, count: 0 };
    sum.count++;
    sums.set(key, sum);
    last = sum;
  }
  return [...sums.values()];
}
