/** The delivery threads as the main thread sees them; destinations are spread by their ids. */
import { crc32 } from 'node:zlib';
import { MillraceError } from '../base/errors.ts';
import type { Snapshot } from '../observe/metrics.ts';
import type {
  DeliveryPlan,
  DeliveryQuestion,
  DeliveryQuestions,
  DeliverySetup,
} from './delivery-messages.ts';
import { startThreadClient } from './delivery-thread-client.ts';
import type { ClientSeams, ThreadClient } from './delivery-thread-client.ts';

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

/** @param setup of one thread, with the holds that it publishes. */
export async function startDelivery(
  threads: number,
  setup: Omit<DeliverySetup, 'holds' | 'plan'>,
  holds: readonly SharedArrayBuffer[],
  initialPlan: DeliveryPlan,
  seams: ClientSeams,
): Promise<DeliveryClient> {
  let plan = initialPlan;
  const clients: ThreadClient[] = [];
  for (let index = 0; index < threads; index++) {
    const own = holds[index];
    if (!own) break;
    const part = partOf(plan, index, threads);
    clients.push(await startThreadClient(index, { ...setup, holds: own }, part, seams));
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
