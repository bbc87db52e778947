/** Runs destinations in a worker thread: the engine, and answers to questions about it. */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { systemDisk } from '../base/disk.ts';
import { durableEndsOf } from '../base/durable-ends.ts';
import { MillraceError, toError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import { createEngine } from './delivery-engine.ts';
import type { Engine } from './delivery-engine.ts';
import { openFeed } from './feed/event-feed.ts';
import { findDestinationType } from '../destinations/destination-registry.ts';
import { openLedger } from '../dispatch/ledger.ts';
import { openArchive } from '../lake/archive.ts';
import { sourceNumberOf } from '../lake/lake-state.ts';
import { partitionFolder } from '../log/partition-folder.ts';
import { createNet } from '../net/guarded-net.ts';
import { createLogger } from '../observe/logger.ts';
import { createMetricsRegistry } from '../observe/metrics.ts';
import { answerQuestion } from './delivery-answers.ts';
import type {
  DeliveryMessage,
  DeliveryOrder,
  DeliveryPlan,
  DeliverySetup,
} from './delivery-messages.ts';

const REPORT_MS = 500;

const port = parentPort;
assert(port, 'delivery-thread.ts runs in a worker thread');
const setup = workerData as DeliverySetup;
const logger = createLogger('deliver', setup.logLevel);
const clock = systemClock;
let isStopping = false;

function say(message: DeliveryMessage): void {
  port?.postMessage(message);
}

try {
  await run();
} catch (error) {
  logger.error({ reason: toError(error).stack }, 'delivery stopped on an error');
  say({ kind: 'failed', message: toError(error).message });
  process.exit(1);
}

async function run(): Promise<void> {
  const { dataFolder, settings, partitions } = setup;
  const metrics = createMetricsRegistry();
  const judgedEnds = durableEndsOf(setup.judgedEnds);
  const holds = durableEndsOf(setup.holds);
  const slots = new Map(partitions.map(({ name, slot }) => [name, slot]));
  const folders = new Map(
    partitions.map(({ name, region }) => [name, partitionFolder(dataFolder, region, name)]),
  );
  const ledger = openLedger(join(dataFolder, 'dispatch.db'), { isReadOnly: true });
  const net = createNet({ settings: setup.net, clock });
  let plan = setup.plan;
  let sources = sourceMap(plan);
  let numbers = numbersById(plan);
  let suppressed = new Set(plan.suppressedUsers);
  const regions = new Map(partitions.map(({ name, region }) => [name, region]));
  const archive = openArchive({
    dataFolder,
    regionOf: (partition) => regions.get(partition) ?? '',
    sourceNumber: (id) => sourceNumberOf(id, numbers),
  });
  const feed = openFeed({ disk: systemDisk, logger, ledger, folders, archive });
  const seams = {
    feed,
    clock,
    random: systemRandom,
    partitions: (region: string) =>
      partitions.filter((partition) => partition.region === region).map(({ name }) => name),
    judgedEnd: (name: string) => judgedEnds.read(slots.get(name) ?? 0),
  };
  const engine = createEngine({
    ...seams,
    disk: systemDisk,
    logger,
    metrics,
    net,
    dataFolder,
    settings,
    findType: findDestinationType,
    sources: () => sources,
    isSuppressed: (userId) => userId !== null && suppressed.has(userId),
    allPartitions: () => partitions,
    publishHold(name, position) {
      const bounded = Math.min(position, Number.MAX_SAFE_INTEGER);
      holds.publish(slots.get(name) ?? 0, bounded);
    },
  });
  const usePlan = (next: DeliveryPlan): Promise<void> => {
    plan = next;
    sources = sourceMap(plan);
    numbers = numbersById(plan);
    suppressed = new Set(plan.suppressedUsers);
    return engine.setDestinations(plan.destinations).catch((error: unknown) => {
      logger.error({ reason: toError(error).message }, 'destinations not changed');
    });
  };
  await usePlan(plan);
  port?.on('message', (order: DeliveryOrder) => {
    if (order.kind === 'plan') void usePlan(order.plan);
    else if (order.kind === 'stop') isStopping = true;
    else void answer(engine, seams, order);
  });
  say({ kind: 'ready' });

  let mark = judgedEnds.mark();
  let reportedMs = 0;
  while (!isStopping) {
    engine.wake();
    if (clock.monotonicMs() - reportedMs >= REPORT_MS) {
      reportedMs = clock.monotonicMs();
      await engine.tend();
      say({ kind: 'report', metrics: metrics.snapshot() });
    }
    mark = await judgedEnds.wait(mark, Math.min(settings.pollMs, REPORT_MS));
  }
  await engine.stop();
  await net.close();
  ledger.close();
  say({ kind: 'stopped' });
  port?.close();
}

async function answer(
  engine: Engine,
  seams: Parameters<typeof answerQuestion>[1],
  order: Extract<DeliveryOrder, { kind: 'ask' }>,
): Promise<void> {
  const { id, question, ask } = order;
  try {
    say({ kind: 'answer', id, answer: await answerQuestion(engine, seams, question, ask) });
  } catch (error) {
    const known = error instanceof MillraceError ? error : undefined;
    const code = known?.code ?? 'UNAVAILABLE';
    const { message } = toError(error);
    if (!known) logger.error({ reason: toError(error).stack, question }, 'question failed');
    say({ kind: 'failed-answer', id, code, message, field: known?.field });
  }
}

function numbersById({ sources }: DeliveryPlan): Map<string, number> {
  return new Map(sources.map(({ id, number }) => [id, number]));
}

function sourceMap(plan: DeliveryPlan): Map<number, DeliveryPlan['sources'][number]> {
  return new Map(plan.sources.map((source) => [source.number, source]));
}
