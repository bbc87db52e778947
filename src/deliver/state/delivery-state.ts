/** Opens the state of a destination. Every change is one transaction, durable when it returns. */
import { join } from 'node:path';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { inTransaction, openSqlite } from '../../base/sqlite.ts';
import { encodePlaces } from './places.ts';
import type {
  Cursor,
  DeadLetter,
  DeliveryCount,
  Intent,
  StreamStep,
  WaitingEvent,
} from './delivery-rows.ts';
import { STATE_SCHEMA, STATE_VERSION } from './delivery-schema.ts';
import { waitingFrom } from './row-reading.ts';

export interface DeliveryState {
  database: DatabaseSync;
  cursors(stream: string): Map<string, Cursor>;
  /** Adds cursors for partitions that have none. */
  addCursors(stream: string, cursors: ReadonlyMap<string, Cursor>): void;
  commit(stream: string, step: StreamStep): void;
  /** In the order in which they came. */
  waiting(stream: string): WaitingEvent[];
  intent(stream: string): Intent | null;
  setIntent(stream: string, intent: Intent | null): void;
  counts(stream: string): DeliveryCount[];
  /** Moves times of waiting events, such as when a breaker closes. */
  shiftWaiting(stream: string, byMs: number): void;
  /** Forgets attempts before the time, and all but the newest `kept`. */
  pruneAttempts(beforeMs: number, kept: number): void;
  /** The lowest position that any stream may still read, by partition. */
  holds(): Map<string, number>;
  close(): void;
}

/** Where the state of a destination is. */
export function deliveryStatePath(dataFolder: string, region: string, id: string): string {
  return join(dataFolder, region, 'deliver', `${id}.db`);
}

/** @throws MillraceError DATA_FORMAT_TOO_NEW */
export function openDeliveryState(
  path: string,
  options: { isReadOnly?: boolean } = {},
): DeliveryState {
  const database = openSqlite(path, { version: STATE_VERSION, schema: STATE_SCHEMA, ...options });
  const write = statementsOf(database);
  return {
    database,
    cursors: (stream) => readCursors(database, stream),
    addCursors(stream, cursors) {
      inTransaction(database, () => {
        for (const [partition, { start, position, end }] of cursors) {
          write.addCursor(stream, partition, start, position, end);
        }
      });
    },
    commit: (stream, step) => inTransaction(database, () => commitStep(write, stream, step)),
    waiting(stream) {
      const rows = database.prepare('select * from waiting where stream = ? order by id');
      return rows.all(stream).map(waitingFrom);
    },
    intent(stream) {
      const row = database.prepare('select * from intents where stream = ?').get(stream);
      if (!row) return null;
      const ranges = JSON.parse(String(row['ranges'])) as Intent['ranges'];
      return { token: String(row['token']), ranges };
    },
    setIntent(stream, intent) {
      if (intent === null) {
        database.prepare('delete from intents where stream = ?').run(stream);
        return;
      }
      database
        .prepare('insert or replace into intents (stream, token, ranges) values (?, ?, ?)')
        .run(stream, intent.token, JSON.stringify(intent.ranges));
    },
    counts(stream) {
      const rows = database.prepare('select * from counts where stream = ?').all(stream);
      return rows.map((row) => ({
        outcome: String(row['outcome']) as DeliveryCount['outcome'],
        reason: String(row['reason']),
        sourceNumber: Number(row['source_number']),
        hour: Number(row['hour']),
        count: Number(row['count']),
      }));
    },
    shiftWaiting(stream, byMs) {
      database
        .prepare(
          `update waiting set first_failed_ms = first_failed_ms + ?
           where stream = ? and first_failed_ms is not null`,
        )
        .run(byMs, stream);
    },
    pruneAttempts(beforeMs, kept) {
      database.prepare('delete from attempts where at_ms < ?').run(beforeMs);
      database
        .prepare('delete from attempts where id <= (select max(id) from attempts) - ?')
        .run(kept);
    },
    holds: () => readHolds(database),
    close: () => database.close(),
  };
}

function readCursors(database: DatabaseSync, stream: string): Map<string, Cursor> {
  const rows = database.prepare('select * from cursors where stream = ?').all(stream);
  return new Map(
    rows.map((row) => [
      String(row['partition']),
      {
        start: Number(row['start']),
        position: Number(row['position']),
        end: row['end'] === null ? null : Number(row['end']),
      },
    ]),
  );
}

function readHolds(database: DatabaseSync): Map<string, number> {
  const rows = database
    .prepare(
      `select partition, min(position) as position from (
         select partition, position from cursors
           where (end is null or position < end)
             and stream not in (select stream from streams where state in ('done', 'cancelled'))
         union all select partition, position from waiting where body is null
       ) group by partition`,
    )
    .all();
  return new Map(rows.map((row) => [String(row['partition']), Number(row['position'])]));
}

