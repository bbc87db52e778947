/** Dead letters of a destination: found, grouped by cause, sent again as they are, or discarded. */
import type { DatabaseSync } from 'node:sqlite';
import { assert } from '../base/assert.ts';
import { MillraceError } from '../base/errors.ts';
import { inTransaction } from '../base/sqlite.ts';
import { unpackEvent } from './packed-event.ts';
import { deadLetterFrom, waitingFrom } from './state/row-reading.ts';
import type { DeadLetter, WaitingEvent } from './state/delivery-rows.ts';
import type { DeadLetterGroup } from './dead-letter-shapes.ts';
import type { DeadLetterFilter, DeadLetterView } from './dead-letter-shapes.ts';

const PAGE_MAX = 1_000;

export function deadLetterCount(database: DatabaseSync): number {
  const row = database.prepare('select count(*) as count from dead_letters').get();
  return Number(row?.['count'] ?? 0);
}

/** By reason and status, the largest group first. */
export function deadLetterGroups(database: DatabaseSync): DeadLetterGroup[] {
  const rows = database
    .prepare(
      `select reason, status, count(*) as count, min(died_at_ms) as first, max(died_at_ms) as last,
         max(message) as message
       from dead_letters group by reason, status order by count(*) desc, reason`,
    )
    .all();
  return rows.map((row) => ({
    reason: String(row['reason']),
    status: row['status'] === null ? null : Number(row['status']),
    count: Number(row['count']),
    firstDiedAtMs: Number(row['first']),
    lastDiedAtMs: Number(row['last']),
    message: String(row['message']),
  }));
}

/** The oldest first, from behind `afterId`. */
export function listDeadLetters(
  database: DatabaseSync,
  filter: DeadLetterFilter,
  page: { afterId: number; limit: number },
): DeadLetterView[] {
  const { where, values } = conditionOf(filter);
  const rows = database
    .prepare(`select * from dead_letters where ${where} and id > ? order by id limit ?`)
    .all(...values, page.afterId, Math.min(page.limit, PAGE_MAX));
  return rows.map((row) => viewOf(deadLetterFrom(row)));
}

/** One, and its message as JSON; null: it could not be read. @throws MillraceError NOT_FOUND */
export function inspectDeadLetter(
  database: DatabaseSync,
  id: number,
): { letter: DeadLetterView; json: string | null } {
  const row = database.prepare('select * from dead_letters where id = ?').get(id);
  if (!row) throw new MillraceError('NOT_FOUND', `There is no dead letter ${id}`, { field: 'id' });
  const letter = deadLetterFrom(row);
  // As text: numbers that are kept as they were sent do not survive the way to another thread.
  const json =
    letter.body.length > 0 ? Buffer.from(unpackEvent(letter.body).json).toString('utf8') : null;
  return { letter: viewOf(letter), json };
}

/**
 * Moves dead letters back to the events that wait for an attempt, with a fresh budget of attempts.
 * Those whose event could not be read stay.
 * @returns the new rows by stream, to be adopted by the streams that run.
 */
export function retryDeadLetters(
  database: DatabaseSync,
  filter: DeadLetterFilter,
  nowMs: number,
): Map<string, WaitingEvent[]> {
  const { where, values } = conditionOf(filter);
  const insert = database.prepare(
    `insert into waiting (stream, partition, position, item, source_number, hour, message_id,
       order_key, attempts, first_failed_ms, next_ms, body)
     select stream, partition, position, item, source_number, hour, message_id, order_key, 0, null,
       ?, body from dead_letters where id = ? returning *`,
  );
  const remove = database.prepare('delete from dead_letters where id = ?');
  const moved = new Map<string, WaitingEvent[]>();
  inTransaction(database, () => {
    const rows = database
      .prepare(`select id from dead_letters where ${where} and length(body) > 0 order by id`)
      .all(...values);
    for (const row of rows) {
      const inserted = insert.get(nowMs, Number(row['id'])) as Record<string, unknown>;
      remove.run(Number(row['id']));
      const stream = String(inserted['stream']);
      const list = moved.get(stream);
      if (list) list.push(waitingFrom(inserted));
      else moved.set(stream, [waitingFrom(inserted)]);
    }
  });
  return moved;
}

/** Lets dead letters go for a reason; they stay counted as discarded. @returns how many. */
export function discardDeadLetters(
  database: DatabaseSync,
  filter: DeadLetterFilter,
  reason: string,
): number {
  const { where, values } = conditionOf(filter);
  return inTransaction(database, () => {
    database
      .prepare(
        `insert into counts (stream, outcome, reason, source_number, hour, count)
         select stream, 'discarded', ?, source_number, hour, count(*) from dead_letters
         where ${where} group by stream, source_number, hour
         on conflict (stream, outcome, reason, source_number, hour)
         do update set count = count + excluded.count`,
      )
      .run(reason, ...values);
    return Number(
      database.prepare(`delete from dead_letters where ${where}`).run(...values).changes,
    );
  });
}

/** The bounds on dead letters: the oldest go, counted as discarded. @returns how many went. */
export function expireDeadLetters(
  database: DatabaseSync,
  bounds: { beforeMs: number; most: number },
): number {
  const excess = Math.max(0, deadLetterCount(database) - bounds.most);
  const row = database
    .prepare('select max(id) as id from (select id from dead_letters order by id limit ?)')
    .get(excess);
  const upToId = excess === 0 ? 0 : Number(row?.['id'] ?? 0);
  const where = '(died_at_ms < ? or id <= ?)';
  return inTransaction(database, () => {
    database
      .prepare(
        `insert into counts (stream, outcome, reason, source_number, hour, count)
         select stream, 'discarded', 'EXPIRED', source_number, hour, count(*) from dead_letters
         where ${where} group by stream, source_number, hour
         on conflict (stream, outcome, reason, source_number, hour)
         do update set count = count + excluded.count`,
      )
      .run(bounds.beforeMs, upToId);
    const removed = database
      .prepare(`delete from dead_letters where ${where}`)
      .run(bounds.beforeMs, upToId);
    return Number(removed.changes);
  });
}

function viewOf(letter: DeadLetter): DeadLetterView {
  const { body, ...view } = letter;
  assert(body instanceof Uint8Array, 'a dead letter has a body');
  return view;
}

function conditionOf({ id, reason, status, messageId }: DeadLetterFilter): {
  where: string;
  values: (string | number)[];
} {
  const parts: [string, string | number][] = [];
  if (id !== undefined) parts.push(['id = ?', id]);
  if (reason !== undefined) parts.push(['reason = ?', reason]);
  if (status !== undefined) parts.push(['status = ?', status]);
  if (messageId !== undefined) parts.push(['message_id = ?', messageId]);
  return {
    where: ['true', ...parts.map(([sql]) => sql)].join(' and '),
    values: parts.map(([, value]) => value),
  };
}
