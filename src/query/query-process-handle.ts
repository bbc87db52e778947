/**
 * A query process as the server holds it, from its start to its end: what runs in it, and what its
 * queries hear of it. It ends when it is old, when nobody asked for a while, and when a query does
 * not stop in time.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { ERROR_CODES, MillraceError, toError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { clearAway } from '../base/temporary-folder.ts';
import { NO_VIEWS } from '../lake/lake-tables.ts';
import type { KnownViews, LakeTables } from '../lake/lake-tables.ts';
import { TEMPORARY_FOLDER } from '../lake/sql-engine.ts';
import type { Logger } from '../observe/logger.ts';
import type { MetricsRegistry } from '../observe/metrics.ts';
import type { FailureText, QueryMessage, QueryOrder, QuerySetup } from './query-messages.ts';
import type { SqlRequest, SqlResult } from './run-sql.ts';

/** A person's statement, or a question of Millrace's own. */
export type Asker = 'person' | 'millrace';

export interface QueryProcessOptions {
  setup: Omit<QuerySetup, 'temporaryRoot'>;
  clock: Clock;
  random: Random;
  logger: Logger;
  metrics: MetricsRegistry;
}

export interface QueryProcess {
  options: QueryProcessOptions;
  child: ChildProcess;
  asker: Asker;
  /** Which views it has. */
  views: KnownViews;
  /** Queries that have taken it and not given it back. */
  taken: number;
  /** Those of them that it was given. */
  running: Map<number, RunningQuery>;
  lastId: number;
  startedMs: number;
  /** Ends the process when nobody asked for so long. */
  idle: AbortController | undefined;
  /** Its end is wanted, and no fault of a query. */
  isStopping: boolean;
  /** True from the moment at which it runs nothing any more. */
  isEnded: boolean;
  onEnd: (ended: QueryProcess) => void;
}

interface RunningQuery {
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

/** @param onEnd is called once, when it has ended or will. */
export function startQueryProcess(
  options: QueryProcessOptions,
  asker: Asker,
  onEnd: QueryProcess['onEnd'],
): QueryProcess {
  const { setup, clock, random, logger } = options;
  const child = fork(FILE, {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: childEnvironment(),
  });
  const started: QueryProcess = {
    options,
    child,
    asker,
    views: NO_VIEWS,
    taken: 0,
    running: new Map(),
    lastId: 0,
    startedMs: clock.monotonicMs(),
    idle: undefined,
    isStopping: false,
    isEnded: false,
    onEnd,
  };
  const temporaryRoot = join(setup.dataFolder, TEMPORARY_FOLDER, `query-${random.uuid()}`);
  send(started, { kind: 'setup', setup: { ...setup, temporaryRoot } });
  child.on('message', (message: QueryMessage) => hear(started, message));
  child.on('error', (error) => hearOfEnd(started, error.message));
  child.on('exit', (code, signal) => {
    hearOfEnd(started, signal ?? `exit code ${code}`);
    clearAway(temporaryRoot).catch((error: unknown) => {
      logger.warn({ reason: toError(error).message }, 'temporary files of a query not removed');
    });
  });
  return started;
}

/** Nothing of the server's, which may hold secrets. */
function childEnvironment(): NodeJS.ProcessEnv {
  const { NODE_COMPILE_CACHE } = process.env;
  return NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };
}

function send({ child }: QueryProcess, order: QueryOrder): void {
  // A process that has just ended is dealt with where its end is heard of.
  if (child.connected) child.send(order, () => undefined);
}

function hear(from: QueryProcess, message: QueryMessage): void {
  const { metrics, logger } = from.options;
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
  const query = from.running.get(message.id);
  from.running.delete(message.id);
  if (message.kind === 'answer') query?.resolve(message.result);
  else query?.reject(errorOf(message.error));
}

function errorOf({ code, message, field }: FailureText): MillraceError {
  const known = code in ERROR_CODES ? (code as ErrorCode) : 'SQL_FAILED';
  return new MillraceError(known, message, field === undefined ? {} : { field });
}

