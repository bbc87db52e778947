/**
 * ClickHouse as a warehouse: a database for each source, in Segment's layout
 * (docs/destinations/clickhouse.md).
 */
import { MillraceError, toError } from '../../base/errors.ts';
import type {
  DeliveryOutcome,
  Destination,
  DestinationContext,
  DestinationType,
} from '../destination-contract.ts';
import { RESCUED_COLUMN } from '../../lake/schema/fixed-columns.ts';
import type { ColumnLimits } from '../warehouse/warehouse-columns.ts';
import { cleanText } from '../warehouse/warehouse-rows.ts';
import { databasesOf, ensureDatabase, qualified, quotedText } from './clickhouse-catalog.ts';
import { createClickHouse, outcomeOfFailure } from './clickhouse-client.ts';
import type { ClickHouse } from './clickhouse-client.ts';
import { knowNothing, loadBatch } from './clickhouse-load.ts';
import type { Known } from './clickhouse-load.ts';
import { clickHouseSettings, parseClickHouseSettings } from './clickhouse-settings.ts';
import type { ClickHouseSettings } from './clickhouse-settings.ts';

/** Streams whose tables are remembered; more than run at once. */
const STREAMS_MAX = 8;
const TEST_TABLE = '_millrace_test';
const TEST_SLUG = 'millrace-test';

export const clickhouse: DestinationType = {
  name: 'clickhouse',
  title: 'ClickHouse',
  integrationNames: ['ClickHouse'],
  class: 'warehouse',
  order: 'log',
  defaults: {
    batchEvents: 10_000,
    batchBytes: 16 * 2 ** 20,
    batchAgeMs: 5_000,
    concurrency: 1,
    timeoutMs: 120_000,
  },
  fields: clickHouseSettings.fields,
  parseSettings: parseClickHouseSettings,
  open: (settings, context) => Promise.resolve(open(settings as ClickHouseSettings, context)),
};

function open(settings: ClickHouseSettings, context: DestinationContext): Destination {
  const { columnsMax, databasePrefix } = settings;
  const limits: ColumnLimits = { columnsMax, upsertColumnsMax: columnsMax, rowBytesMax: Infinity };
  const options = { databasePrefix, limits };
  /** By stream: a replay runs beside live delivery. */
  const knownOf = new Map<string | null, Known>();
  const connect = (signal: AbortSignal) =>
    createClickHouse(settings, context.net, { signal, wallMs: () => context.clock.wallMs() });

  return {
    async deliver(batch, signal) {
      const known = knownOf.get(batch.replayId) ?? knowNothing();
      // After a failure everything is read again.
      knownOf.delete(batch.replayId);
      try {
        const refusals = await loadBatch(connect(signal), batch, known, options);
        if (knownOf.size >= STREAMS_MAX) knownOf.clear();
        knownOf.set(batch.replayId, known);
        return batch.events.map((_, ordinal): DeliveryOutcome => {
          const message = refusals.get(ordinal);
          if (message === undefined) return { kind: 'delivered' };
          return { kind: 'dead', reason: 'PAYLOAD_INVALID', message };
        });
      } catch (error) {
        const outcome = outcomeOfFailure(error, signal);
        return batch.events.map(() => outcome);
      }
    },
    async test(signal) {
      try {
        await tryEverything(connect(signal), context, databasePrefix);
      } catch (error) {
        throw new MillraceError('DESTINATION_TEST_FAILED', failureText(error, signal));
      }
    },
    async deleteUsers(userIds, signal) {
      try {
        await deleteRows(connect(signal), databasePrefix, userIds);
      } catch (error) {
        throw new MillraceError('UNAVAILABLE', failureText(error, signal), { cause: error });
      }
    },
    close: () => Promise.resolve(),
  };
}

function failureText(error: unknown, signal: AbortSignal): string {
  return signal.aborted ? 'no answer in time' : toError(error).message;
}

/** Makes and drops a table in the database of each source. */
async function tryEverything(
  server: ClickHouse,
  context: DestinationContext,
  prefix: string,
): Promise<void> {
  const slugs = [...context.sources().values()].map(({ slug }) => slug);
  for (const slug of slugs.length > 0 ? slugs : [TEST_SLUG]) {
    const database = await ensureDatabase(server, prefix, slug);
    const table = qualified(database, TEST_TABLE);
    await server.execute(
      `create table if not exists ${table} (id String) engine = MergeTree order by id`,
    );
    await server.execute(`alter table ${table} add column if not exists v Nullable(Int64)`);
    await server.execute(`drop table ${table}`);
  }
}

/** Only tables of ours have a column for what was rescued; views follow their tables. */
async function deleteRows(
  server: ClickHouse,
  prefix: string,
  userIds: readonly string[],
): Promise<void> {
  const { bySlug } = await databasesOf(server, prefix);
  if (bySlug.size === 0 || userIds.length === 0) return;
  const databases = [...bySlug.values()].map(quotedText).join(', ');
  const tables = await server.query<{ database: string; name: string }>(
    `select database, name from system.tables
     where database in (${databases}) and engine like '%MergeTree'
       and (database, name) in (select database, table from system.columns
         where name = '${RESCUED_COLUMN}')`,
  );
  const ids = userIds.map((id) => quotedText(cleanText(id))).join(', ');
  for (const { database, name } of tables) {
    await server.execute(
      `alter table ${qualified(database, name)} delete where user_id in (${ids}) ` +
        'settings mutations_sync = 1',
    );
  }
}
