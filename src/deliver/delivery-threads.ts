/** The delivery threads as the main thread sees them; destinations are spread by their ids. */
import { crc32 } from 'node:zlib';
import { ERROR_CODES, MillraceError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { Snapshot } from '../observe/metrics.ts';
import type {
  DeliveryMessage,
  DeliveryOrder,
  DeliveryPlan,
  DeliveryQuestion,
  DeliveryQuestions,
  DeliverySetup,
} from './delivery-messages.ts';
import { startThread } from '../threads/supervised-thread.ts';
import type { ThreadSeams } from '../threads/supervised-thread.ts';
import { createThreadQuestions, restarting } from '../threads/thread-questions.ts';

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

const DELIVERY = 'Delivery';

/** Stores what a service gave instead of the configured tokens of a destination. */
export type KeepTokens = (destinationId: string, tokens: unknown) => void;

/** @param setup of one thread, with the holds that it publishes. */
export async function startDelivery(
  threads: number,
  setup: Omit<DeliverySetup, 'holds' | 'plan'>,
  holds: readonly SharedArrayBuffer[],
  initialPlan: DeliveryPlan,
  seams: ThreadSeams & { keepTokens: KeepTokens },
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
  { clock, logger, metrics, keepTokens }: ThreadSeams & { keepTokens: KeepTokens },
): Promise<ThreadClient> {
  const questions = createThreadQuestions(DELIVERY);
  let plan = initialPlan;
  let reported: Snapshot = [];
  const thread = await startThread<DeliveryOrder, DeliveryMessage>({
    name: `deliver-${index}`,
    file: FILE,
    clock,
    logger,
    metrics,
    setup: (): DeliverySetup => ({ ...setup, plan }),
    onEnd: () => questions.endAll(),
    onMessage(message) {
      if (message.kind === 'answer') questions.answer(message.id, message.answer);
      else if (message.kind === 'failed-answer') questions.refuse(message.id, errorOf(message));
      else if (message.kind === 'report') reported = message.metrics;
      else if (message.kind === 'renewed-tokens') {
        const { destinationId, tokens } = message;
        // Should the thread be started again before the next plan, it needs them.
        const renewedTokens = { ...plan.renewedTokens, [destinationId]: tokens };
        plan = { ...plan, renewedTokens };
        keepTokens(destinationId, tokens);
      }
    },
  });
  return {
    setPlan(next) {
      plan = next;
      thread.send({ kind: 'plan', plan });
    },
    ask(question, ask) {
      if (!thread.isReady()) return Promise.reject(restarting(DELIVERY));
      return questions.ask((id) => thread.send({ kind: 'ask', id, question, ask }));
    },
    snapshot: () => reported,
    isReady: () => thread.isReady(),
    stop: () => thread.stop(),
  };
}

function errorOf({ code, message, field }: Extract<DeliveryMessage, { kind: 'failed-answer' }>) {
  const known = code in ERROR_CODES ? (code as ErrorCode) : 'UNAVAILABLE';
  return new MillraceError(known, message, field === undefined ? {} : { field });
}
