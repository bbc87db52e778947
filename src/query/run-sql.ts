/** Runs user SQL: guarded, on a connection of its own, with a timeout and a row cap. */
import { join } from 'node:path';
import type { DuckDBConnection, Json } from '@duckdb/node-api';
import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import { MillraceError, toError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { Engine } from '../lake/sql-engine.ts';
import { assertReadOnlyQuery, tablesOf } from './sql-guard.ts';
import { sqlText } from '../lake/sql-text.ts';

export interface SqlRequest {
  sql: string;
  /** `rows`: JSON values; `parquet`: a file's bytes. */
  format: 'rows' | 'parquet';
  timeoutMs: number;
  rowsMax: number;
}

export interface SqlRows {
  format: 'rows';
  columns: { name: string; type: string }[];
  rows: Json[][];
  /** True when there were more rows than the cap. */
  isTruncated: boolean;
  elapsedMs: number;
}

export interface SqlParquet {
  format: 'parquet';
  bytes: Uint8Array;
}

export type SqlResult = SqlRows | SqlParquet;

export interface SqlOptions {
  engine: Engine;
  clock: Clock;
  disk: Disk;
  random: Random;
  /** Of an answer: it passes through the server, which must not be filled by it. */
  answerBytesMax: number;
  /** Nobody is told where it is. */
  dataFolder: string;
  /** Makes the tables that a statement names; null: it may name any. */
  onTables(named: ReadonlySet<string> | null): Promise<void>;
}

/**
 * @param cancelled ends the query when nobody waits for its answer any more.
 * @throws MillraceError SQL_REFUSED, SQL_FAILED (the engine's message), SQL_TIMEOUT,
 *   SQL_ANSWER_TOO_LARGE or SQL_CANCELLED.
 */
export async function runSql(
  options: SqlOptions,
  request: SqlRequest,
  cancelled?: AbortSignal,
): Promise<SqlResult> {
  const connection = await options.engine.connect();
  let isTimeUp = false;
  const timer = new AbortController();
  options.clock.sleep(request.timeoutMs, timer.signal).then(
    () => {
      isTimeUp = true;
      connection.interrupt();
    },
    () => undefined,
  );
  const onCancelled = (): void => connection.interrupt();
  cancelled?.addEventListener('abort', onCancelled);
  try {
    // What is explained is judged as if it were to be run.
    const serialized = await parsed(connection, request.sql.replace(EXPLAIN, blank));
    assertReadOnlyQuery(serialized, request.sql);
    await options.onTables(tablesOf(serialized));
    // What interrupted the judging of the statement does not stop its running.
    if (isTimeUp || cancelled?.aborted) throw new Error('interrupted');
    return request.format === 'rows'
      ? await runRows(options, connection, request)
      : await runParquet(options, connection, request);
  } catch (error) {
    if (cancelled?.aborted) throw new MillraceError('SQL_CANCELLED', 'The query was cancelled');
    if (isTimeUp) {
      throw new MillraceError('SQL_TIMEOUT', `The query ran longer than ${request.timeoutMs} ms`);
    }
    if (error instanceof MillraceError) throw error;
    const message = toError(error).message.replaceAll(options.dataFolder, '…');
    throw new MillraceError('SQL_FAILED', message, { cause: error, field: 'sql' });
  } finally {
    timer.abort();
    cancelled?.removeEventListener('abort', onCancelled);
    connection.closeSync();
  }
}

/** Without ANALYZE, which names the files that it reads. */
const EXPLAIN = /^\s*explain\b/i;

/** As many spaces, so that places in the statement stay where they are. */
function blank(text: string): string {
  return ' '.repeat(text.length);
}

async function parsed(connection: DuckDBConnection, sql: string): Promise<string> {
  const reader = await connection.runAndReadAll('select json_serialize_sql($1::varchar)', [sql]);
  return String(reader.getRowsJson()[0]?.[0]);
}

async function runRows(
  options: SqlOptions,
  connection: DuckDBConnection,
  request: SqlRequest,
): Promise<SqlRows> {
  const startedMs = options.clock.monotonicMs();
  const result = await connection.stream(request.sql);
  const names = result.columnNames();
  const types = result.columnTypes().map(String);
  const rows: Json[][] = [];
  const isPlan = EXPLAIN.test(request.sql);
  const { dataFolder } = options;
  const withoutPaths = (value: Json): Json =>
    typeof value === 'string' ? value.replaceAll(dataFolder, '…') : value;
  let isTruncated = false;
  let bytes = 0;
  for await (const part of result.yieldRowsJson()) {
    for (const row of part) {
      isTruncated = rows.length >= request.rowsMax;
      if (isTruncated) break;
      bytes += row.reduce<number>((sum, value) => sum + bytesOf(value), 0);
      if (bytes > options.answerBytesMax) throw tooLarge(options);
      rows.push(isPlan ? row.map(withoutPaths) : row);
    }
    if (isTruncated) break;
  }
  return {
    format: 'rows',
    columns: names.map((name, at) => ({ name, type: types[at] ?? 'UNKNOWN' })),
    rows,
    isTruncated,
    elapsedMs: options.clock.monotonicMs() - startedMs,
  };
}

const VALUE_BYTES = 8;

/** About as many as it takes; texts are what may be large. */
function bytesOf(value: Json): number {
  if (typeof value === 'string') return VALUE_BYTES + value.length;
  if (typeof value !== 'object' || value === null) return VALUE_BYTES;
  return VALUE_BYTES + JSON.stringify(value).length;
}

function tooLarge({ answerBytesMax }: SqlOptions): MillraceError {
  const megabytes = Math.round(answerBytesMax / 2 ** 20);
  const message = `The answer has more than ${megabytes} MiB; ask for fewer columns or rows`;
  return new MillraceError('SQL_ANSWER_TOO_LARGE', message, { field: 'sql' });
}

/** The statement is known to be one SELECT, so it can be wrapped; the newline ends a comment. */
async function runParquet(
  options: SqlOptions,
  connection: DuckDBConnection,
  request: SqlRequest,
): Promise<SqlParquet> {
  const path = join(options.engine.temporaryFolder, `result-${options.random.uuid()}.parquet`);
  const sql = request.sql.replace(/;\s*$/, '');
  try {
    await connection.run(
      `copy (select * from (${sql}\n) limit ${request.rowsMax})
       to ${sqlText(path)} (format parquet, compression zstd)`,
    );
    const file = await options.disk.open(path, 'read');
    try {
      const size = await file.size();
      if (size > options.answerBytesMax) throw tooLarge(options);
      const bytes = new Uint8Array(size);
      for (let at = 0; at < bytes.length;) {
        const count = await file.read(bytes, at, bytes.length - at, at);
        if (count === 0) break;
        at += count;
      }
      return { format: 'parquet', bytes };
    } finally {
      await file.close();
    }
  } finally {
    if (await options.disk.exists(path)) await options.disk.remove(path);
  }
}
