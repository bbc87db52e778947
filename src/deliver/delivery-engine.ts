/**
 * All destinations of a thread: opened, changed and closed as the configuration says, each on its
 * own. Publishes how far the log must be kept for them, and gives up what it may not keep longer.
 */
import { MillraceError, toError } from '../base/errors.ts';
import type { StoredEvent } from '../events/raw-event.ts';
import { expireDeadLetters } from './dead-letters.ts';
import type { DestinationRecord } from './destination-record.ts';
import { startDestinationRun } from './destination-run.ts';
import type { DestinationRun } from './destination-run.ts';
import type { RunSeams } from './destination-run-state.ts';
import type { DestinationStatus } from './delivery-shapes.ts';
import { expiryOf, holdOf } from './log-holds.ts';

export interface Engine {
  /** Brings the running destinations to what is configured; resolves when all have their place. */
  setDestinations(records: readonly DestinationRecord[]): Promise<void>;
  /** Resolves when what was configured so far is at work. */
  settled(): Promise<void>;
  /** There is more to read. */
  wake(): void;
  /** What is due now and then: holds of the log, bounds, gauges. */
  tend(): Promise<void>;
  status(): DestinationStatus[];
  /** By slug or id. @throws MillraceError NOT_FOUND */
  find(name: string): DestinationRun;
  runs(): Iterable<DestinationRun>;
  event(partition: string, position: number, index: number): Promise<StoredEvent | null>;
  stop(): Promise<void>;
}

export interface EngineOptions extends RunSeams {
  /** All partitions with their regions. */
  allPartitions(): readonly { name: string; region: string }[];
  /** The log must be kept from here on; Infinity when nobody needs it. */
  publishHold(partition: string, position: number): void;
}

interface EngineState {
  readonly options: EngineOptions;
  /** By id; the text tells whether a record has changed. */
  readonly runs: Map<string, { run: DestinationRun; text: string }>;
  /** Ends when what was configured so far is at work: one change after the other. */
  changing: Promise<void>;
  /** Monotonic time. */
  nextBoundsMs: number;
}

const BOUNDS_MS = 30_000;
const PLACE_MS_MAX = 10_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Without destinations at first. */
export function createEngine(options: EngineOptions): Engine {
  const { feed } = options;
  const engine: EngineState = {
    options,
    runs: new Map(),
    changing: Promise.resolve(),
    nextBoundsMs: 0,
  };
  return {
    setDestinations(records) {
      const change = engine.changing.then(() => changeTo(engine, records));
      // That it failed is said to who asked for it; what is asked for next is tried all the same.
      engine.changing = change.catch(() => undefined);
      return change;
    },
    settled: () => engine.changing,
    wake() {
      for (const run of runsOf(engine)) run.wake();
    },
    tend: () => tend(engine),
    status: () => [...runsOf(engine)].map((run) => run.status()),
    find: (name) => findRun(engine, name),
    runs: () => runsOf(engine),
    event: (partition, position, index) => feed.event(partition, position, index),
    async stop() {
      await engine.changing;
      await Promise.all([...runsOf(engine)].map((run) => run.stop()));
      engine.runs.clear();
      await feed.close();
    },
  };
}

function* runsOf({ runs }: EngineState): Generator<DestinationRun> {
  for (const { run } of runs.values()) yield run;
}

function findRun(engine: EngineState, name: string): DestinationRun {
  for (const run of runsOf(engine)) {
    if (run.record.slug === name || run.record.id === name) return run;
  }
  throw new MillraceError('NOT_FOUND', `There is no destination ${name}`, { field: 'destination' });
}

/** Stops what is gone or has changed, starts what is new, and waits until all have their place. */
async function changeTo(engine: EngineState, records: readonly DestinationRecord[]): Promise<void> {
  const { options, runs } = engine;
  const wanted = new Map(records.map((record) => [record.id, record]));
  for (const [id, { run, text }] of runs) {
    const record = wanted.get(id);
    if (record && JSON.stringify(record) === text) continue;
    runs.delete(id);
    await run.stop();
  }
  for (const record of records) {
    if (runs.has(record.id)) continue;
    const run = startDestinationRun(record, options);
    runs.set(record.id, { run, text: JSON.stringify(record) });
  }
  await untilPlaced(engine);
}

/** One that cannot even be placed must not keep the others waiting for ever. */
async function untilPlaced(engine: EngineState): Promise<void> {
  const { clock } = engine.options;
  const placed = Promise.all([...runsOf(engine)].map((run) => run.placed));
  const late = new AbortController();
  await Promise.race([placed, clock.sleep(PLACE_MS_MAX, late.signal).catch(() => undefined)]);
  late.abort();
}

async function tend(engine: EngineState): Promise<void> {
  const { clock, logger, allPartitions, publishHold } = engine.options;
  for (const partition of allPartitions()) {
    publishHold(partition.name, holdOf(runsOf(engine), partition));
  }
  for (const run of runsOf(engine)) run.status();
  if (clock.monotonicMs() < engine.nextBoundsMs) return;
  engine.nextBoundsMs = clock.monotonicMs() + BOUNDS_MS;
  await keepBounds(engine).catch((error: unknown) => {
    logger.error({ reason: toError(error).message }, 'bounds of delivery not kept');
  });
}

/** What is too old or too much goes: attempts, dead letters, the log. */
async function keepBounds(engine: EngineState): Promise<void> {
  for (const run of runsOf(engine)) keepBoundsOf(engine, run);
  const { settings, clock, feed, allPartitions } = engine.options;
  for (const { name, region } of allPartitions()) {
    const before = expiryOf(await feed.segments(name), settings, clock.wallMs());
    if (before === 0) continue;
    for (const run of runsOf(engine)) {
      if (run.record.region === region) run.expireBefore(name, before);
    }
  }
}

function keepBoundsOf({ options }: EngineState, run: DestinationRun): void {
  const { clock, settings, logger } = options;
  const state = run.state();
  if (!state) return;
  const now = clock.wallMs();
  state.pruneAttempts(now - settings.attemptHours * HOUR_MS, settings.attemptsKeptMax);
  const beforeMs = now - settings.deadLetterDays * DAY_MS;
  const expired = expireDeadLetters(state.database, { beforeMs, most: settings.deadLettersMax });
  if (expired > 0) {
    const fields = { destination: run.record.slug, count: expired };
    logger.warn(fields, 'dead letters let go by their bounds');
  }
}
