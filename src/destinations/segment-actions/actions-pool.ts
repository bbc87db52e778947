/**
 * The thread that runs Segment's code, shared by all destinations that need it: started with the
 * first call, ended with the last destination. When it ends by itself (memory, a defect) the calls
 * under way fail, and the next one starts it again. Requests are made on this side, by the `Net`
 * of the destination that calls.
 */
import { Worker } from 'node:worker_threads';
import { toError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { Net } from '../../net/net.ts';
import type { Logger } from '../../observe/logger.ts';
import type { ActionsCalls, CallName, FromWorker, ToWorker } from './actions-messages.ts';
import { serveFetch } from './serve-fetch.ts';
import type { FetchingCall } from './serve-fetch.ts';

export interface CallOptions {
  net: Net;
  signal: AbortSignal;
}

export interface ActionsPool {
  /** @throws Error when the thread ends under it, or the call fails as a whole */
  call<Name extends CallName>(
    name: Name,
    input: ActionsCalls[Name]['input'],
    options: CallOptions,
  ): Promise<ActionsCalls[Name]['output']>;
  close(): Promise<void>;
}

export interface PoolOptions {
  clock: Clock;
  logger: Logger;
  /** Of the operator; only what Segment's code asks for is passed on. */
  environment: Readonly<Record<string, string | undefined>>;
}

interface Call extends FetchingCall {
  settle(output: unknown): void;
  fail(error: Error): void;
}

interface PoolState {
  options: PoolOptions;
  worker: Worker | undefined;
  /** Under way, by id. */
  calls: Map<number, Call>;
  /** Requests that can be aborted, by id. */
  fetches: Map<number, AbortController>;
  lastId: number;
}

const MEMORY_MB_MAX = 512;
/** A thread that is busy for so long after it was asked to stop is stuck. */
const STUCK_MS = 5_000;
/** Segment's code reads credentials of OAuth applications from these. */
const ENVIRONMENT = /^(ACTIONS|ADWORDS|GOOGLE_ENHANCED_CONVERSIONS|SALESFORCE|DOTDIGITAL)_/;

/** Starts nothing until the first call. */
export function createActionsPool(options: PoolOptions): ActionsPool {
  const pool: PoolState = {
    options,
    worker: undefined,
    calls: new Map(),
    fetches: new Map(),
    lastId: 0,
  };
  return {
    call: (name, input, { net, signal }) =>
      new Promise((resolve, reject) => {
        const settle = (output: unknown): void => resolve(output as never);
        beginCall(pool, { name, input }, signal, { net, settle, fail: reject });
      }),
    close: () => close(pool),
  };
}

function beginCall(
  pool: PoolState,
  asked: { name: CallName; input: ActionsCalls[CallName]['input'] },
  signal: AbortSignal,
  { net, settle, fail }: Omit<Call, 'ended'>,
): void {
  const worker = (pool.worker ??= start(pool));
  const id = ++pool.lastId;
  const ended = new AbortController();
  const end = (): void => {
    pool.calls.delete(id);
    signal.removeEventListener('abort', cancel);
    ended.abort();
  };
  const cancel = (): void => {
    worker.postMessage({ kind: 'cancel', id } satisfies ToWorker);
    pool.options.clock.sleep(STUCK_MS, ended.signal).then(
      () => void worker.terminate(),
      () => undefined, // It came to an end.
    );
  };
  pool.calls.set(id, {
    net,
    ended,
    settle: (output) => (end(), settle(output)),
    fail: (error) => (end(), fail(error)),
  });
  worker.postMessage({ kind: 'call', id, ...asked } satisfies ToWorker);
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
}

function start(pool: PoolState): Worker {
  const { environment, logger } = pool.options;
  const env = Object.entries(environment).filter(([name]) => ENVIRONMENT.test(name));
  const started = new Worker(new URL('actions-worker.ts', import.meta.url), {
    name: 'segment-actions',
    env: { ...Object.fromEntries(env), NODE_ENV: 'production' },
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB_MAX },
    stdout: true,
    stderr: true,
  });
  // Nobody reads what Segment's code prints; unread, it would fill memory.
  started.stdout.resume();
  started.stderr.resume();
  let failure = 'the thread of Segment actions ended';
  started.on('message', (message: FromWorker) => receive(pool, started, message));
  started.on('error', (error) => {
    failure = `${failure}: ${toError(error).message}`;
  });
  started.on('exit', (code) => {
    if (pool.worker !== started) return;
    pool.worker = undefined;
    logger.error({ code, failure, calls: pool.calls.size }, 'thread of Segment actions ended');
    for (const call of pool.calls.values()) call.fail(new Error(failure));
  });
  return started;
}

function receive({ calls, fetches }: PoolState, from: Worker, message: FromWorker): void {
  const send = (answer: ToWorker): void => from.postMessage(answer);
  if (message.kind === 'result') calls.get(message.id)?.settle(message.output);
  else if (message.kind === 'error') calls.get(message.id)?.fail(new Error(message.message));
  else if (message.kind === 'fetch-aborted') fetches.get(message.fetchId)?.abort();
  else void serveFetch(calls.get(message.callId), fetches, message, send);
}

async function close(pool: PoolState): Promise<void> {
  const { worker, calls } = pool;
  pool.worker = undefined;
  for (const call of calls.values()) call.fail(new Error('closed'));
  await worker?.terminate();
}
