/**
 * Events that wait for another attempt, in memory, beside their rows in the state. Those of one
 * user stand in line: only the first may be tried, the others wait behind it, so that a user's
 * events keep their order. Bounded by the caller (`deliver.waitingMax`).
 */
import { assert } from '../../base/assert.ts';
import type { WaitingEvent } from '../state/delivery-rows.ts';

export interface WaitingList {
  /** Stands behind those of its key. A row without an id is not committed, and not taken. */
  add(row: WaitingEvent): void;
  has(orderKey: string): boolean;
  size(): number;
  /**
   * The first of each line that is due, with those behind it that were never tried. They count as
   * taken until `putBack` or `settle`.
   */
  takeDue(nowMs: number, most: number): WaitingEvent[];
  /** Takes those that are committed, not taken, and satisfy the check. */
  takeAll(isWanted: (row: WaitingEvent) => boolean): WaitingEvent[];
  /** It failed again and keeps its place. */
  putBack(row: WaitingEvent): void;
  /** It is delivered, filtered or dead. */
  settle(row: WaitingEvent): void;
  /** Wall time of the earliest that may be due; Infinity when none is. */
  nextDueMs(): number;
  rows(): Iterable<WaitingEvent>;
  /** There is room again, or rows were committed. */
  recheck(): void;
  /** Makes all due: the service is back. */
  hurry(nowMs: number): void;
}

interface Line {
  rows: WaitingEvent[];
  taken: Set<WaitingEvent>;
}

export function createWaitingList(rows: readonly WaitingEvent[]): WaitingList {
  const lines = new Map<string, Line>();
  let size = 0;
  /** No line is due before; a look at all lines makes it exact. */
  let earliestMs = 0;
  const lineOf = (row: WaitingEvent): Line => {
    const line = lines.get(row.orderKey);
    assert(line, 'a waiting event stands in a line');
    return line;
  };
  const add = (row: WaitingEvent): void => {
    const line = lines.get(row.orderKey);
    if (line) line.rows.push(row);
    else lines.set(row.orderKey, { rows: [row], taken: new Set() });
    size++;
    earliestMs = Math.min(earliestMs, row.nextMs);
  };
  for (const row of rows) add(row);

  return {
    add,
    has: (orderKey) => lines.has(orderKey),
    size: () => size,
    takeDue(nowMs, most) {
      if (nowMs < earliestMs || most <= 0) return [];
      const due: WaitingEvent[] = [];
      let nextMs = Number.POSITIVE_INFINITY;
      for (const { rows: line, taken } of lines.values()) {
        const [first] = line;
        // What only waits for a commit or for room is looked at again after `recheck`.
        if (!first || first.id === 0 || taken.size > 0 || due.length >= most) continue;
        if (first.nextMs > nowMs) {
          nextMs = Math.min(nextMs, first.nextMs);
          continue;
        }
        for (const row of line) {
          const isFollower = row !== first;
          if (row.id === 0 || due.length >= most || (isFollower && row.attempts > 0)) break;
          taken.add(row);
          due.push(row);
        }
      }
      earliestMs = nextMs;
      return due;
    },
    takeAll(isWanted) {
      const wanted: WaitingEvent[] = [];
      for (const { rows: line, taken } of lines.values()) {
        for (const row of line) {
          if (row.id === 0 || taken.has(row) || !isWanted(row)) continue;
          taken.add(row);
          wanted.push(row);
        }
      }
      return wanted;
    },
    putBack(row) {
      lineOf(row).taken.delete(row);
      earliestMs = Math.min(earliestMs, row.nextMs);
    },
    settle(row) {
      const line = lineOf(row);
      line.taken.delete(row);
      const at = line.rows.indexOf(row);
      assert(at >= 0, 'a settled event stood in its line');
      line.rows.splice(at, 1);
      size--;
      const [next] = line.rows;
      if (!next) lines.delete(row.orderKey);
      else earliestMs = Math.min(earliestMs, next.nextMs);
    },
    nextDueMs: () => earliestMs,
    recheck() {
      earliestMs = 0;
    },
    *rows() {
      for (const { rows: line } of lines.values()) yield* line;
    },
    hurry(nowMs) {
      for (const { rows: line } of lines.values()) {
        const [first] = line;
        if (first) first.nextMs = Math.min(first.nextMs, nowMs);
      }
      earliestMs = Math.min(earliestMs, nowMs);
    },
  };
}
