/**
 * Runs queries in processes of their own. People's queries have a process each while they run, so
 * that one that crashes, hangs or takes all its memory ends nothing but itself; Millrace's own
 * questions share one. Processes start when they are needed and end when they are not.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { ERROR_CODES, MillraceError, toError } from '../base/errors.ts';
import { clearAway } from '../base/temporary-folder.ts';
import type { ErrorCode } from '../base/errors.ts';
import { TEMPORARY_FOLDER } from '../lake/sql-engine.ts';
import { NO_VIEWS } from '../lake/lake-tables.ts';
import type { KnownViews, LakeTables } from '../lake/lake-tables.ts';
import type { Logger } from '../observe/logger.ts';
import type { MetricsRegistry } from '../observe/metrics.ts';
import type { Random } from '../base/random.ts';
import type { QueryMessage, QueryOrder, QuerySetup } from './query-messages.ts';
import type { SqlRequest, SqlResult } from './run-sql.ts';

export interface QueryPool {
  /**
   * @param cancelled stops the query when it aborts.
   * @throws MillraceError as `runSql`, SQL_BUSY when too many wait, or UNAVAILABLE.
   */
  query(request: SqlRequest, asker: Asker, cancelled?: AbortSignal): Promise<SqlResult>;
  stop(): Promise<void>;
}

/** A person's statement, or a question of Millrace's own. */
export type Asker = 'person' | 'millrace';

export interface QueryPoolOptions {
  setup: Omit<QuerySetup, 'temporaryRoot'>;
  /** What a query sees now. @param known which views the process has. */
  tables(known: KnownViews): Promise<LakeTables>;
  /** People's queries that run at once; as many processes. */
  processesMax: number;
  /** People's queries that wait for a process. */
  waitingMax: number;
  clock: Clock;
  random: Random;
  logger: Logger;
  metrics: MetricsRegistry;
}

interface QueryProcess {
  child: ChildProcess;
  asker: Asker;
  views: KnownViews;
  running: Map<number, Running>;
  /** Removed with the process. */
  temporaryRoot: string;
  startedMs: number;
  /** Ends the process when nobody asked for so long. */
  idle: AbortController | undefined;
}

interface Running {
  resolve(result: SqlResult): void;
  reject(error: Error): void;
}

const FILE = new URL('./query-process.ts', import.meta.url);
/** Opening an engine takes a moment; a person who asks once asks again. */
const IDLE_MS = 30_000;
/** The engine remembers something of every file that it ever read, so it begins anew at times. */
const AGE_MS_MAX = 600_000;
/** A query that does not stop when it is told to is ended with its process. */
const STOP_MS = 1_000;

