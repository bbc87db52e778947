/** (c), (d): to warehouses, beside a bare load of the rows that Millrace stored. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { startClickHouse } from '../../test/support/clickhouse-server.ts';
import { startPostgres } from '../../test/support/postgres-server.ts';
import { median } from '../support/load.ts';
import { shown } from '../support/run-parts.ts';
import type { Figure } from '../support/run-parts.ts';
import type { DeliverPart } from './part.ts';
import { drain, fillScene } from './scene.ts';

const SCHEMA = 'test';
/** As the destination takes them. */
const CLICKHOUSE_ROWS = 10_000;
/** The rest of a backlog does not wait for company. */
const DELIVERY = { batchAgeMs: 100 };

/** (c) COPY of the same rows into tables with the same columns and keys. */
export const postgresRows: DeliverPart = async (scale) => {
  const scene = await fillScene(scale.bulk);
  const server = await startPostgres();
  const { host, port, user, password, database } = server;
  const login = { host, port, user, password, database };
  const client = new pg.Client(login);
  await client.connect();
  const destination = { type: 'postgres', settings: { ...login, ssl: 'disable' } };
  const empty = (): Promise<unknown> =>
    client.query(`drop schema ${SCHEMA} cascade; drop schema millrace cascade`);
  const ratios: number[] = [];
  const rates: number[] = [];
  try {
    await drain(scene, { ...destination, delivery: DELIVERY });
    const tables = await rowsOf(client);
    for (let pair = 0; pair < scale.pairs; pair++) {
      const bare = await copyAll(client, tables);
      await empty();
      const seconds = await drain(scene, { ...destination, delivery: DELIVERY });
      ratios.push(bare / seconds);
      rates.push(scene.events / seconds);
    }
  } finally {
    await client.end();
    await scene.server.stop();
    await server.stop();
  }
  return figures('PostgreSQL, exactly once, to bare COPY', ratios, rates);
};

/** Tables of the schema, as COPY writes them. */
async function rowsOf(client: pg.Client): Promise<Map<string, Buffer[]>> {
  const { rows } = await client.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = '${SCHEMA}'`,
  );
  const tables = new Map<string, Buffer[]>();
  for (const { name } of rows) {
    const chunks: Buffer[] = [];
    const stream = client.query(copyTo(`copy ${SCHEMA}.${name} to stdout`));
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    tables.set(name, chunks);
  }
  return tables;
}

/** Loads the same rows into new tables, in one transaction; returns the seconds it took. */
async function copyAll(client: pg.Client, tables: Map<string, Buffer[]>): Promise<number> {
  await client.query('drop schema if exists bare cascade; create schema bare');
  for (const name of tables.keys()) {
    await client.query(`create table bare.${name} (like ${SCHEMA}.${name} including all)`);
  }
  const startMs = performance.now();
  await client.query('begin');
  for (const [name, chunks] of tables) {
    await pipeline(Readable.from(chunks), client.query(copyFrom(`copy bare.${name} from stdin`)));
  }
  await client.query('commit');
  return (performance.now() - startMs) / 1000;
}

/** (d) Inserts of the same rows as JSON, in batches of the same size. */
export const clickHouseRows: DeliverPart = async (scale) => {
  const scene = await fillScene(scale.bulk);
  const server = await startClickHouse();
  const settings = { url: server.url, password: server.password };
  const destination = { type: 'clickhouse', settings, delivery: DELIVERY };
  const ratios: number[] = [];
  const rates: number[] = [];
  try {
    await drain(scene, destination);
    const tables = new Map<string, string[]>();
    for (const { name } of await server.query(`show tables from ${SCHEMA} format JSONEachRow`)) {
      const text = `select * from ${SCHEMA}.${String(name)} format JSONEachRow`;
      const rows = await server.query(text);
      tables.set(
        String(name),
        rows.map((row) => JSON.stringify(row)),
      );
    }
    for (let pair = 0; pair < scale.pairs; pair++) {
      const bare = await insertAll(server, tables);
      await server.query(`drop database ${SCHEMA}`);
      await sleep(0);
      const seconds = await drain(scene, destination);
      ratios.push(bare / seconds);
      rates.push(scene.events / seconds);
    }
  } finally {
    await scene.server.stop();
    await server.stop();
  }
  return figures('ClickHouse, to bare inserts', ratios, rates);
};

type ClickHouse = Awaited<ReturnType<typeof startClickHouse>>;

async function insertAll(server: ClickHouse, tables: Map<string, string[]>): Promise<number> {
  await server.query('drop database if exists bare');
  await server.query('create database bare');
  for (const name of tables.keys()) {
    await server.query(`create table bare.${name} as ${SCHEMA}.${name}`);
  }
  const startMs = performance.now();
  for (const [name, rows] of tables) {
    for (let from = 0; from < rows.length; from += CLICKHOUSE_ROWS) {
      const body = rows.slice(from, from + CLICKHOUSE_ROWS).join('\n');
      await server.query(`insert into bare.${name} format JSONEachRow\n${body}`);
    }
  }
  return (performance.now() - startMs) / 1000;
}

function figures(figure: string, ratios: number[], rates: number[]): Figure[] {
  return [
    { figure, value: shown(median(ratios)) },
    { figure: '  events per second', value: String(Math.round(median(rates))) },
  ];
}
