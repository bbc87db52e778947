/** Runs the lake in a worker thread: the loop of steps, cuts and flushes. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { systemDisk } from '../base/disk.ts';
import { durableEndsOf } from '../base/durable-ends.ts';
import { toError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import { createLogger } from '../observe/logger.ts';
import { createMetricsRegistry } from '../observe/metrics.ts';
import type { MetricsRegistry } from '../observe/metrics.ts';
import { openLake } from './lake.ts';
import type { Lake } from './lake.ts';
import type { LoadedRecord } from './load/loader.ts';
import type { LakeMessage, LakeOrder, LakeSetup } from './lake-messages.ts';
import { createRetention } from './log-retention.ts';
import { createTailWatch } from './tail-entries.ts';
import { tailEntriesPerSecond } from './tail-share.ts';

const REPORT_MS = 500;
/** Events so young are shown soon, however many there are; a backlog gathers into larger parts. */
const LIVE_MS = 5_000;
/** After a pause in which nothing came, events of so long are shown at once. */
const TAIL_MS_MAX = 1_000;
/** Of a backlog of duplicates, which make no rows. */
const RECORDS_MAX = 100_000;

const port = parentPort;
assert(port, 'lake-thread.ts runs in a worker thread');
const setup = workerData as LakeSetup;
const logger = createLogger('lake', setup.logLevel);
const clock = systemClock;
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
  const lake = await openSetupLake(metrics);
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
  const flusher = lake.flusher;
  const retention = createRetention(lake.state, setup.retention, heldFrom);
  port?.on('message', (order: LakeOrder) => {
    if (order.kind === 'sources') lake.setSources(order.sources);
    else if (order.kind === 'tail') setTail(order.readers);
    else if (order.kind === 'stop') isStopping = true;
    else if (order.kind === 'locate') void answerLocate(lake.locate, order);
    else say({ kind: 'tables', id: order.id, tables: lake.tables(order.known) });
  });
  publishJudged();
  say({ kind: 'ready' });

  const watch = createTailWatch();
  const onRecord = (loaded: LoadedRecord): void => {
    if (tailReaders > 0) watch.note(loaded);
  };
  const durableEnd = (name: string) => ends.read(slotOf(name));
  let mark = ends.mark();
  let [reportedMs, tailedMs, shownMs] = [0, 0, clock.monotonicMs()];
  for (;;) {
    const wasStopping = isStopping;
    const startedMs = clock.monotonicMs();
    const hasProgress = await lake.step(durableEnd, onRecord);
    if (hasProgress) publishJudged();
    if (tailReaders > 0 && hasProgress) {
      const sinceMs = Math.min(TAIL_MS_MAX, startedMs - tailedMs);
      tailedMs = startedMs;
      const most = Math.ceil((tailEntriesPerSecond(tailReaders) * sinceMs) / 1000);
      say({ kind: 'tail', ...watch.entriesOf(lake.state.sources, most) });
    }
    const isBehind = hasProgress && lake.isBehind(durableEnd);
    const { records, rows, bytes, newestMs } = lake.waiting();
    const { flushRows, flushBytes } = setup.settings;
    const isLive = clock.wallMs() - newestMs < LIVE_MS && startedMs - shownMs >= setup.pollMs;
    const isMuch = rows >= flushRows || bytes >= flushBytes || records >= RECORDS_MAX;
    if (records > 0 && (!isBehind || isMuch || isLive)) {
      await lake.cut();
      shownMs = clock.monotonicMs();
    }
    await flusher.tend();
    await retention.tend();
    isCaughtUp = !hasProgress;
    if (clock.monotonicMs() - reportedMs >= REPORT_MS) {
      reportedMs = clock.monotonicMs();
      say({ kind: 'report', metrics: metrics.snapshot(), isCaughtUp });
    }
    if (wasStopping && !hasProgress) break;
    if (isStopping || isBehind) continue;
    // Parts are at least pollMs apart: a busy log is loaded in larger, cheaper ones.
    const restMs = setup.pollMs - (clock.monotonicMs() - startedMs);
    if (hasProgress && restMs > 0) await clock.sleep(restMs);
    if (!hasProgress) mark = await ends.wait(mark, REPORT_MS);
  }
  await lake.cut();
  await lake.settled();
  await flusher.flushAll();
  await lake.close();
  say({ kind: 'stopped' });
  port?.close();
}

async function openSetupLake(metrics: MetricsRegistry): Promise<Lake> {
  const { dataFolder, regions, settings, sources, partitions } = setup;
  const lake = await openLake({
    disk: systemDisk,
    clock,
    random: systemRandom,
    logger,
    metrics,
    dataFolder,
    regions,
    settings,
    isReadOnly: false,
  });
  lake.setSources(sources);
  for (const { name, region } of partitions) await lake.addPartition(name, region);
  return lake;
}

/** Says so: whatever is sent from now on is seen. */
function setTail(readers: number): void {
  const isMore = readers > tailReaders;
  tailReaders = readers;
  if (isMore) say({ kind: 'tail', entries: [], missed: 0 });
}

async function answerLocate(
  locate: Lake['locate'],
  order: Extract<LakeOrder, { kind: 'locate' }>,
): Promise<void> {
  const path = await locate(order.place).catch((error: unknown) => {
    logger.warn({ reason: toError(error).message }, 'file of a row not found');
    return null;
  });
  say({ kind: 'located', id: order.id, path });
}
