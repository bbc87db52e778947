/**
 * Large batches travel by COPY, small ones as JSON: both must store the same rows in a real
 * PostgreSQL, and a user who may not make temporary tables must not notice a difference.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { DeliveryEvent } from '../../src/destinations/destination-contract.ts';
import { postgres } from '../../src/destinations/postgres/postgres.ts';
import { copyText, STAGED_ROWS_MIN } from '../../src/destinations/postgres/postgres-staging.ts';
import type { JsonObject } from '../../src/events/json.ts';
import { postgresSkip, startPostgres } from '../support/postgres-server.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { deliveryEvent, openDestination } from '../support/warehouse-delivery.ts';
import type { OpenedDestination } from '../support/warehouse-delivery.ts';

const EVENTS = STAGED_ROWS_MIN + 700;
/** Every character that COPY gives a meaning, and values of every type. */
const VALUES: JsonObject[] = [
  { text: 'tab\there', list: ['a\tb', { c: '\\' }] },
  { text: 'line\nbreak\r\nand return\r', flag: true },
  { text: '\\', amount: 0.1 },
  { text: '\\N', amount: -1e-7 },
  { text: '\\.', count: 2 ** 53 },
  { text: '', at: '2026-02-01T10:00:00.123Z' },
  { text: 'null', list: [] },
  { text: '"quoted", and {braced}', list: [null, [1, [2]]] },
  { text: '🚀 \u2028 \u0001 \u007f é' },
  { text: '\\t\\n\\x41\\101' },
  {},
];

