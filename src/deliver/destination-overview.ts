/** How a destination does, for people: what became of its events, and some that did not arrive. */
import type { DatabaseSync } from 'node:sqlite';
import { INTERNAL_REASON } from '../base/internal-source.ts';
import type { DestinationRun } from './destination-run.ts';
import { decodePlaces } from './state/places.ts';
import { deadLetterFrom } from './state/row-reading.ts';
import { LIVE_STREAM } from './state/delivery-rows.ts';
import type {
  DestinationOverview,
  HourCount,
  OutcomeCount,
  RecentAttempt,
} from './delivery-shapes.ts';

const HOUR_MS = 3_600_000;
const HOURS_SHOWN = 48;
const ATTEMPTS_SHOWN = 15;
const DEAD_SHOWN = 5;

/** @param nowMs wall time; the last two days are told by the hour. */
export function destinationOverview(run: DestinationRun, nowMs: number): DestinationOverview {
  const status = run.status();
  const database = run.state()?.database;
  if (!database) return { status, outcomes: [], hours: [], attempts: [], dead: [] };
  return {
    status,
    outcomes: outcomesOf(database),
    hours: hoursOf(database, Math.floor(nowMs / HOUR_MS) - HOURS_SHOWN),
    attempts: attemptsOf(database),
    dead: newestDead(database),
  };
}

function outcomesOf(database: DatabaseSync): OutcomeCount[] {
  const rows = database
    .prepare(
      `select outcome, reason, sum(count) as count from counts
       where stream = ? and reason <> ? group by outcome, reason order by sum(count) desc, reason`,
    )
    .all(LIVE_STREAM, INTERNAL_REASON);
  return rows.map((row) => ({
    outcome: String(row['outcome']),
    reason: String(row['reason']),
    count: Number(row['count']),
  }));
}

function hoursOf(database: DatabaseSync, fromHour: number): HourCount[] {
  const rows = database
    .prepare(
      `select hour, outcome, sum(count) as count from counts
       where stream = ? and hour > ? and reason <> ? group by hour, outcome order by hour`,
    )
    .all(LIVE_STREAM, fromHour, INTERNAL_REASON);
  const hours = new Map<number, HourCount>();
  for (const row of rows) {
    const hour = Number(row['hour']);
    const at = new Date(hour * HOUR_MS).toISOString();
    const counts = hours.get(hour) ?? { at, delivered: 0, filtered: 0, lost: 0 };
    const outcome = String(row['outcome']);
    const key = outcome === 'delivered' || outcome === 'filtered' ? outcome : 'lost';
    counts[key] += Number(row['count']);
    hours.set(hour, counts);
  }
  return [...hours.values()];
}

function attemptsOf(database: DatabaseSync): RecentAttempt[] {
  const rows = database
    .prepare('select * from attempts order by id desc limit ?')
    .all(ATTEMPTS_SHOWN);
  return rows.map((row) => ({
    stream: String(row['stream']),
    at: new Date(Number(row['at_ms'])).toISOString(),
    elapsedMs: Number(row['elapsed_ms']),
    outcome: String(row['outcome']),
    reason: row['reason'] === null ? null : String(row['reason']),
    message: row['message'] === null ? null : String(row['message']),
    status: row['status'] === null ? null : Number(row['status']),
    events: decodePlaces(row['items'] as Uint8Array, Number(row['first'])).length,
  }));
}

function newestDead(database: DatabaseSync): DestinationOverview['dead'] {
  const rows = database
    .prepare('select * from dead_letters order by id desc limit ?')
    .all(DEAD_SHOWN);
  return rows.map(deadLetterFrom).map(({ id, messageId, type, event, failure, diedAtMs }) => ({
    id,
    messageId,
    type,
    event,
    reason: failure.reason,
    status: failure.status,
    message: failure.message,
    at: new Date(diedAtMs).toISOString(),
  }));
}
