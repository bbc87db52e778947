/** What a destination did with one event: each rule, each attempt, and where it stands. */
import type { DatabaseSync } from 'node:sqlite';
import type { DestinationRun } from './destination-run.ts';
import type { StoredEvent } from '../events/raw-event.ts';
import type { RuleResult, DestinationTrace, TracedAttempt } from './trace-shapes.ts';
import { decodePlaces } from './state/places.ts';

interface Place {
  partition: string;
  position: number;
  index: number;
}

/** @param event null when its record is gone; then no rule can be asked. */
export function traceDestination(
  run: DestinationRun,
  place: Place,
  event: StoredEvent | null,
): DestinationTrace {
  const { slug, type } = run.record;
  const rules = event ? run.explain(event) : [];
  const database = run.state()?.database;
  if (!database) {
    return { slug, type, rules, attempts: [], standing: 'unknown', detail: 'not open' };
  }
  const attempts = attemptsAt(database, place);
  return { slug, type, rules, attempts, ...standingOf(database, place, rules, attempts) };
}

function attemptsAt(database: DatabaseSync, { partition, position, index }: Place) {
  const rows = database
    .prepare(
      `select * from attempts where partition = ? and first <= ? and last >= ?
       order by at_ms, id`,
    )
    .all(partition, position, position);
  return rows.flatMap((row): TracedAttempt[] => {
    const places = decodePlaces(row['items'] as Uint8Array, Number(row['first']));
    if (!places.some((place) => place.position === position && place.index === index)) return [];
    return [
      {
        stream: String(row['stream']),
        at: new Date(Number(row['at_ms'])).toISOString(),
        elapsedMs: Number(row['elapsed_ms']),
        outcome: String(row['outcome']),
        reason: row['reason'] === null ? null : String(row['reason']),
        message: row['message'] === null ? null : String(row['message']),
        status: row['status'] === null ? null : Number(row['status']),
      },
    ];
  });
}

function standingOf(
  database: DatabaseSync,
  { partition, position, index }: Place,
  rules: readonly RuleResult[],
  attempts: readonly TracedAttempt[],
): Pick<DestinationTrace, 'standing' | 'detail'> {
  const at = [partition, position, index] as const;
  const waiting = database
    .prepare('select * from waiting where partition = ? and position = ? and item = ?')
    .get(...at);
  if (waiting) {
    const next = new Date(Number(waiting['next_ms'])).toISOString();
    return { standing: 'waiting', detail: `next attempt at ${next}, ${waiting['attempts']} made` };
  }
  const dead = database
    .prepare('select * from dead_letters where partition = ? and position = ? and item = ?')
    .get(...at);
  if (dead) {
    return { standing: 'dead', detail: `dead letter ${dead['id']}: ${dead['reason']}` };
  }
  const cursor = database
    .prepare(`select * from cursors where stream = 'live' and partition = ?`)
    .get(partition);
  if (!cursor) return { standing: 'unknown', detail: 'the partition is not read' };
  if (position < Number(cursor['start'])) {
    return { standing: 'before start', detail: 'received before the destination began' };
  }
  if (position >= Number(cursor['position'])) return { standing: 'pending', detail: '' };
  if (attempts.some(({ outcome }) => outcome === 'delivered')) {
    return { standing: 'delivered', detail: '' };
  }
  const refused = rules.find(({ reason }) => reason !== null);
  if (refused) return { standing: 'filtered', detail: `${refused.rule}: ${refused.reason}` };
  return { standing: 'delivered', detail: 'its attempts are no longer kept' };
}
