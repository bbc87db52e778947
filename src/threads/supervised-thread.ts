/**
 * Keeps one worker thread alive: a thread that ends without being asked to is started again, after
 * a pause that grows while it keeps failing. What it had made durable is recovered by its start.
 */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../observe/logger.ts';
import type { Cell } from '../observe/metrics.ts';

export interface ThreadHandle<Order> {
  send(order: Order): void;
  isRunning(): boolean;
  /** Resolves when the thread has ended after `send` of its stop order. */
  ended(): Promise<void>;
  /** From now on an end is expected. */
  expectEnd(): void;
}

export interface ThreadOptions<Message> {
  name: string;
  file: URL;
  /** Called for each start, so that a restarted thread gets current data. */
  setup(): unknown;
  onMessage(message: Message): void;
  onExit(): void;
  clock: Clock;
  logger: Logger;
  restarts: Cell;
  /** True once the thread has been ready: a first start that fails is not tried again. */
  wasReady(): boolean;
  onFirstFailure(message: string): void;
}

const RESTART_MS_MIN = 200;
const RESTART_MS_MAX = 10_000;

export function startThread<Order, Message>(options: ThreadOptions<Message>): ThreadHandle<Order> {
  const { name, file, clock, logger, restarts } = options;
  let worker: Worker | undefined;
  let isEndExpected = false;
  let pauseMs = RESTART_MS_MIN;
  let markEnded = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    markEnded = resolve;
  });

  const start = (): void => {
    let failure = 'the thread ended';
    const startedMs = clock.monotonicMs();
    worker = new Worker(file, { name, workerData: options.setup() });
    worker.on('message', (message: Message) => options.onMessage(message));
    worker.on('error', (error) => {
      failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    worker.on('exit', (code) => {
      worker = undefined;
      options.onExit();
      if (isEndExpected) return markEnded();
      if (!options.wasReady()) return options.onFirstFailure(failure);
      restarts.value++;
      logger.error({ thread: name, code, failure }, 'thread ended unexpectedly; restarting');
      if (clock.monotonicMs() - startedMs > RESTART_MS_MAX) pauseMs = RESTART_MS_MIN;
      void clock.sleep(pauseMs).then(() => {
        if (isEndExpected) markEnded();
        else start();
      });
      pauseMs = Math.min(pauseMs * 2, RESTART_MS_MAX);
    });
  };
  start();
  return {
    send: (order) => worker?.postMessage(order),
    isRunning: () => worker !== undefined,
    ended: () => ended,
    expectEnd() {
      isEndExpected = true;
      if (!worker) markEnded();
    },
  };
}