/** It ended by itself, or because of a query. */
function hearOfEnd(ended: QueryProcess, reason: string): void {
  if (ended.isEnded) return;
  const { asker, isStopping, taken, options } = ended;
  if (taken > 0 && !isStopping) {
    options.metrics.cell('millrace_sql_crashes_total').value++;
    options.logger.error({ reason, asker }, 'a query ended its process');
  }
  markEnded(ended, () =>
    isStopping
      ? new MillraceError('UNAVAILABLE', 'The server stops')
      : new MillraceError('SQL_CRASHED', `The query ended its process (${reason})`),
  );
}

function end(process: QueryProcess, error: () => MillraceError = hung): void {
  markEnded(process, error);
  process.child.kill('SIGKILL');
}

function hung(): MillraceError {
  return new MillraceError('UNAVAILABLE', 'The query shared its process with one that hung');
}

/** Tells all who wait for it why it has no answer, and takes it out of use. */
function markEnded(process: QueryProcess, error: () => MillraceError): void {
  if (process.isEnded) return;
  process.isEnded = true;
  process.idle?.abort();
  for (const { reject } of process.running.values()) reject(error());
  process.running.clear();
  process.onEnd(process);
}

/** People's queries have one for themselves; Millrace's own share theirs. */
export function canTake(process: QueryProcess, asker: Asker): boolean {
  if (process.asker !== asker || (asker === 'person' && process.taken > 0)) return false;
  return process.child.connected && !isOld(process);
}

function isOld({ options, startedMs }: QueryProcess): boolean {
  return options.clock.monotonicMs() - startedMs > AGE_MS_MAX;
}

/** Keeps it for a query that has yet to learn what it will see. */
export function take(process: QueryProcess): void {
  process.idle?.abort();
  process.taken++;
}

/** After `take`, whatever became of the query. The last one lets the process rest. */
export function giveBack(process: QueryProcess): void {
  process.taken--;
  if (process.taken > 0 || process.isEnded) return;
  if (isOld(process)) return end(process);
  const idle = new AbortController();
  process.idle = idle;
  process.options.clock.sleep(IDLE_MS, idle.signal).then(
    () => {
      if (process.taken === 0) end(process);
    },
    () => undefined,
  );
}

/**
 * Runs a query in a process that was taken for it.
 * @throws MillraceError as `runSql`, SQL_TIMEOUT, SQL_CANCELLED, SQL_CRASHED or UNAVAILABLE.
 */
export async function runIn(
  process: QueryProcess,
  request: SqlRequest,
  tables: LakeTables,
  cancelled: AbortSignal | undefined,
): Promise<SqlResult> {
  const id = ++process.lastId;
  const { timeoutMs } = request;
  const over = new AbortController();
  const answer = Promise.withResolvers<SqlResult>();
  process.running.set(id, answer);
  process.views = tables.known;
  send(process, { kind: 'query', id, request, tables });
  const late = `The query ran longer than ${timeoutMs} ms`;
  endAfter(process, id, timeoutMs + STOP_MS, over.signal, ['SQL_TIMEOUT', late]);
  const cancel = (): void => {
    send(process, { kind: 'cancel', id });
    endAfter(process, id, STOP_MS, over.signal, ['SQL_CANCELLED', 'The query was cancelled']);
  };
  if (cancelled?.aborted) cancel();
  cancelled?.addEventListener('abort', cancel, { once: true, signal: over.signal });
  try {
    return await answer.promise;
  } finally {
    over.abort();
  }
}

/** Whatever the engine does with an interruption: the query ends, unless it is over before. */
function endAfter(
  process: QueryProcess,
  id: number,
  ms: number,
  over: AbortSignal,
  [code, message]: [ErrorCode, string],
): void {
  process.options.clock.sleep(ms, over).then(
    () => {
      const query = process.running.get(id);
      process.running.delete(id);
      query?.reject(new MillraceError(code, message));
      // The engine did not hear; neither will it hear of those that come after.
      end(process);
    },
    () => undefined,
  );
}

/** Ends it without waiting for its queries, and resolves when it is gone. */
export async function stopQueryProcess(process: QueryProcess): Promise<void> {
  process.isStopping = true;
  const gone = new Promise((resolve) => process.child.once('exit', resolve));
  process.child.kill('SIGKILL');
  await gone;
}
