/**
 * Replays: events of the past again, to one destination. A replay is a stream with cursors of its
 * own, so that it can be paused and resumed, survives restarts, and leaves live delivery alone.
 */
import type { DatabaseSync } from 'node:sqlite';
import { MillraceError } from '../base/errors.ts';
import type { StoredEvent } from '../events/raw-event.ts';
import type { Feed } from './feed/feed-contract.ts';
import { compileFql } from '../fql/fql.ts';
import type { Cursor } from './state/delivery-rows.ts';
import type { ReplaySelection } from './streams/delivery-stream.ts';
import type { ReplaySpec, ReplayState } from './replay-shapes.ts';

export interface Replay {
  id: string;
  state: ReplayState;
  spec: ReplaySpec;
  createdAtMs: number;
}

/** Segments are named after the clock, which may have been set back a little. */
const CLOCK_MARGIN_MS = 3_600_000;

/** @throws MillraceError INVALID_ARGUMENT for a filter that is no FQL, or an empty time range. */
export function replaySelection(spec: ReplaySpec): ReplaySelection {
  if (spec.toMs <= spec.fromMs) {
    throw new MillraceError('INVALID_ARGUMENT', 'to: not after from', { field: 'to' });
  }
  const names = new Set(spec.events);
  const matches = spec.filter === null ? null : filterOf(spec.filter);
  return (event: StoredEvent) => {
    if (event.receivedAtMs < spec.fromMs || event.receivedAtMs >= spec.toMs) return false;
    if (names.size > 0 && !names.has(event.event ?? event.type)) return false;
    return matches === null || matches(event.message);
  };
}

function filterOf(filter: string): (message: StoredEvent['message']) => boolean {
  try {
    const matches = compileFql(filter);
    return (message) => {
      try {
        return matches(message);
      } catch {
        // A condition without an answer on this event does not ask for it.
        return false;
      }
    };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new MillraceError('INVALID_ARGUMENT', `filter: ${text}`, { field: 'filter' });
  }
}

/** The part of each partition in which the time range lies, by the ages of its segments. */
export async function replayCursors(
  feed: Feed,
  partitions: readonly string[],
  spec: Pick<ReplaySpec, 'fromMs' | 'toMs'>,
  judgedEnd: (partition: string) => number,
): Promise<Map<string, Cursor>> {
  const cursors = new Map<string, Cursor>();
  for (const partition of partitions) {
    const segments = await feed.segments(partition);
    const [first] = segments;
    if (!first) continue;
    let start = first.base;
    // What the log has let go is in the archive.
    if (spec.fromMs < first.createdMs) {
      start = Math.min(start, (await feed.firstPosition(partition, spec.fromMs)) ?? start);
    }
    let end = judgedEnd(partition);
    for (const { base, createdMs } of segments) {
      if (createdMs <= spec.fromMs - CLOCK_MARGIN_MS) start = base;
      if (createdMs > spec.toMs + CLOCK_MARGIN_MS) end = Math.min(end, base);
    }
    cursors.set(partition, { start, position: start, end: Math.max(start, end) });
  }
  return cursors;
}

export function insertReplay(database: DatabaseSync, replay: Replay): void {
  const { id, state, spec, createdAtMs } = replay;
  database
    .prepare(
      `insert into streams (stream, state, spec, created_at_ms, changed_at_ms)
       values (?, ?, ?, ?, ?)`,
    )
    .run(id, state, JSON.stringify(spec), createdAtMs, createdAtMs);
}

/** The state that a restart will find. */
export function setReplayState(
  database: DatabaseSync,
  id: string,
  state: ReplayState,
  nowMs: number,
): void {
  database
    .prepare('update streams set state = ?, changed_at_ms = ? where stream = ?')
    .run(state, nowMs, id);
}

/** The newest first. */
export function listReplays(database: DatabaseSync): Replay[] {
  const rows = database.prepare('select * from streams order by created_at_ms desc, stream').all();
  return rows.map((row) => ({
    id: String(row['stream']),
    state: String(row['state']) as ReplayState,
    spec: JSON.parse(String(row['spec'])) as ReplaySpec,
    createdAtMs: Number(row['created_at_ms']),
  }));
}

/** @throws MillraceError NOT_FOUND */
export function findReplay(database: DatabaseSync, id: string): Replay {
  const found = listReplays(database).find((replay) => replay.id === id);
  if (!found) throw new MillraceError('NOT_FOUND', `There is no replay ${id}`, { field: 'id' });
  return found;
}
