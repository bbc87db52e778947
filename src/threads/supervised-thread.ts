/**
 * Keeps one worker thread alive: a thread that ends without being asked to is started again, after
 * a pause that grows while it keeps failing. What it had made durable is recovered by its start.
 */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { Logger } from '../observe/logger.ts';
import type { MetricsRegistry } from '../observe/metrics.ts';

/** What every thread says of itself, beside its own messages. */
export type ThreadMessage =
  | { kind: 'ready' }
  /** Its last words, before it ends. */
  | { kind: 'failed'; message: string }
  | { kind: 'stopped' };

/** What every thread is told, beside its own orders. */
export interface StopOrder {
  kind: 'stop';
}

export interface ThreadHandle<Order> {
  /** Lost while the thread restarts: its setup has what is current. */
  send(order: Order): void;
  /** True while it runs and has said that it is ready. */
  isReady(): boolean;
  /** Tells it to stop, and resolves when it has ended. */
  stop(): Promise<void>;
}

export interface ThreadSeams {
  clock: Clock;
  logger: Logger;
  metrics: MetricsRegistry;
}

export interface ThreadOptions<Message> extends ThreadSeams {
  name: string;
  file: URL;
  /** Called for each start, so that a restarted thread gets current data. */
  setup(): unknown;
  onMessage(message: Message): void;
  /** Whatever it was asked is not answered any more. */
  onEnd(): void;
}

const RESTART_MS_MIN = 200;
const RESTART_MS_MAX = 10_000;

/**
 * Resolves when the thread is ready for the first time. A first start that fails is not tried
 * again.
 * @throws MillraceError UNAVAILABLE with the reason
 */
export async function startThread<Order, Message extends { kind: string }>(
  options: ThreadOptions<Message>,
): Promise<ThreadHandle<Order | StopOrder>> {
  const state: ThreadState = { worker: undefined, isReady: false, isEnding: false, lastWords: '' };
  const ready = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  supervise(options, state, {
    onReady: ready.resolve,
    onFailure: ready.reject,
    onEnded: ended.resolve,
  });
  await ready.promise;
  const send = (order: Order | StopOrder): void => state.worker?.postMessage(order);
  return {
    send,
    isReady: () => state.isReady,
    stop() {
      state.isEnding = true;
      if (state.worker) send({ kind: 'stop' });
      else ended.resolve();
      return ended.promise;
    },
  };
}

interface ThreadState {
  worker: Worker | undefined;
  isReady: boolean;
  /** From now on an end is expected. */
  isEnding: boolean;
  lastWords: string;
}

interface Turns {
  onReady(): void;
  onFailure(error: Error): void;
  onEnded(): void;
}

function supervise<Message extends { kind: string }>(
  options: ThreadOptions<Message>,
  state: ThreadState,
  { onReady, onFailure, onEnded }: Turns,
): void {
  const { name, clock, logger, metrics } = options;
  const restarts = metrics.cell('millrace_thread_restarts_total', { thread: name });
  let wasReady = false;
  let pauseMs = RESTART_MS_MIN;
  const restart = (code: number, failure: string, startedMs: number): void => {
    restarts.value++;
    logger.error({ thread: name, code, failure }, 'thread ended unexpectedly; restarting');
    if (clock.monotonicMs() - startedMs > RESTART_MS_MAX) pauseMs = RESTART_MS_MIN;
    void clock.sleep(pauseMs).then(() => {
      if (state.isEnding) onEnded();
      else start();
    });
    pauseMs = Math.min(pauseMs * 2, RESTART_MS_MAX);
  };
  const start = (): void => {
    let failure = 'the thread ended';
    const startedMs = clock.monotonicMs();
    const worker = new Worker(options.file, { name, workerData: options.setup() });
    state.worker = worker;
    worker.on('message', (message: Message | ThreadMessage) => {
      if (message.kind === 'failed') state.lastWords = (message as { message: string }).message;
      if (message.kind === 'ready') wasReady = state.isReady = true;
      options.onMessage(message as Message);
      if (message.kind === 'ready') onReady();
    });
    worker.on('error', (error) => {
      failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    worker.on('exit', (code) => {
      state.worker = undefined;
      state.isReady = false;
      options.onEnd();
      if (state.isEnding) onEnded();
      else if (wasReady) restart(code, failure, startedMs);
      else onFailure(new MillraceError('UNAVAILABLE', `${name}: ${state.lastWords || failure}`));
    });
  };
  start();
}