export function createQueryPool(options: QueryPoolOptions): QueryPool {
  const { clock, random, logger, metrics, processesMax, waitingMax } = options;
  const processes = new Set<QueryProcess>();
  const waiting = new Set<() => void>();
  let lastId = 0;
  let isStopping = false;
  /** People's queries that have a process, or are about to. */
  let busy = 0;

  const start = (asker: Asker): QueryProcess => {
    const child = fork(FILE, {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: childEnvironment(),
    });
    const started: QueryProcess = {
      child,
      asker,
      views: NO_VIEWS,
      running: new Map(),
      temporaryRoot: join(options.setup.dataFolder, TEMPORARY_FOLDER, `query-${random.uuid()}`),
      startedMs: clock.monotonicMs(),
      idle: undefined,
    };
    processes.add(started);
    const { temporaryRoot } = started;
    send(started, { kind: 'setup', setup: { ...options.setup, temporaryRoot } });
    child.on('message', (message: QueryMessage) => onMessage(started, message));
    child.on('error', (error) => onEnd(started, error.message));
    child.on('exit', (code, signal) => {
      onEnd(started, signal ?? `exit code ${code}`);
      clearAway(temporaryRoot).catch((error: unknown) => {
        logger.warn({ reason: toError(error).message }, 'temporary files of a query not removed');
      });
    });
    return started;
  };
  const onMessage = (from: QueryProcess, message: QueryMessage): void => {
    if (message.kind === 'view-refused') {
      metrics.cell('millrace_lake_failures_total').value++;
      logger.error({ reason: message.reason }, 'view not made');
      return;
    }
    if (message.kind === 'too-large') {
      const text = 'The query took more memory than sql.processBytesMax allows';
      end(from, () => new MillraceError('SQL_FAILED', text, { field: 'sql' }));
      return;
    }
    const entry = from.running.get(message.id);
    from.running.delete(message.id);
    if (message.kind === 'answer') entry?.resolve(message.result);
    else entry?.reject(errorOf(message.error));
  };
  const onEnd = (ended: QueryProcess, reason: string): void => {
    if (!processes.delete(ended)) return;
    ended.idle?.abort();
    for (const { reject } of ended.running.values()) {
      if (isStopping) reject(new MillraceError('UNAVAILABLE', 'The server stops'));
      else reject(new MillraceError('SQL_CRASHED', `The query ended its process (${reason})`));
    }
    if (ended.running.size > 0 && !isStopping) {
      metrics.cell('millrace_sql_crashes_total').value++;
      logger.error({ reason, asker: ended.asker }, 'a query ended its process');
    }
    ended.running.clear();
  };
  const rest = (process: QueryProcess): void => {
    if (process.running.size > 0) return;
    if (clock.monotonicMs() - process.startedMs > AGE_MS_MAX) return end(process);
    // Of two that end together both come here.
    process.idle?.abort();
    const idle = new AbortController();
    process.idle = idle;
    clock.sleep(IDLE_MS, idle.signal).then(
      () => {
        if (process.running.size === 0) end(process);
      },
      () => undefined,
    );
  };
  const end = (process: QueryProcess, error: () => MillraceError = hung): void => {
    process.idle?.abort();
    processes.delete(process);
    for (const { reject } of process.running.values()) reject(error());
    process.running.clear();
    process.child.kill('SIGKILL');
  };
  const processFor = (asker: Asker): QueryProcess => {
    for (const process of processes) {
      if (process.asker !== asker || (asker === 'person' && process.running.size > 0)) continue;
      const isOld = clock.monotonicMs() - process.startedMs > AGE_MS_MAX;
      if (!process.child.connected || isOld) continue;
      process.idle?.abort();
      return process;
    }
    return start(asker);
  };
  const runIn = (
    process: QueryProcess,
    request: SqlRequest,
    tables: LakeTables,
    cancelled: AbortSignal | undefined,
  ): Promise<SqlResult> => {
    const id = ++lastId;
    const over = new AbortController();
    /** Whatever the engine does with an interruption: the query ends. */
    const killAfter = (ms: number, code: ErrorCode, message: string): void => {
      clock.sleep(ms, over.signal).then(
        () => {
          const entry = process.running.get(id);
          process.running.delete(id);
          entry?.reject(new MillraceError(code, message));
          // The engine did not hear; neither will it hear of those that come after.
          end(process);
        },
        () => undefined,
      );
    };
    return new Promise<SqlResult>((resolve, reject) => {
      process.running.set(id, { resolve, reject });
      process.views = tables.known;
      send(process, { kind: 'query', id, request, tables });
      const { timeoutMs } = request;
      killAfter(timeoutMs + STOP_MS, 'SQL_TIMEOUT', `The query ran longer than ${timeoutMs} ms`);
      const cancel = (): void => {
        send(process, { kind: 'cancel', id });
        killAfter(STOP_MS, 'SQL_CANCELLED', 'The query was cancelled');
      };
      if (cancelled?.aborted) cancel();
      cancelled?.addEventListener('abort', cancel, { once: true, signal: over.signal });
    }).finally(() => over.abort());
  };
  const turn = async (asker: Asker, cancelled: AbortSignal | undefined): Promise<void> => {
    if (asker === 'millrace') return;
    if (busy < processesMax) {
      busy++;
      return;
    }
    if (waiting.size >= waitingMax) {
      throw new MillraceError('SQL_BUSY', `${waitingMax} queries wait already; try again`);
    }
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        waiting.delete(take);
        reject(new MillraceError('SQL_CANCELLED', 'The query was cancelled'));
      };
      const take = (): void => {
        cancelled?.removeEventListener('abort', leave);
        resolve();
      };
      waiting.add(take);
      if (cancelled?.aborted) leave();
      else cancelled?.addEventListener('abort', leave, { once: true });
    });
  };
  const giveTurn = (asker: Asker): void => {
    if (asker === 'millrace') return;
    const [next] = waiting;
    if (next === undefined) {
      busy--;
      return;
    }
    waiting.delete(next);
    next();
  };

  return {
    async query(request, asker, cancelled) {
      await turn(asker, cancelled);
      let outcome = 'failed';
      let process: QueryProcess | undefined;
      try {
        if (isStopping) throw new MillraceError('UNAVAILABLE', 'The server stops');
        process = processFor(asker);
        // Taken for this query before anything is waited for.
        const hold = -++lastId;
        process.running.set(hold, { resolve: () => undefined, reject: () => undefined });
        const tables = await options.tables(process.views).finally(() => {
          process?.running.delete(hold);
        });
        // It may have been ended meanwhile, and not have heard of it yet.
        if (!processes.has(process)) throw new MillraceError('UNAVAILABLE', 'Try again');
        const result = await runIn(process, request, tables, cancelled);
        outcome = 'ok';
        return result;
      } catch (error) {
        if (error instanceof MillraceError) outcome = error.code.toLowerCase();
        throw error;
      } finally {
        metrics.cell('millrace_sql_queries_total', { outcome }).value++;
        if (process && processes.has(process)) rest(process);
        giveTurn(asker);
      }
    },
    async stop() {
      isStopping = true;
      for (const process of processes) {
        const ended = new Promise((resolve) => process.child.once('exit', resolve));
        process.child.kill('SIGKILL');
        await ended;
      }
    },
  };
}

function hung(): MillraceError {
  return new MillraceError('UNAVAILABLE', 'The query shared its process with one that hung');
}

/** Nothing of the server's, which may hold secrets. */
function childEnvironment(): NodeJS.ProcessEnv {
  const { NODE_COMPILE_CACHE } = process.env;
  return NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };
}

function send(process: QueryProcess, order: QueryOrder): void {
  // A process that has just ended is dealt with where its end is heard of.
  if (process.child.connected) process.child.send(order, () => undefined);
}

function errorOf({
  code,
  message,
  field,
}: Extract<QueryMessage, { kind: 'failed' }>['error']): MillraceError {
  const known = code in ERROR_CODES ? (code as ErrorCode) : 'SQL_FAILED';
  return new MillraceError(known, message, field === undefined ? {} : { field });
}
