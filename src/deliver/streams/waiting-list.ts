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

interface Lines {
  readonly byKey: Map<string, Line>;
  size: number;
  /** No line is due before; a look at all lines makes it exact. */
  earliestMs: number;
}

/** A list of rows as the state has them, in the order of their ids. */
export function createWaitingList(rows: readonly WaitingEvent[]): WaitingList {
  const lines: Lines = { byKey: new Map(), size: 0, earliestMs: 0 };
  for (const row of rows) add(lines, row);
  return {
    add: (row) => add(lines, row),
    has: (orderKey) => lines.byKey.has(orderKey),
    size: () => lines.size,
    takeDue: (nowMs, most) => takeDue(lines, nowMs, most),
    takeAll: (isWanted) => takeAll(lines, isWanted),
    putBack: (row) => putBack(lines, row),
    settle: (row) => settle(lines, row),
    nextDueMs: () => lines.earliestMs,
    recheck() {
      lines.earliestMs = 0;
    },
    *rows() {
      for (const line of lines.byKey.values()) yield* line.rows;
    },
    hurry: (nowMs) => hurry(lines, nowMs),
  };
}

function add(lines: Lines, row: WaitingEvent): void {
  const line = lines.byKey.get(row.orderKey);
  if (line) line.rows.push(row);
  else lines.byKey.set(row.orderKey, { rows: [row], taken: new Set() });
  lines.size++;
  dueFrom(lines, row.nextMs);
}

function dueFrom(lines: Lines, nextMs: number): void {
  lines.earliestMs = Math.min(lines.earliestMs, nextMs);
}

function takeDue(lines: Lines, nowMs: number, most: number): WaitingEvent[] {
  if (nowMs < lines.earliestMs || most <= 0) return [];
  const due: WaitingEvent[] = [];
  let nextMs = Number.POSITIVE_INFINITY;
  for (const line of lines.byKey.values()) {
    const [first] = line.rows;
    // What only waits for a commit or for room is looked at again after `recheck`.
    if (!first || first.id === 0 || line.taken.size > 0 || due.length >= most) continue;
    if (first.nextMs > nowMs) nextMs = Math.min(nextMs, first.nextMs);
    else takeFront(line, due, most);
  }
  lines.earliestMs = nextMs;
  return due;
}

/** Takes the first of a line, and those behind it that were never tried. */
function takeFront({ rows, taken }: Line, due: WaitingEvent[], most: number): void {
  const [first] = rows;
  for (const row of rows) {
    const isFollower = row !== first;
    if (row.id === 0 || due.length >= most || (isFollower && row.attempts > 0)) break;
    taken.add(row);
    due.push(row);
  }
}

function takeAll(lines: Lines, isWanted: (row: WaitingEvent) => boolean): WaitingEvent[] {
  const wanted: WaitingEvent[] = [];
  for (const { rows, taken } of lines.byKey.values()) {
    for (const row of rows) {
      if (row.id === 0 || taken.has(row) || !isWanted(row)) continue;
      taken.add(row);
      wanted.push(row);
    }
  }
  return wanted;
}

function putBack(lines: Lines, row: WaitingEvent): void {
  lineOf(lines, row).taken.delete(row);
  dueFrom(lines, row.nextMs);
}

function settle(lines: Lines, row: WaitingEvent): void {
  const line = lineOf(lines, row);
  line.taken.delete(row);
  const at = line.rows.indexOf(row);
  assert(at >= 0, 'a settled event stood in its line');
  line.rows.splice(at, 1);
  lines.size--;
  const [next] = line.rows;
  if (next) dueFrom(lines, next.nextMs);
  else lines.byKey.delete(row.orderKey);
}

function hurry(lines: Lines, nowMs: number): void {
  for (const { rows } of lines.byKey.values()) {
    const [first] = rows;
    if (first) first.nextMs = Math.min(first.nextMs, nowMs);
  }
  dueFrom(lines, nowMs);
}

function lineOf(lines: Lines, row: WaitingEvent): Line {
  const line = lines.byKey.get(row.orderKey);
  assert(line, 'a waiting event stands in a line');
  return line;
}
