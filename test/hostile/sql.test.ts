/** SQL that wants out: files, network, settings, other statements, endless work. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer({ config: { sql: { timeoutMs: 1_500, rowsMax: 100 } } });
  await server.post('/v1/track', { userId: 'u', event: '=cmd|calc', messageId: 'm1' });
  await server.sqlUntil('select 1 from events', (rows) => rows.length === 1);
});
after(() => server.stop());

async function send(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${server.adminUrl}/sql`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${server.token}`, ...headers },
    body: JSON.stringify(body),
  });
}

async function codeOf(sql: string): Promise<string> {
  const response = await send({ sql });
  const body = (await response.json()) as { code?: string };
  return response.ok ? 'OK' : (body.code ?? '');
}

describe('what is refused', () => {
  for (const sql of [
    `select * from read_csv('/etc/passwd')`,
    `select * from '/etc/passwd'`,
    `select * from read_text('/etc/hostname')`,
    `select * from read_parquet('x.parquet')`,
    `select * from glob('/*')`,
    `from 'data.csv'`,
    `copy events to '/tmp/x.csv'`,
    `attach '/tmp/x.db'`,
    `install httpfs`,
    `load httpfs`,
    `set memory_limit = '100GB'`,
    `set enable_external_access = true`,
    `pragma database_list`,
    `create table t as select 1`,
    `drop view events`,
    `insert into hot_events_1 select * from events`,
    `delete from hot_events_1`,
    `export database '/tmp/x'`,
    `call pragma_version()`,
    `select * from duckdb_settings()`,
    `select 1e400, '"', setting from pg_settings, (select 'Infinity"')`,
    `select current_setting('temp_directory')`,
    `select getenv('HOME')`,
    `select * from query('select 1')`,
    `select * from query_table(['events'])`,
    `select name, setting from pg_settings`,
    `select sql from duckdb_views`,
    `select sql from DuckDB_Views`,
    `select sql from sqlite_master`,
    `select definition from pg_catalog.pg_views`,
    `select view_definition from information_schema.views`,
    `select 1; select 2`,
    `select * from events; drop view events`,
    `with x as (select * from read_csv('/etc/passwd')) select * from x`,
    `select (select count(*) from read_csv('/etc/passwd'))`,
    `select * from events where exists (select 1 from read_text('/etc/passwd'))`,
  ]) {
    test(sql, async () => {
      const code = await codeOf(sql);
      assert.ok(code === 'SQL_REFUSED' || code === 'SQL_FAILED', `answered ${code}`);
    });
  }

  test('the views are still there after all of it', async () => {
    assert.equal(await codeOf('select count(*) from events'), 'OK');
  });

  test('endless work is stopped by the timeout, and other queries go on', async () => {
    const slow = codeOf('select count(*) from range(100000000000) a, range(100000000000) b');
    assert.equal(await codeOf('select count(*) from events'), 'OK');
    assert.equal(await slow, 'SQL_TIMEOUT');
  });

  test('more rows than the cap are cut, and the answer says so', async () => {
    const response = await send({ sql: 'select * from range(1000)' });
    const body = (await response.json()) as { rows: unknown[]; truncated: boolean };
    assert.equal(body.rows.length, 100);
    assert.equal(body.truncated, true);
  });

  test('a caller cannot raise the limits', async () => {
    const response = await send({ sql: 'select * from range(1000)', rowsMax: 5_000 });
    assert.equal(((await response.json()) as { rows: unknown[] }).rows.length, 100);
  });

  test('a body beyond its limit is refused', async () => {
    const response = await send({ sql: `select '${'x'.repeat(1_100_000)}'` });
    assert.equal(response.status, 400);
    assert.equal(((await response.json()) as { code: string }).code, 'INVALID_ARGUMENT');
  });

  test('unknown fields and wrong types are named', async () => {
    for (const body of [{ sql: 1 }, {}, { sql: 'select 1', fromat: 'csv' }]) {
      const response = await send(body);
      assert.equal(response.status, 400);
      assert.equal(((await response.json()) as { code: string }).code, 'INVALID_ARGUMENT');
    }
  });
});

describe('what is answered', () => {
  test('JSON, CSV and Parquet', async () => {
    const csv = await send({ sql: 'select message_id, event from events', format: 'csv' });
    assert.match(csv.headers.get('content-type') ?? '', /^text\/csv/);
    // A cell that a spreadsheet would run is defused.
    assert.equal(await csv.text(), `message_id,event\r\nm1,'=cmd|calc\r\n`);
    const parquet = await send({ sql: 'select * from events -- all', format: 'parquet' });
    const bytes = Buffer.from(await parquet.arrayBuffer());
    assert.equal(bytes.subarray(0, 4).toString(), 'PAR1');
    assert.equal(bytes.subarray(-4).toString(), 'PAR1');
  });

  test('common analytical SQL is allowed', async () => {
    for (const sql of [
      `select event, count(*) as n from events group by all order by n desc`,
      `with t as (select *, row_number() over (partition by user_id order by timestamp) as nth from events) select * from t where nth = 1`,
      `from events select count(distinct user_id)`,
      `select properties->>'x' as x, json_extract(context, '$.ip') from events`,
      `select date_trunc('hour', received_at), count(*) from events group by 1`,
      `select unnest([1, 2, 3])`,
      `select * from generate_series(1, 3)`,
      `show tables`,
      `describe events`,
      `summarize events`,
      `select * from rejected`,
      `values (1), (2)`,
      `select 1e400::text, -1e400 as "value"":Infinity", '\\":NaN' as x`,
    ]) {
      assert.equal(await codeOf(sql), 'OK', sql);
    }
  });
});

describe('who may ask', () => {
  test('no token, a wrong token, a write key: 401', async () => {
    for (const header of ['', 'Bearer wrong', `Bearer ${server.writeKey}`]) {
      assert.equal((await send({ sql: 'select 1' }, { Authorization: header })).status, 401);
    }
  });

  test('a page of another site is refused even with the token', async () => {
    const response = await send({ sql: 'select 1' }, { 'Sec-Fetch-Site': 'cross-site' });
    assert.equal(response.status, 401);
  });
});
