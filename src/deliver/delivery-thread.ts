/** Runs destinations in a worker thread: the engine, and answers to questions about it. */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { systemDisk } from '../base/disk.ts';
import { durableEndsOf } from '../base/durable-ends.ts';
import type { DurableEnds } from '../base/durable-ends.ts';
import { MillraceError, toError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import { createEngine } from './delivery-engine.ts';
import type { Engine, EngineOptions } from './delivery-engine.ts';
import { openFeed } from './feed/event-feed.ts';
import { findDestinationType } from '../destinations/destination-registry.ts';
import { openLedger } from '../dispatch/ledger.ts';
import type { Ledger } from '../dispatch/ledger.ts';
import { openArchive } from '../lake/archive.ts';
import { sourceNumberOf } from '../lake/lake-state.ts';
import { partitionFolder } from '../log/partition-folder.ts';
import { createNet } from '../net/guarded-net.ts';
import type { Net } from '../net/net.ts';
import { createLogger } from '../observe/logger.ts';
import { createMetricsRegistry } from '../observe/metrics.ts';
import type { MetricsRegistry } from '../observe/metrics.ts';
import type { RenewedTokens } from '../store/destinations/renewed-tokens.ts';
import { answerQuestion } from './delivery-answers.ts';
import type { ReplaySeams } from './replay-control.ts';
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
  const { dataFolder } = setup;
  const metrics = createMetricsRegistry();
  const judgedEnds = durableEndsOf(setup.judgedEnds);
  const ledger = openLedger(join(dataFolder, 'dispatch.db'), { isReadOnly: true });
  const net = createNet({ settings: setup.net, clock });
  const known = knownPlan(setup.plan);
  const seams = readSeams(known, judgedEnds, ledger);
  const engine = createEngine(engineOptions(seams, known, metrics, net));
  await usePlan(engine, known, setup.plan);
  port?.on('message', (order: DeliveryOrder) => {
    if (order.kind === 'plan') void usePlan(engine, known, order.plan);
    else if (order.kind === 'stop') isStopping = true;
    else void answer(engine, seams, order);
  });
  say({ kind: 'ready' });
  await tendUntilStopped(engine, judgedEnds, metrics);
  await engine.stop();
  await net.close();
  ledger.close();
  say({ kind: 'stopped' });
  port?.close();
}

/** How destinations and questions read what was received. */
function readSeams(known: KnownPlan, judgedEnds: DurableEnds, ledger: Ledger): ReplaySeams {
  const { dataFolder, partitions } = setup;
  const slots = new Map(partitions.map(({ name, slot }) => [name, slot]));
  const regions = new Map(partitions.map(({ name, region }) => [name, region]));
  const folders = new Map(
    partitions.map(({ name, region }) => [name, partitionFolder(dataFolder, region, name)]),
  );
  const archive = openArchive({
    dataFolder,
    regionOf: (partition) => regions.get(partition) ?? '',
    sourceNumber: (id) => sourceNumberOf(id, known.numbers),
  });
  return {
    feed: openFeed({ disk: systemDisk, logger, ledger, folders, archive }),
    clock,
    random: systemRandom,
    partitions: (region) =>
      partitions.filter((partition) => partition.region === region).map(({ name }) => name),
    judgedEnd: (name) => judgedEnds.read(slots.get(name) ?? 0),
  };
}

function engineOptions(
  seams: ReplaySeams,
  known: KnownPlan,
  metrics: MetricsRegistry,
  net: Net,
): EngineOptions {
  const { dataFolder, settings, partitions } = setup;
  const holds = durableEndsOf(setup.holds);
  /** By this thread: a plan that was made before is older than these. */
  const renewed = new Map<string, unknown>();
  const slots = new Map(partitions.map(({ name, slot }) => [name, slot]));
  return {
    ...seams,
    disk: systemDisk,
    logger,
    metrics,
    net,
    dataFolder,
    settings,
    findType: findDestinationType,
    sources: () => known.sources,
    renewedTokens: (id) => renewed.get(id) ?? known.renewedTokens[id],
    keepTokens(destinationId, tokens) {
      renewed.set(destinationId, tokens);
      say({ kind: 'renewed-tokens', destinationId, tokens });
    },
    isSuppressed: (userId) => userId !== null && known.suppressed.has(userId),
    allPartitions: () => partitions,
    publishHold(name, position) {
      const bounded = Math.min(position, Number.MAX_SAFE_INTEGER);
      holds.publish(slots.get(name) ?? 0, bounded);
    },
  };
}

function usePlan(engine: Engine, known: KnownPlan, plan: DeliveryPlan): Promise<void> {
  Object.assign(known, knownPlan(plan));
  return engine.setDestinations(plan.destinations).catch((error: unknown) => {
    logger.error({ reason: toError(error).message }, 'destinations not changed');
  });
}

async function tendUntilStopped(
  engine: Engine,
  judgedEnds: DurableEnds,
  metrics: MetricsRegistry,
): Promise<void> {
  let mark = judgedEnds.mark();
  let reportedMs = 0;
  while (!isStopping) {
    engine.wake();
    if (clock.monotonicMs() - reportedMs >= REPORT_MS) {
      reportedMs = clock.monotonicMs();
      await engine.tend();
      say({ kind: 'report', metrics: metrics.snapshot() });
    }
    mark = await judgedEnds.wait(mark, Math.min(setup.settings.pollMs, REPORT_MS));
  }
}

async function answer(
  engine: Engine,
  seams: ReplaySeams,
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

/** What a plan says of sources and people, to be looked up. */
interface KnownPlan {
  sources: ReadonlyMap<number, DeliveryPlan['sources'][number]>;
  /** Numbers of sources by their ids. */
  numbers: Map<string, number>;
  suppressed: ReadonlySet<string>;
  renewedTokens: RenewedTokens;
}

function knownPlan({ sources, suppressedUsers, renewedTokens }: DeliveryPlan): KnownPlan {
  return {
    sources: new Map(sources.map((source) => [source.number, source])),
    numbers: new Map(sources.map(({ id, number }) => [id, number])),
    suppressed: new Set(suppressedUsers),
    renewedTokens,
  };
}