describe('staging in PostgreSQL', { skip: postgresSkip() }, () => {
  let server: PostgresServer;
  const opened: OpenedDestination[] = [];
  before(async () => {
    server = await startPostgres();
  });
  after(async () => {
    for (const one of opened) await one.close();
    await server.stop();
  });

  const open = async (slug: string, login: JsonObject = {}): Promise<OpenedDestination> => {
    const { host, port, user, password, database } = server;
    const settings = { host, port, user, password, database, ssl: 'disable', ...login };
    const one = await openDestination(postgres, settings, { destinationId: slug, slugs: [slug] });
    opened.push(one);
    return one;
  };
  const eventsOf = (slug: string): DeliveryEvent[] =>
    Array.from({ length: EVENTS }, (_, position) => {
      const properties = VALUES[position % VALUES.length] ?? {};
      const isTrack = position % 2 === 0;
      const message = isTrack ? { properties } : { traits: properties };
      const type = isTrack ? 'track' : 'identify';
      const userId = `u${position % 1_150}`;
      return deliveryEvent({ position, slug, type, userId, message });
    });
  const tableOf = async (schema: string, table: string): Promise<string[]> => {
    const rows = await server.query(
      `select (to_jsonb(t) - 'uuid_ts')::text as row from ${schema}.${table} t order by id`,
    );
    return rows.map(({ row }) => String(row));
  };
  /** Temporary tables that were made since `watchTables`. */
  const stagings = async (): Promise<number> => {
    const [row] = await server.query(`select count(*)::int as count from public.made_tables`);
    return Number(row?.['count']);
  };
  const watchTables = async (): Promise<void> => {
    await server.query('create table public.made_tables (name text)');
    await server.query(
      `create function public.note_table() returns event_trigger security definer as $$
       begin
         insert into public.made_tables select object_identity
         from pg_event_trigger_ddl_commands() where schema_name = 'pg_temp';
       end $$ language plpgsql`,
    );
    await server.query(
      `create event trigger made_table on ddl_command_end when tag in ('CREATE TABLE')
       execute function public.note_table()`,
    );
  };

  test('one batch by COPY and many as JSON give the same tables', async () => {
    await watchTables();
    const large = await open('staged');
    const outcomes = await large.deliver(eventsOf('staged'));
    assert.ok(outcomes.every(({ kind }) => kind === 'delivered'));
    const staged = await stagings();
    assert.ok(staged >= 4, 'each of the large tables was staged');
    const small = await open('plain');
    const events = eventsOf('plain');
    for (let from = 0; from < events.length; from += STAGED_ROWS_MIN / 2) {
      await small.deliver(events.slice(from, from + STAGED_ROWS_MIN / 2));
    }
    assert.equal(await stagings(), staged, 'small ones were not');
    for (const table of ['tracks', 'order_completed', 'identifies', 'users']) {
      const rows = await tableOf('staged', table);
      assert.ok(rows.length >= STAGED_ROWS_MIN, `${table} has ${rows.length} rows`);
      assert.deepEqual(rows, await tableOf('plain', table), table);
    }
  });

  test('a row that a constraint refuses is dead alone, in the middle of a large batch', async () => {
    const one = await open('refusing');
    const events = eventsOf('refusing');
    await one.deliver(events.slice(0, 1));
    await server.query(
      `alter table refusing.tracks add constraint own check (id not in ('m-600', 'm-1000'))`,
    );
    const outcomes = await one.deliver(events.slice(1));
    const dead = outcomes.flatMap(({ kind }, at) => (kind === 'dead' ? [events[at + 1]] : []));
    assert.deepEqual(
      dead.map((event) => event?.messageId),
      ['m-600', 'm-1000'],
    );
    const [count] = await server.query(
      `select (select count(*) from refusing.tracks)::int as tracks,
              (select count(*) from refusing.identifies)::int as identifies`,
    );
    assert.deepEqual(count, { tracks: EVENTS / 2 - 2, identifies: EVENTS / 2 });
  });

  test('no staging table is left for the next batch, nor in the catalogs', async () => {
    const one = await open('tidy');
    const events = eventsOf('tidy');
    await one.deliver(events.slice(0, 600));
    const outcomes = await one.deliver(events.slice(600));
    assert.ok(outcomes.every(({ kind }) => kind === 'delivered'));
    const left = await server.query(`select 1 from pg_class where relname = 'millrace_rows'`);
    assert.deepEqual(left, []);
  });

  test('a user who may not make temporary tables loads all the same', async () => {
    const { database } = server;
    await server.query(`create role modest login password 'modest'`);
    await server.query(`grant create on database "${database}" to modest`);
    await server.query(`grant usage, create on schema millrace to modest`);
    await server.query(`grant all on all tables in schema millrace to modest`);
    await server.query(`revoke temporary on database "${database}" from public`);
    const one = await open('modest', { user: 'modest', password: 'modest' });
    const outcomes = await one.deliver(eventsOf('modest'));
    await server.query(`grant temporary on database "${database}" to public`);
    assert.deepEqual([...new Set(outcomes.map(({ kind }) => kind))], ['delivered']);
    assert.equal((await tableOf('modest', 'tracks')).length, EVENTS / 2);
  });

  test('any text comes back as it was', async () => {
    const text = fc.string({ unit: 'binary' }).map((value) => value.replaceAll('\0', ''));
    const rows = fc.sample(fc.tuple(text, fc.option(text)), { numRuns: 2_000, seed: 7 });
    const copied = Buffer.concat([
      ...copyText(
        ['a', 'b'],
        rows.map(([a, b]) => new Map([['a', a] as const, ['b', b] as const])),
      ),
    ]).toString();
    const unescape = (field: string): string | null => {
      if (field === '\\N') return null;
      const meanings: Record<string, string> = { n: '\n', r: '\r', t: '\t', '\\': '\\' };
      return field.replace(/\\(.)/gsu, (_, letter: string) => meanings[letter] ?? letter);
    };
    const lines = copied.split('\n').slice(0, -1);
    assert.deepEqual(
      lines.map((line) => line.split('\t').map(unescape)),
      rows.map((row) => row.map((value) => value?.toWellFormed() ?? null)),
    );
  });
});
