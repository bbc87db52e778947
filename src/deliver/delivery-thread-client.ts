/** One delivery thread as the main thread sees it: questions and answers, over restarts. */
import type { Clock } from '../base/clock.ts';
import { ERROR_CODES, MillraceError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { Logger } from '../observe/logger.ts';
import type { MetricsRegistry, Snapshot } from '../observe/metrics.ts';
import { startThread } from '../threads/supervised-thread.ts';
import type { ThreadHandle } from '../threads/supervised-thread.ts';
import type {
  DeliveryMessage,
  DeliveryOrder,
  DeliveryPlan,
  DeliveryQuestion,
  DeliverySetup,
} from './delivery-messages.ts';

export interface ThreadClient {
  setPlan(plan: DeliveryPlan): void;
  ask(question: DeliveryQuestion, ask: unknown): Promise<unknown>;
  snapshot(): Snapshot;
  isReady(): boolean;
  stop(): Promise<void>;
}

export interface ClientSeams {
  clock: Clock;
  logger: Logger;
  metrics: MetricsRegistry;
}

interface ClientState {
  /** What the thread is told, also after a restart. */
  plan: DeliveryPlan;
  /** Questions without an answer, by their ids. */
  readonly asked: Map<number, PromiseWithResolvers<unknown>>;
  lastId: number;
  readonly started: PromiseWithResolvers<void>;
  isReady: boolean;
  wasReady: boolean;
  metrics: Snapshot;
  /** What the thread said last of its end. */
  failure: string;
}

type DeliveryThread = ThreadHandle<DeliveryOrder>;

const FILE = new URL('./delivery-thread.ts', import.meta.url);
const RESTARTING = new MillraceError('UNAVAILABLE', 'Delivery restarts; try again');

/** Resolves when the thread is ready. @throws MillraceError UNAVAILABLE when it cannot start. */
export async function startThreadClient(
  index: number,
  setup: Omit<DeliverySetup, 'plan'>,
  plan: DeliveryPlan,
  seams: ClientSeams,
): Promise<ThreadClient> {
  const client: ClientState = {
    plan,
    asked: new Map(),
    lastId: 0,
    started: Promise.withResolvers(),
    isReady: false,
    wasReady: false,
    metrics: [],
    failure: '',
  };
  const thread = startClientThread(client, `deliver-${index}`, setup, seams);
  await client.started.promise;
  return {
    setPlan(next) {
      client.plan = next;
      thread.send({ kind: 'plan', plan: next });
    },
    ask: (question, ask) => askThread(client, thread, question, ask),
    snapshot: () => client.metrics,
    isReady: () => client.isReady && thread.isRunning(),
    async stop() {
      thread.expectEnd();
      thread.send({ kind: 'stop' });
      await thread.ended();
    },
  };
}

function startClientThread(
  client: ClientState,
  name: string,
  setup: Omit<DeliverySetup, 'plan'>,
  { clock, logger, metrics }: ClientSeams,
): DeliveryThread {
  return startThread<DeliveryOrder, DeliveryMessage>({
    name,
    file: FILE,
    clock,
    logger,
    restarts: metrics.cell('millrace_thread_restarts_total', { thread: name }),
    setup: (): DeliverySetup => ({ ...setup, plan: client.plan }),
    wasReady: () => client.wasReady,
    onFirstFailure(reason) {
      const text = `delivery: ${client.failure || reason}`;
      client.started.reject(new MillraceError('UNAVAILABLE', text));
    },
    onExit: () => rejectAsked(client),
    onMessage: (message) => takeMessage(client, message),
  });
}

function takeMessage(client: ClientState, message: DeliveryMessage): void {
  if (message.kind === 'ready') {
    client.wasReady = true;
    client.isReady = true;
    client.started.resolve();
  } else if (message.kind === 'answer') {
    takeAsked(client, message.id)?.resolve(message.answer);
  } else if (message.kind === 'failed-answer') {
    takeAsked(client, message.id)?.reject(errorOf(message));
  } else if (message.kind === 'report') {
    client.metrics = message.metrics;
  } else if (message.kind === 'failed') {
    client.failure = message.message;
  }
}

function askThread(
  client: ClientState,
  thread: DeliveryThread,
  question: DeliveryQuestion,
  ask: unknown,
): Promise<unknown> {
  if (!client.isReady) return Promise.reject(RESTARTING);
  const id = ++client.lastId;
  const asked = Promise.withResolvers<unknown>();
  client.asked.set(id, asked);
  thread.send({ kind: 'ask', id, question, ask });
  return asked.promise;
}

function takeAsked({ asked }: ClientState, id: number): PromiseWithResolvers<unknown> | undefined {
  const one = asked.get(id);
  asked.delete(id);
  return one;
}

/** A thread that ended answers nothing more. */
function rejectAsked(client: ClientState): void {
  client.isReady = false;
  for (const { reject } of client.asked.values()) reject(RESTARTING);
  client.asked.clear();
}

function errorOf({ code, message, field }: Extract<DeliveryMessage, { kind: 'failed-answer' }>) {
  const known = code in ERROR_CODES ? (code as ErrorCode) : 'UNAVAILABLE';
  return new MillraceError(known, message, field === undefined ? {} : { field });
}
