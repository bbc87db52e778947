/**
 * PostgreSQL as a warehouse: a schema for each source, in Segment's layout. Every event is there
 * exactly once, because the place in the log is stored by the same transaction as the rows
 * (docs/destinations/postgres.md).
 */
import { escapeIdentifier } from 'pg';
import { MillraceError } from '../../base/errors.ts';
import type {
  DeliveryBatch,
  DeliveryOutcome,
  Destination,
  DestinationContext,
} from '../destination-contract.ts';
import { inTurn } from '../in-turn.ts';
import type { Turns } from '../in-turn.ts';
import type { ColumnLimits } from '../warehouse/warehouse-columns.ts';
import { cleanText } from '../warehouse/warehouse-rows.ts';
import { RESCUED_COLUMN } from '../../lake/schema/fixed-columns.ts';
import { ensureBookkeeping, qualified, schemasOf } from './postgres-catalog.ts';
import { openConnection } from './postgres-connection.ts';
import type { Connection } from './postgres-connection.ts';
import type { Refusals } from './postgres-cursor.ts';
import { begin, knowNothing, loadBatch } from './postgres-load.ts';
import type { Known, LoadOptions } from './postgres-load.ts';
import { messageOf, outcomeOfFailure } from './postgres-outcomes.ts';
import type { PostgresSettings } from './postgres-settings.ts';

/** A page has 8 KiB; the rest is for its head, the null bitmap and the columns of every table. */
const ROW_BYTES_MAX = 7_400;
/** So many values of every kind fit into one row. */
const UPSERT_COLUMNS_MAX = 300;
/** Streams whose tables are remembered; more than run at once. */
const STREAMS_MAX = 8;
/** For the source of a test when there is none yet. */
const TEST_SLUG = 'millrace-test';

interface OpenPostgres {
  readonly settings: PostgresSettings;
  readonly context: DestinationContext;
  readonly load: LoadOptions;
  /** By stream: a replay runs beside live delivery, in transactions of its own. */
  readonly knownOf: Map<string | null, Known>;
  /** Batches of a stream, one after the other. */
  readonly turns: Turns<string | null>;
  /** Kept for the next batch. */
  idle: Connection | null;
}

/** Connects at the first batch; nothing is asked of the server before. */
export function openPostgres(settings: PostgresSettings, context: DestinationContext): Destination {
  const { columnsMax, schemaPrefix } = settings;
  const limits: ColumnLimits = {
    columnsMax,
    upsertColumnsMax: UPSERT_COLUMNS_MAX,
    rowBytesMax: ROW_BYTES_MAX,
  };
  const load = { destinationId: context.destinationId, schemaPrefix, limits };
  const opened: OpenPostgres = {
    settings,
    context,
    load,
    knownOf: new Map(),
    turns: new Map(),
    idle: null,
  };
  return {
    // The cursor of a stream only goes forward, so its batches may not overtake each other.
    deliver: (batch, signal) =>
      inTurn(opened.turns, batch.replayId, () => deliver(opened, batch, signal)),
    async test(signal) {
      try {
        await withConnection(opened, signal, (connection) =>
          tryEverything(connection, context, load),
        );
      } catch (error) {
        throw new MillraceError('DESTINATION_TEST_FAILED', failureText(error, signal));
      }
    },
    async deleteUsers(userIds, signal) {
      try {
        await withConnection(opened, signal, (connection) =>
          deleteRows(connection, schemaPrefix, userIds),
        );
      } catch (error) {
        throw new MillraceError('UNAVAILABLE', failureText(error, signal), { cause: error });
      }
    },
    async close() {
      await opened.idle?.end();
      opened.idle = null;
    },
  };
}

