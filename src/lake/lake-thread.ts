/** Runs the lake in a worker thread: the loop of steps, cuts and flushes. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { systemDisk } from '../base/disk.ts';
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
import { durableEndOf, endsOf, heldFrom, publishJudged } from './partition-ends.ts';
import type { PartitionEnds } from './partition-ends.ts';
import { createTailWatch } from './tail-entries.ts';
import type { TailWatch } from './tail-entries.ts';
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

/** What the loop works on, and when it did what. */
interface LoopState {
  lake: Lake;
  metrics: MetricsRegistry;
  ends: PartitionEnds;
  watch: TailWatch;
  /** Of the durable ends, when nothing more was found. */
  mark: number;
  reportedMs: number;
  tailedMs: number;
  /** When rows were last cut off, to be seen. */
  shownMs: number;
  /** How many look at live events. */
  tailReaders: number;
  isStopping: boolean;
}

async function run(): Promise<void> {
  const metrics = createMetricsRegistry();
  const lake = await openSetupLake(metrics);
  const ends = endsOf(setup);
  const loop: LoopState = {
    lake,
    metrics,
    ends,
    watch: createTailWatch(),
    mark: ends.durable.mark(),
    reportedMs: 0,
    tailedMs: 0,
    shownMs: clock.monotonicMs(),
    tailReaders: 0,
    isStopping: false,
  };
  port?.on('message', (order: LakeOrder) => obey(loop, order));
  publishJudged(ends, lake.state.dispatcher);
  say({ kind: 'ready' });
  await stepUntilStopped(loop);
  await lake.cut();
  await lake.settled();
  await lake.flusher.flushAll();
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

function obey(loop: LoopState, order: LakeOrder): void {
  const { lake } = loop;
  if (order.kind === 'sources') lake.setSources(order.sources);
  else if (order.kind === 'tail') setTail(loop, order.readers);
  else if (order.kind === 'stop') loop.isStopping = true;
  else if (order.kind === 'locate') void answerLocate(lake.locate, order);
  else say({ kind: 'tables', id: order.id, tables: lake.tables(order.known) });
}

/** Says so: whatever is sent from now on is seen. */
function setTail(loop: LoopState, readers: number): void {
  const isMore = readers > loop.tailReaders;
  loop.tailReaders = readers;
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

/** Goes on until it is told to stop and has read what was durable then. */
async function stepUntilStopped(loop: LoopState): Promise<void> {
  const { lake, ends, watch } = loop;
  const retention = createRetention(lake.state, setup.retention, (name) => heldFrom(ends, name));
  const durableEnd = (name: string): number => durableEndOf(ends, name);
  const onRecord = (loaded: LoadedRecord): void => {
    if (loop.tailReaders > 0) watch.note(loaded);
  };
  for (;;) {
    const wasStopping = loop.isStopping;
    const startedMs = clock.monotonicMs();
    const hasProgress = await lake.step(durableEnd, onRecord);
    if (hasProgress) publishJudged(ends, lake.state.dispatcher);
    if (hasProgress && loop.tailReaders > 0) tellTail(loop, startedMs);
    const isBehind = hasProgress && lake.isBehind(durableEnd);
    if (isCutDue(loop, isBehind, startedMs)) {
      await lake.cut();
      loop.shownMs = clock.monotonicMs();
    }
    await lake.flusher.tend();
    await retention.tend();
    report(loop, !hasProgress);
    if (wasStopping && !hasProgress) break;
    if (loop.isStopping || isBehind) continue;
    // Parts are at least pollMs apart: a busy log is loaded in larger, cheaper ones.
    const restMs = setup.pollMs - (clock.monotonicMs() - startedMs);
    if (hasProgress && restMs > 0) await clock.sleep(restMs);
    if (!hasProgress) loop.mark = await ends.durable.wait(loop.mark, REPORT_MS);
  }
}

/** What those see who look at live events. */
function tellTail(loop: LoopState, startedMs: number): void {
  const sinceMs = Math.min(TAIL_MS_MAX, startedMs - loop.tailedMs);
  loop.tailedMs = startedMs;
  const most = Math.ceil((tailEntriesPerSecond(loop.tailReaders) * sinceMs) / 1000);
  say({ kind: 'tail', ...loop.watch.entriesOf(loop.lake.state.sources, most) });
}

function isCutDue({ lake, shownMs }: LoopState, isBehind: boolean, startedMs: number): boolean {
  const { records, rows, bytes, newestMs } = lake.waiting();
  const { flushRows, flushBytes } = setup.settings;
  const isLive = clock.wallMs() - newestMs < LIVE_MS && startedMs - shownMs >= setup.pollMs;
  const isMuch = rows >= flushRows || bytes >= flushBytes || records >= RECORDS_MAX;
  return records > 0 && (!isBehind || isMuch || isLive);
}

function report(loop: LoopState, isCaughtUp: boolean): void {
  const nowMs = clock.monotonicMs();
  if (nowMs - loop.reportedMs < REPORT_MS) return;
  loop.reportedMs = nowMs;
  say({ kind: 'report', metrics: loop.metrics.snapshot(), isCaughtUp });
}
