/**
 * The thread that runs Segment's code, shared by all destinations that need it: started with the
 * first call, ended with the last destination. When it ends by itself (memory, a defect) the calls
 * under way fail, and the next one starts it again. Requests are made on this side, by the `Net`
 * of the destination that calls.
 */
import { Worker } from 'node:worker_threads';
import { MillraceError, toError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { Net } from '../../net/net.ts';
import type { Logger } from '../../observe/logger.ts';
import type { ActionsCalls, CallName, FromWorker, ToWorker } from './actions-messages.ts';

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

interface Call {
  net: Net;
  settle(output: unknown): void;
  fail(error: Error): void;
  /** Aborted when the call has ended, so that nothing is fetched for it any more. */
  ended: AbortController;
}

const MEMORY_MB_MAX = 512;
/** Answers that actions read: lists and schemas of the service among them. */
const ANSWER_BYTES_MAX = 4 * 2 ** 20;
/** A thread that is busy for so long after it was asked to stop is stuck. */
const STUCK_MS = 5_000;
/** Segment's code reads credentials of OAuth applications from these. */
const ENVIRONMENT = /^(ACTIONS|ADWORDS|GOOGLE_ENHANCED_CONVERSIONS|SALESFORCE|DOTDIGITAL)_/;

/** Starts nothing until the first call. */
export function createActionsPool({ clock, logger, environment }: PoolOptions): ActionsPool {
  const calls = new Map<number, Call>();
  const fetches = new Map<number, AbortController>();
  let worker: Worker | undefined;
  let ids = 0;

  const start = (): Worker => {
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
    started.on('message', (message: FromWorker) => receive(started, message));
    started.on('error', (error) => {
      failure = `${failure}: ${toError(error).message}`;
    });
    started.on('exit', (code) => {
      if (worker !== started) return;
      worker = undefined;
      logger.error({ code, failure, calls: calls.size }, 'thread of Segment actions ended');
      for (const call of calls.values()) call.fail(new Error(failure));
    });
    return started;
  };
  const receive = (from: Worker, message: FromWorker): void => {
    const send = (answer: ToWorker): void => from.postMessage(answer);
    if (message.kind === 'result') calls.get(message.id)?.settle(message.output);
    else if (message.kind === 'error') calls.get(message.id)?.fail(new Error(message.message));
    else if (message.kind === 'fetch-aborted') fetches.get(message.fetchId)?.abort();
    else void serveFetch(calls.get(message.callId), fetches, message, send);
  };

  return {
    call: (name, input, { net, signal }) =>
      new Promise((resolve, reject) => {
        worker ??= start();
        const mine = worker;
        const id = ++ids;
        const ended = new AbortController();
        const end = (): void => {
          calls.delete(id);
          signal.removeEventListener('abort', cancel);
          ended.abort();
        };
        const cancel = (): void => {
          mine.postMessage({ kind: 'cancel', id } satisfies ToWorker);
          clock.sleep(STUCK_MS, ended.signal).then(
            () => void mine.terminate(),
            () => undefined, // It came to an end.
          );
        };
        calls.set(id, {
          net,
          settle: (output) => (end(), resolve(output as never)),
          fail: (error) => (end(), reject(error)),
          ended,
        });
        mine.postMessage({ kind: 'call', id, name, input } satisfies ToWorker);
        if (signal.aborted) cancel();
        else signal.addEventListener('abort', cancel, { once: true });
      }),
    async close() {
      const last = worker;
      worker = undefined;
      for (const call of calls.values()) call.fail(new Error('closed'));
      await last?.terminate();
    },
  };
}

/**
 * Makes a request for a call that is still under way.
 * @param fetches the requests that can be aborted, by id.
 */
export async function serveFetch(
  call: Pick<Call, 'net' | 'ended'> | undefined,
  fetches: Map<number, AbortController>,
  { fetchId, request }: Extract<FromWorker, { kind: 'fetch' }>,
  send: (answer: Extract<ToWorker, { kind: 'answer' | 'no-answer' }>) => void,
): Promise<void> {
  if (!call) {
    const message = 'the call that asked for it has ended';
    return send({ kind: 'no-answer', fetchId, code: 'NET_FAILED', message });
  }
  const abort = new AbortController();
  fetches.set(fetchId, abort);
  try {
    const answer = await call.net.request({
      ...request,
      signal: AbortSignal.any([abort.signal, call.ended.signal]),
      responseBytesMax: ANSWER_BYTES_MAX,
    });
    const { status, headers, body, isTruncated } = answer;
    send({ kind: 'answer', fetchId, answer: { status, headers, body, isTruncated } });
  } catch (error) {
    const code = error instanceof MillraceError ? error.code : 'NET_FAILED';
    send({ kind: 'no-answer', fetchId, code, message: toError(error).message });
  } finally {
    fetches.delete(fetchId);
  }
}