async function deliver(
  opened: OpenPostgres,
  batch: DeliveryBatch,
  signal: AbortSignal,
): Promise<DeliveryOutcome[]> {
  const { knownOf, load } = opened;
  const known = knownOf.get(batch.replayId) ?? knowNothing();
  // What is learnt in a transaction that fails is gone with it.
  knownOf.delete(batch.replayId);
  try {
    const refusals = await withConnection(opened, signal, (connection) =>
      loadBatch(connection, batch, known, load),
    );
    if (knownOf.size >= STREAMS_MAX) knownOf.clear();
    knownOf.set(batch.replayId, known);
    return outcomesOf(batch, refusals);
  } catch (error) {
    const outcome = outcomeOfFailure(error, signal);
    return batch.events.map(() => outcome);
  }
}

/** Runs the work on a connection that ends with the signal, or at once when the work throws. */
async function withConnection<T>(
  opened: OpenPostgres,
  signal: AbortSignal,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await takeConnection(opened, signal);
  signal.addEventListener('abort', connection.destroy);
  try {
    signal.throwIfAborted();
    const result = await work(connection);
    if (opened.idle) await connection.end();
    else opened.idle = connection;
    return result;
  } catch (error) {
    connection.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', connection.destroy);
  }
}

async function takeConnection(opened: OpenPostgres, signal: AbortSignal): Promise<Connection> {
  const taken = opened.idle;
  opened.idle = null;
  if (taken && !taken.isBroken()) return taken;
  return openConnection(opened.settings, opened.context, signal);
}

function outcomesOf({ events }: DeliveryBatch, refusals: Refusals): DeliveryOutcome[] {
  return events.map((_, ordinal) => {
    const message = refusals.get(ordinal);
    if (message === undefined) return { kind: 'delivered' };
    return { kind: 'dead', reason: 'PAYLOAD_INVALID', message };
  });
}

function failureText(error: unknown, signal: AbortSignal): string {
  return signal.aborted ? 'no answer in time' : messageOf(error);
}

/** Does what the first batch would do, and takes it back. */
async function tryEverything(
  connection: Connection,
  context: DestinationContext,
  { schemaPrefix }: { schemaPrefix: string },
): Promise<void> {
  const [server] = await connection.query<{ encoding: string }>(
    `select current_setting('server_encoding') as encoding`,
  );
  if (server?.encoding !== 'UTF8') {
    throw new Error(`the database has the encoding ${server?.encoding}; it must be UTF8`);
  }
  await begin(connection);
  await ensureBookkeeping(connection);
  const slugs = [...context.sources().values()].map(({ slug }) => slug);
  const schemas = await schemasOf(connection, schemaPrefix, slugs.length > 0 ? slugs : [TEST_SLUG]);
  for (const schema of schemas.values()) {
    await connection.query(`create table ${qualified(schema, '_millrace_test')} (id text)`);
  }
  await connection.query(
    `insert into millrace.cursors (destination, stream, partition, position)
     values ('', 'test', '', 0) on conflict do nothing`,
  );
  await connection.query('rollback');
}

/** Only tables of ours have a column for what was rescued; others in the schema are not touched. */
async function deleteRows(
  connection: Connection,
  prefix: string,
  userIds: readonly string[],
): Promise<void> {
  const [exists] = await connection.query(
    `select 1 where to_regclass('millrace.schemas') is not null`,
  );
  if (!exists) return;
  const tables = await connection.query<{ schema: string; name: string; column: string }>(
    `select n.nspname as schema, c.relname as name, a.attname as column
     from millrace.schemas s join pg_namespace n on n.nspname = s.schema_name
     join pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'p')
     join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
       and a.attname = case c.relname when 'users' then 'id' else 'user_id' end
     where s.prefix = $1 and exists (
       select from pg_attribute r where r.attrelid = c.oid and r.attname = '${RESCUED_COLUMN}')`,
    [prefix],
  );
  for (const { schema, name, column } of tables) {
    await connection.query(
      `delete from ${qualified(schema, name)} where ${escapeIdentifier(column)} = any($1)`,
      [userIds.map(cleanText)],
    );
  }
}
