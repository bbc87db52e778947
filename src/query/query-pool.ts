/**
 * Runs queries in processes of their own. People's queries have a process each while they run, so
 * that one that crashes, hangs or takes all its memory ends nothing but itself; Millrace's own
 * questions share one. Processes start when they are needed and end when they are not.
 */
import { MillraceError } from '../base/errors.ts';
import type { KnownViews, LakeTables } from '../lake/lake-tables.ts';
import {
  canTake,
  giveBack,
  runIn,
  startQueryProcess,
  stopQueryProcess,
  take,
} from './query-process-handle.ts';
import type { Asker, QueryProcess, QueryProcessOptions } from './query-process-handle.ts';
import { createTurns, giveTurn, takeTurn } from './query-turns.ts';
import type { QueryTurns } from './query-turns.ts';
import type { SqlRequest, SqlResult } from './run-sql.ts';

export interface QueryPool {
  /**
   * @param cancelled stops the query when it aborts.
   * @throws MillraceError as `runSql`, SQL_BUSY when too many wait, or UNAVAILABLE.
   */
  query(request: SqlRequest, asker: Asker, cancelled?: AbortSignal): Promise<SqlResult>;
  stop(): Promise<void>;
}

export interface QueryPoolOptions extends QueryProcessOptions {
  /** What a query sees now. @param known which views the process has. */
  tables(known: KnownViews): Promise<LakeTables>;
  /** People's queries that run at once; as many processes. */
  processesMax: number;
  /** People's queries that wait for a process. */
  waitingMax: number;
}

interface PoolState {
  options: QueryPoolOptions;
  turns: QueryTurns;
  /** Those that have not ended. */
  processes: Set<QueryProcess>;
  isStopping: boolean;
}

export function createQueryPool(options: QueryPoolOptions): QueryPool {
  const pool: PoolState = {
    options,
    turns: createTurns(options.processesMax, options.waitingMax),
    processes: new Set(),
    isStopping: false,
  };
  return {
    query: (request, asker, cancelled) => query(pool, request, asker, cancelled),
    stop: () => stop(pool),
  };
}

async function query(
  pool: PoolState,
  request: SqlRequest,
  asker: Asker,
  cancelled: AbortSignal | undefined,
): Promise<SqlResult> {
  if (asker === 'person') await turnOf(pool, cancelled);
  let outcome = 'failed';
  try {
    const result = await queryInTurn(pool, request, asker, cancelled);
    outcome = 'ok';
    return result;
  } catch (error) {
    if (error instanceof MillraceError) outcome = error.code.toLowerCase();
    throw error;
  } finally {
    pool.options.metrics.cell('millrace_sql_queries_total', { outcome }).value++;
    if (asker === 'person') {
      giveTurn(pool.turns);
      showTurns(pool);
    }
  }
}

async function turnOf(pool: PoolState, cancelled: AbortSignal | undefined): Promise<void> {
  const turn = takeTurn(pool.turns, cancelled);
  showTurns(pool);
  await turn.finally(() => showTurns(pool));
}

function showTurns({ turns, options }: PoolState): void {
  options.metrics.cell('millrace_sql_running').value = turns.running;
  options.metrics.cell('millrace_sql_waiting').value = turns.waiting.size;
}

async function queryInTurn(
  pool: PoolState,
  request: SqlRequest,
  asker: Asker,
  cancelled: AbortSignal | undefined,
): Promise<SqlResult> {
  if (pool.isStopping) throw new MillraceError('UNAVAILABLE', 'The server stops');
  const process = processFor(pool, asker);
  // For this query, before anything is waited for.
  take(process);
  try {
    const tables = await pool.options.tables(process.views);
    // It may have been ended meanwhile, and not have heard of it yet.
    if (process.isEnded) throw new MillraceError('UNAVAILABLE', 'Try again');
    return await runIn(process, request, tables, cancelled);
  } finally {
    giveBack(process);
  }
}

function processFor({ options, processes }: PoolState, asker: Asker): QueryProcess {
  for (const process of processes) if (canTake(process, asker)) return process;
  const started = startQueryProcess(options, asker, (ended) => void processes.delete(ended));
  processes.add(started);
  return started;
}

async function stop(pool: PoolState): Promise<void> {
  pool.isStopping = true;
  await Promise.all([...pool.processes].map(stopQueryProcess));
}