type Run = (...values: SQLInputValue[]) => { lastInsertRowid: number | bigint };

interface Statements {
  addCursor: Run;
  moveCursor: Run;
  count: Run;
  addWaiting: Run;
  removeWaiting: Run;
  reschedule: Run;
  addDead: Run;
  addAttempt: Run;
  endIntent: Run;
}

/** Prepared once: a busy destination commits many times a second. */
function statementsOf(database: DatabaseSync): Statements {
  const cache = new Map<string, ReturnType<DatabaseSync['prepare']>>();
  const prepared =
    (sql: string): Run =>
    (...values) => {
      let statement = cache.get(sql);
      // Prepared at first use: a file that is opened to be read cannot prepare all of these.
      if (!statement) cache.set(sql, (statement = database.prepare(sql)));
      return statement.run(...values);
    };
  return {
    endIntent: prepared('delete from intents where stream = ?'),
    addCursor: prepared(
      'insert or ignore into cursors (stream, partition, start, position, end) values (?,?,?,?,?)',
    ),
    moveCursor: prepared('update cursors set position = ? where stream = ? and partition = ?'),
    count: prepared(
      `insert into counts (stream, outcome, reason, source_number, hour, count)
       values (?, ?, ?, ?, ?, ?)
       on conflict (stream, outcome, reason, source_number, hour)
       do update set count = count + excluded.count`,
    ),
    addWaiting: prepared(
      `insert into waiting (stream, partition, position, item, source_number, hour, message_id,
         order_key, attempts, first_failed_ms, next_ms, reason, message, status, response,
         progress, body) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    removeWaiting: prepared('delete from waiting where id = ?'),
    reschedule: prepared(
      `update waiting set attempts = ?, first_failed_ms = ?, next_ms = ?, reason = ?, message = ?,
         status = ?, response = ?, progress = ? where id = ?`,
    ),
    addDead: prepared(
      `insert into dead_letters (stream, partition, position, item, source_number, hour, message_id,
         type, event, order_key, attempts, first_failed_ms, died_at_ms, reason, message, status,
         response, body) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    addAttempt: prepared(
      `insert into attempts (stream, partition, first, last, items, at_ms, elapsed_ms, outcome,
         reason, message, status) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
  };
}

function commitStep(write: Statements, stream: string, step: StreamStep): void {
  for (const [partition, position] of step.cursors) write.moveCursor(position, stream, partition);
  for (const { outcome, reason, sourceNumber, hour, count } of step.counts) {
    write.count(stream, outcome, reason, sourceNumber, hour, count);
  }
  for (const row of step.waiting) row.id = addWaiting(write, stream, row);
  if (step.endsIntent) write.endIntent(stream);
  for (const id of step.resolved) write.removeWaiting(id);
  for (const { id, attempts, firstFailedMs, nextMs, failure, progress } of step.rescheduled) {
    const { reason = null, message = null, status = null, response = null } = failure ?? {};
    write.reschedule(
      attempts,
      firstFailedMs,
      nextMs,
      reason,
      message,
      status,
      response,
      progress,
      id,
    );
  }
  for (const letter of step.dead) addDead(write, stream, letter);
  for (const attempt of step.attempts) {
    const { partition, places, atMs, elapsedMs, outcome, reason, message, status } = attempt;
    const first = places.reduce((low, { position }) => Math.min(low, position), Infinity);
    const last = places.reduce((high, { position }) => Math.max(high, position), 0);
    const items = encodePlaces(places, first);
    const at = Math.round(atMs);
    const elapsed = Math.round(elapsedMs);
    write.addAttempt(
      stream,
      partition,
      first,
      last,
      items,
      at,
      elapsed,
      outcome,
      reason,
      message,
      status,
    );
  }
}

/** Returns the id of the new row. */
function addWaiting(write: Statements, stream: string, row: WaitingEvent): number {
  const { reason = null, message = null, status = null, response = null } = row.failure ?? {};
  const { lastInsertRowid } = write.addWaiting(
    stream,
    row.partition,
    row.position,
    row.index,
    row.sourceNumber,
    row.hour,
    row.messageId,
    row.orderKey,
    row.attempts,
    row.firstFailedMs,
    row.nextMs,
    reason,
    message,
    status,
    response,
    row.progress,
    row.body,
  );
  return Number(lastInsertRowid);
}

function addDead(
  write: Statements,
  stream: string,
  letter: Omit<DeadLetter, 'id' | 'stream'>,
): void {
  const { reason, message, status, response } = letter.failure;
  write.addDead(
    stream,
    letter.partition,
    letter.position,
    letter.index,
    letter.sourceNumber,
    letter.hour,
    letter.messageId,
    letter.type,
    letter.event,
    letter.orderKey,
    letter.attempts,
    letter.firstFailedMs,
    letter.diedAtMs,
    reason,
    message,
    status,
    response,
    letter.body,
  );
}
