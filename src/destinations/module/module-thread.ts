/**
 * The thread of one module, from our side: started with the first call and again after it has
 * ended. A call that takes too long ends the thread, because nothing else stops code that loops;
 * all calls that are under way then fail, and the next one loads the file again.
 */
import { Worker } from 'node:worker_threads';
import { toError } from '../../base/errors.ts';
import type { DestinationContext } from '../destination-contract.ts';
import { serveFetch } from '../segment-actions/serve-fetch.ts';
import type { FromModule, ModuleCalls, ModuleSetup, ToModule } from './module-messages.ts';

export type CallResult<Output> =
  | { kind: 'result'; output: Output }
  /** The thread ended under the call, or the call failed as a whole. */
  | { kind: 'failed'; message: string }
  /** The module cannot be loaded, so nothing can be called. */
  | { kind: 'unloadable'; message: string };

export interface ModuleThread {
  /** Never rejects. An abort is passed on to the module, which may ignore it. */
  call<Name extends keyof ModuleCalls>(
    name: Name,
    input: ModuleCalls[Name]['input'],
    signal: AbortSignal,
  ): Promise<CallResult<ModuleCalls[Name]['output']>>;
  close(): Promise<void>;
}

export interface ThreadLimits {
  timeoutMs: number;
  memoryMb: number;
  /** Of the operator; the module gets it without what is Millrace's own. */
  environment: Readonly<Record<string, string | undefined>>;
}

interface Running {
  /** Null once the module is loaded, or why it is not. */
  loaded: Promise<string | null>;
  send(message: ToModule): void;
  /** Settled by what the thread says, and by its end. */
  expect(id: number, settle: (result: CallResult<never>) => void): void;
  forget(id: number): void;
  end(why: string): Promise<unknown>;
}

/** Loading a file with what it imports. */
const LOAD_MS_MAX = 30_000;
const LINE_CHARS_MAX = 2_000;
/** Names of Millrace's own settings, secrets among them. */
const OWN_VARIABLE = /^MILLRACE_/;

/** Starts nothing until the first call. */
export function createModuleThread(
  setup: ModuleSetup,
  limits: ThreadLimits,
  context: DestinationContext,
): ModuleThread {
  let current: Running | undefined;
  let ids = 0;
  let isClosed = false;
  const running = (): Running => {
    current ??= startThread(setup, limits, context, (ended) => {
      if (current === ended) current = undefined;
    });
    return current;
  };
  return {
    async call(name, input, signal) {
      if (isClosed) return { kind: 'failed', message: 'the destination is closed' };
      const thread = running();
      const problem = await thread.loaded;
      if (problem !== null) return { kind: 'unloadable', message: problem };
      const id = ++ids;
      const ended = new AbortController();
      return new Promise((resolve) => {
        const cancel = (): void => thread.send({ kind: 'cancel', id });
        thread.expect(id, (result) => {
          thread.forget(id);
          ended.abort();
          signal.removeEventListener('abort', cancel);
          resolve(result);
        });
        thread.send({ kind: 'call', id, name, input });
        if (signal.aborted) cancel();
        else signal.addEventListener('abort', cancel, { once: true });
        context.clock.sleep(limits.timeoutMs, ended.signal).then(
          () => void thread.end(`no result within ${limits.timeoutMs} ms`),
          () => undefined, // It came to an end.
        );
      });
    },
    async close() {
      isClosed = true;
      await current?.end('the destination was closed');
    },
  };
}

function startThread(
  setup: ModuleSetup,
  limits: ThreadLimits,
  context: DestinationContext,
  onEnd: (ended: Running) => void,
): Running {
  const { net, logger, clock, slug } = context;
  const calls = new Map<number, (result: CallResult<never>) => void>();
  const fetches = new Map<number, AbortController>();
  const loading = new AbortController();
  const lost = new AbortController();
  const loaded = Promise.withResolvers<string | null>();
  const worker = new Worker(new URL('module-worker.ts', import.meta.url), {
    name: `module-${slug}`,
    workerData: setup,
    env: environmentOf(limits.environment),
    resourceLimits: { maxOldGenerationSizeMb: limits.memoryMb },
    stdout: true,
    stderr: true,
  });
  let failure = 'the thread of the module ended';
  const send = (message: ToModule): void => worker.postMessage(message);
  const running: Running = {
    loaded: loaded.promise,
    send,
    expect(id, settle) {
      if (lost.signal.aborted) settle({ kind: 'failed', message: failure });
      else calls.set(id, settle);
    },
    forget: (id) => void calls.delete(id),
    end(why) {
      failure = why;
      return worker.terminate();
    },
  };
  const receive = (message: FromModule): void => {
    if (message.kind === 'ready') {
      loading.abort();
      loaded.resolve(null);
    } else if (message.kind === 'unloadable') void running.end(message.message);
    else if (message.kind === 'result') {
      calls.get(message.id)?.({ kind: 'result', output: message.output as never });
    } else if (message.kind === 'error') {
      calls.get(message.id)?.({ kind: 'failed', message: message.message });
    } else if (message.kind === 'fetch-aborted') fetches.get(message.fetchId)?.abort();
    else void serveFetch({ net, ended: lost }, fetches, message, send);
  };
  for (const stream of [worker.stdout, worker.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      logger.info({ destination: slug, text: text.slice(0, LINE_CHARS_MAX) }, 'a module printed');
    });
  }
  worker.on('message', receive);
  worker.on('error', (error) => {
    failure = toError(error).message;
  });
  worker.on('exit', () => {
    loading.abort();
    lost.abort();
    onEnd(running);
    loaded.resolve(failure);
    if (calls.size > 0) logger.warn({ destination: slug, failure }, 'thread of a module ended');
    for (const settle of calls.values()) settle({ kind: 'failed', message: failure });
  });
  clock.sleep(LOAD_MS_MAX, loading.signal).then(
    () => void running.end('the module did not load in time'),
    () => undefined, // It is loaded, or has ended.
  );
  return running;
}

function environmentOf(environment: ThreadLimits['environment']): Record<string, string> {
  const passed = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !OWN_VARIABLE.test(entry[0]),
  );
  return Object.fromEntries(passed);
}
