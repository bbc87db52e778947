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
import type { Oauth } from './segment-settings.ts';
import { serveFetch } from './serve-fetch.ts';
import type { FetchingCall } from './serve-fetch.ts';

export interface CallOptions {
  net: Net;
  signal: AbortSignal;
  /** Told of the tokens that the service gave instead of those of the call. */
  onRenewed?(oauth: Oauth): void;
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
  onRenewed: CallOptions['onRenewed'];
}

const MEMORY_MB_MAX = 512;
/** A thread that is busy for so long after it was asked to stop is stuck. */
const STUCK_MS = 5_000;
/** Segment's code reads credentials of OAuth applications from these. */
const ENVIRONMENT = /^(ACTIONS|ADWORDS|GOOGLE_ENHANCED_CONVERSIONS|SALESFORCE|DOTDIGITAL)_/;

interface PoolState {
  readonly options: PoolOptions;
  /** Under way, by their ids. */
  readonly calls: Map<number, Call>;
  /** Requests that can be aborted, by their ids. */
  readonly fetches: Map<number, AbortController>;
  worker: Worker | undefined;
  lastId: number;
}

/** Starts nothing until the first call. */
export function createActionsPool(options: PoolOptions): ActionsPool {
  const pool: PoolState = {
    options,
    calls: new Map(),
    fetches: new Map(),
    worker: undefined,
    lastId: 0,
  };
  return {
    call: (name, input, given) =>
      new Promise((resolve, reject) => {
        const settle = (output: unknown): void => resolve(output as never);
        begin(pool, { name, input }, { ...given, settle, fail: reject });
      }),
    async close() {
      const last = pool.worker;
      pool.worker = undefined;
      for (const call of pool.calls.values()) call.fail(new Error('closed'));
      await last?.terminate();
    },
  };
}

/** Hands a call to the thread; the signal cancels it there. */
function begin(
  pool: PoolState,
  asked: { name: CallName; input: unknown },
  { net, signal, onRenewed, settle, fail }: CallOptions & Pick<Call, 'settle' | 'fail'>,
): void {
  const { calls, options } = pool;
  pool.worker ??= startWorker(pool);
  const mine = pool.worker;
  const id = ++pool.lastId;
  const ended = new AbortController();
  const cancel = (): void => cancelCall(mine, id, ended.signal, options.clock);
  const end = (): void => {
    calls.delete(id);
    signal.removeEventListener('abort', cancel);
    ended.abort();
  };
  calls.set(id, {
    net,
    settle: (output) => (end(), settle(output)),
    fail: (error) => (end(), fail(error)),
    onRenewed,
    ended,
  });
  mine.postMessage({ kind: 'call', id, ...asked } satisfies ToWorker);
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
}

/** A thread that does not end the call in time is stuck, and is ended. */
function cancelCall(worker: Worker, id: number, ended: AbortSignal, clock: Clock): void {
  worker.postMessage({ kind: 'cancel', id } satisfies ToWorker);
  clock.sleep(STUCK_MS, ended).then(
    () => void worker.terminate(),
    () => undefined, // It came to an end.
  );
}

function startWorker(pool: PoolState): Worker {
  const { logger, environment } = pool.options;
  const env = Object.entries(environment).filter(([name]) => ENVIRONMENT.test(name));
  const worker = new Worker(new URL('actions-worker.ts', import.meta.url), {
    name: 'segment-actions',
    env: { ...Object.fromEntries(env), NODE_ENV: 'production' },
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB_MAX },
    stdout: true,
    stderr: true,
  });
  // Nobody reads what Segment's code prints; unread, it would fill memory.
  worker.stdout.resume();
  worker.stderr.resume();
  let failure = 'the thread of Segment actions ended';
  worker.on('message', (message: FromWorker) => receive(pool, worker, message));
  worker.on('error', (error) => {
    failure = `${failure}: ${toError(error).message}`;
  });
  worker.on('exit', (code) => {
    if (pool.worker !== worker) return;
    pool.worker = undefined;
    const { calls } = pool;
    logger.error({ code, failure, calls: calls.size }, 'thread of Segment actions ended');
    for (const call of calls.values()) call.fail(new Error(failure));
  });
  return worker;
}

function receive({ calls, fetches }: PoolState, from: Worker, message: FromWorker): void {
  const send = (answer: ToWorker): void => from.postMessage(answer);
  if (message.kind === 'result') calls.get(message.id)?.settle(message.output);
  else if (message.kind === 'error') calls.get(message.id)?.fail(new Error(message.message));
  else if (message.kind === 'renewed') calls.get(message.callId)?.onRenewed?.(message.oauth);
  else if (message.kind === 'fetch-aborted') fetches.get(message.fetchId)?.abort();
  else void serveFetch(calls.get(message.callId), fetches, message, send);
}
