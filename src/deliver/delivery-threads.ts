/** The delivery threads as the main thread sees them; destinations are spread by their ids. */
import { crc32 } from 'node:zlib';
import type { Clock } from '../base/clock.ts';
import { ERROR_CODES, MillraceError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { Logger } from '../observe/logger.ts';
import type { MetricsRegistry, Snapshot } from '../observe/metrics.ts';
import type {
  DeliveryMessage,
  DeliveryOrder,
  DeliveryPlan,
  DeliveryQuestion,
  DeliveryQuestions,
  DeliverySetup,
} from './delivery-messages.ts';
import { startThread } from '../threads/supervised-thread.ts';

export interface DeliveryClient {
  setPlan(plan: DeliveryPlan): void;
  /** Asks the thread that has the destination. @throws MillraceError of the thread */
  ask<Question extends DeliveryQuestion>(
    question: Question,
    ask: DeliveryQuestions[Question]['ask'],
  ): Promise<DeliveryQuestions[Question]['answer']>;
  /** Asks all threads; their lists are joined. */
  askAll<Question extends 'status' | 'trace'>(
    question: Question,
    ask: DeliveryQuestions[Question]['ask'],
  ): Promise<DeliveryQuestions[Question]['answer']>;
  snapshots(): Snapshot[];
  isReady(): boolean;
  stop(): Promise<void>;
}

interface ThreadClient {
  setPlan(plan: DeliveryPlan): void;
  ask(question: DeliveryQuestion, ask: unknown): Promise<unknown>;
  snapshot(): Snapshot;
  isReady(): boolean;
  stop(): Promise<void>;
}

const FILE = new URL('./delivery-thread.ts', import.meta.url);

interface Seams {
  clock: Clock;
  logger: Logger;
  metrics: MetricsRegistry;
}

/** @param setup of one thread, with the holds that it publishes. */
export async function startDelivery(
  threads: number,
  setup: Omit<DeliverySetup, 'holds' | 'plan'>,
  holds: readonly SharedArrayBuffer[],
  initialPlan: DeliveryPlan,
  seams: Seams,
): Promise<DeliveryClient> {
  let plan = initialPlan;
  const clients: ThreadClient[] = [];
  for (let index = 0; index < threads; index++) {
    const own = holds[index];
    if (!own) break;
    const part = partOf(plan, index, threads);
    clients.push(await startOne(index, { ...setup, holds: own }, part, seams));
  }
  const clientOf = (name: string): ThreadClient => {
    const record = plan.destinations.find(({ id, slug }) => id === name || slug === name);
    const client = clients[record ? shardOf(record.id, threads) : 0];
    if (record && client) return client;
    throw new MillraceError('NOT_FOUND', `There is no destination ${name}`, {
      field: 'destination',
    });
  };
  return {
    setPlan(next) {
      plan = next;
      clients.forEach((client, index) => client.setPlan(partOf(next, index, threads)));
    },
    async ask(question, ask) {
      const { destination } = ask as { destination: string };
      return (await clientOf(destination).ask(question, ask)) as never;
    },
    async askAll(question, ask) {
      const answers = await Promise.all(clients.map((client) => client.ask(question, ask)));
      return answers.flat() as never;
    },
    snapshots: () => clients.map((client) => client.snapshot()),
    isReady: () => clients.every((client) => client.isReady()),
    async stop() {
      await Promise.all(clients.map((client) => client.stop()));
    },
  };
}

function shardOf(id: string, threads: number): number {
  return crc32(id) % threads;
}

function partOf(plan: DeliveryPlan, index: number, threads: number): DeliveryPlan {
  return {
    ...plan,
    destinations: plan.destinations.filter(({ id }) => shardOf(id, threads) === index),
  };
}

async function startOne(
  index: number,
  setup: Omit<DeliverySetup, 'plan'>,
  initialPlan: DeliveryPlan,
  seams: Seams,
): Promise<ThreadClient> {
  const name = `deliver-${index}`;
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let plan = initialPlan;
  let lastId = 0;
  let isReady = false;
  let wasReady = false;
  let metrics: Snapshot = [];
  let failure = '';
  const started = Promise.withResolvers<void>();
  const settle = (
    id: number,
    act: (entry: NonNullable<ReturnType<typeof waiting.get>>) => void,
  ) => {
    const entry = waiting.get(id);
    waiting.delete(id);
    if (entry) act(entry);
  };
  const onMessage = (message: DeliveryMessage): void => {
    if (message.kind === 'ready') {
      wasReady = true;
      isReady = true;
      started.resolve();
    } else if (message.kind === 'answer') {
      settle(message.id, ({ resolve }) => resolve(message.answer));
    } else if (message.kind === 'failed-answer') {
      settle(message.id, ({ reject }) => reject(errorOf(message)));
    } else if (message.kind === 'report') {
      ({ metrics } = message);
    } else if (message.kind === 'failed') {
      failure = message.message;
    }
  };
  const thread = startThread<DeliveryOrder, DeliveryMessage>({
    name,
    file: FILE,
    clock: seams.clock,
    logger: seams.logger,
    restarts: seams.metrics.cell('millrace_thread_restarts_total', { thread: name }),
    setup: (): DeliverySetup => ({ ...setup, plan }),
    wasReady: () => wasReady,
    onFirstFailure: (reason) =>
      started.reject(new MillraceError('UNAVAILABLE', `delivery: ${failure || reason}`)),
    onExit() {
      isReady = false;
      for (const { reject } of waiting.values()) reject(RESTARTING);
      waiting.clear();
    },
    onMessage,
  });
  await started.promise;
  return {
    setPlan(next) {
      plan = next;
      thread.send({ kind: 'plan', plan });
    },
    ask(question, ask) {
      if (!isReady) return Promise.reject(RESTARTING);
      const id = ++lastId;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        thread.send({ kind: 'ask', id, question, ask });
      });
    },
    snapshot: () => metrics,
    isReady: () => isReady && thread.isRunning(),
    async stop() {
      thread.expectEnd();
      thread.send({ kind: 'stop' });
      await thread.ended();
    },
  };
}

const RESTARTING = new MillraceError('UNAVAILABLE', 'Delivery restarts; try again');

function errorOf({ code, message, field }: Extract<DeliveryMessage, { kind: 'failed-answer' }>) {
  const known = code in ERROR_CODES ? (code as ErrorCode) : 'UNAVAILABLE';
  return new MillraceError(known, message, field === undefined ? {} : { field });
}
