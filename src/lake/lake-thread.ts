/** Runs the lake in a worker thread: the loop of steps, and queries between them. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { systemDisk } from '../base/disk.ts';
import { durableEndsOf } from '../base/durable-ends.ts';
import { MillraceError, toError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import { createLogger } from '../observe/logger.ts';
import { createMetricsRegistry } from '../observe/metrics.ts';
import { createFlusher } from './flush.ts';
import { openLake } from './lake.ts';
import type { LakeMessage, LakeOrder, LakeSetup } from './messages.ts';
import { createRetention } from './retention.ts';
import { createTailWatch } from './tail-entries.ts';
import type { TailWatch } from './tail-entries.ts';
import { tailEntriesPerSecond } from './tail-share.ts';

const REPORT_MS = 500;
/** After a pause in which nothing came, events of so long are shown at once. */
const TAIL_MS_MAX = 1_000;

const port = parentPort;
assert(port, 'lake-thread.ts runs in a worker thread');
const setup = workerData as LakeSetup;
const logger = createLogger('lake', setup.logLevel);
const clock = systemClock;
/** Queries that run now, by the ids of their orders. */
const queries = new Map<number, AbortController>();
let isStopping = false;
/** How many look at live events. */
let tailReaders = 0;
let isCaughtUp = false;

function say(message: LakeMessage): void {
  port?.postMessage(message);
}

try {
  await run();
} catch (error) {
  logger.error({ reason: toError(error).stack }, 'lake stopped on an error');
  say({ kind: 'failed', message: toError(error).message });
  process.exit(1);
}

async function run(): Promise<void> {
  const metrics = createMetricsRegistry();
  const lake = await openLake({
    disk: systemDisk,
    clock,
    random: systemRandom,
    logger,
    metrics,
    dataFolder: setup.dataFolder,
    regions: setup.regions,
    settings: setup.settings,
    isReadOnly: false,
  });
  lake.setSources(setup.sources);
  for (const { name, region } of setup.partitions) await lake.addPartition(name, region);
  const ends = durableEndsOf(setup.durableEnds);
  const judgedEnds = durableEndsOf(setup.judgedEnds);
  const holds = setup.holds.map(durableEndsOf);
  const slots = new Map(setup.partitions.map(({ name, slot }) => [name, slot]));
  const slotOf = (name: string) => slots.get(name) ?? 0;
  const publishJudged = (): void => {
    for (const [name, slot] of slots) {
      const judged = lake.state.dispatcher.position(name);
      if (judged > judgedEnds.read(slot)) judgedEnds.publish(slot, judged);
    }
  };
  const heldFrom = (name: string): number =>
    Math.min(Number.MAX_SAFE_INTEGER, ...holds.map((hold) => hold.read(slotOf(name))));
  const flusher = createFlusher(lake.state);
  const retention = createRetention(lake.state, setup.retention, heldFrom);
  port?.on('message', (order: LakeOrder) => {
    if (order.kind === 'sources') lake.setSources(order.sources);
    else if (order.kind === 'tail') setTail(order.readers);
    else if (order.kind === 'stop') isStopping = true;
    else if (order.kind === 'locate') void answerLocate(lake.locate, order);
    else if (order.kind === 'cancel-sql') queries.get(order.id)?.abort();
    else void answerSql(lake.query, order);
  });
  // Nothing is read, but the tables of every source are there before the first query.
  await lake.step(() => 0);
  publishJudged();
  say({ kind: 'ready' });

  const watch = createTailWatch();
  const onRecord: TailWatch['note'] = (partition, record) => {
    if (tailReaders > 0) watch.note(partition, record);
  };
  const durableEnd = (name: string) => ends.read(slotOf(name));
  let mark = ends.mark();
  let [reportedMs, tailedMs] = [0, 0];
  for (;;) {
    const wasStopping = isStopping;
    const startedMs = clock.monotonicMs();
    const result = await lake.step(durableEnd, onRecord);
    if (result.hasProgress) publishJudged();
    if (tailReaders > 0 && result.hasProgress) {
      const sinceMs = Math.min(TAIL_MS_MAX, startedMs - tailedMs);
      tailedMs = startedMs;
      const most = Math.ceil((tailEntriesPerSecond(tailReaders) * sinceMs) / 1000);
      say({ kind: 'tail', ...watch.entriesOf(result, lake.state.sources, most) });
    }
    await flusher.tend();
    await retention.tend();
    isCaughtUp = !result.hasProgress;
    if (clock.monotonicMs() - reportedMs >= REPORT_MS) {
      reportedMs = clock.monotonicMs();
      say({ kind: 'report', metrics: metrics.snapshot(), isCaughtUp });
    }
    if (wasStopping && !result.hasProgress) break;
    if (isStopping) continue;
    // Steps are at least pollMs apart, so that a busy log is loaded in larger, cheaper parts.
    const restMs = setup.pollMs - (clock.monotonicMs() - startedMs);
    if (restMs > 0) await clock.sleep(restMs);
    if (!result.hasProgress) mark = await ends.wait(mark, REPORT_MS);
  }
  await flusher.flushAll();
  await lake.close();
  say({ kind: 'stopped' });
  port?.close();
}

/** Says so: whatever is sent from now on is seen. */
function setTail(readers: number): void {
  const isMore = readers > tailReaders;
  tailReaders = readers;
  if (isMore) say({ kind: 'tail', entries: [], missed: 0 });
}

async function answerSql(
  query: Awaited<ReturnType<typeof openLake>>['query'],
  order: Extract<LakeOrder, { kind: 'sql' }>,
): Promise<void> {
  const cancelled = new AbortController();
  queries.set(order.id, cancelled);
  try {
    const result = await query(order.request, cancelled.signal);
    say({ kind: 'sql', id: order.id, result });
  } catch (error) {
    const known = error instanceof MillraceError ? error : undefined;
    const { message } = toError(error);
    const code = known?.code ?? 'SQL_FAILED';
    say({ kind: 'sql-failed', id: order.id, error: { code, message, field: known?.field } });
  } finally {
    queries.delete(order.id);
  }
}

async function answerLocate(
  locate: Awaited<ReturnType<typeof openLake>>['locate'],
  order: Extract<LakeOrder, { kind: 'locate' }>,
): Promise<void> {
  const path = await locate(order.place).catch((error: unknown) => {
    logger.warn({ reason: toError(error).message }, 'file of a row not found');
    return null;
  });
  say({ kind: 'located', id: order.id, path });
}
