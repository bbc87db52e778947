/**
 * All destinations of a thread: opened, changed and closed as the configuration says, each on its
 * own. Publishes how far the log must be kept for them, and gives up what it may not keep longer.
 */
import { MillraceError, toError } from '../base/errors.ts';
import type { StoredEvent } from '../events/raw-event.ts';
import { expireDeadLetters } from './dead-letters.ts';
import type { DestinationRecord } from './destination-record.ts';
import { startDestinationRun } from './destination-run.ts';
import type { DestinationRun, RunSeams } from './destination-run.ts';
import type { DestinationStatus } from './delivery-shapes.ts';

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

const BOUNDS_MS = 30_000;
const PLACE_MS_MAX = 10_000;

export function createEngine(options: EngineOptions): Engine {
  const { clock, logger, settings, feed } = options;
  const runs = new Map<string, { run: DestinationRun; text: string }>();
  let changing = Promise.resolve();
  let nextBoundsMs = 0;

  const apply = async (records: readonly DestinationRecord[]): Promise<void> => {
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
    // One that cannot even be placed must not keep the others waiting for ever.
    const placed = Promise.all([...runs.values()].map(({ run }) => run.placed));
    const late = new AbortController();
    await Promise.race([placed, clock.sleep(PLACE_MS_MAX, late.signal).catch(() => undefined)]);
    late.abort();
  };
  const publishHolds = (): void => {
    for (const { name, region } of options.allPartitions()) {
      let hold = Number.POSITIVE_INFINITY;
      for (const { run } of runs.values()) {
        if (run.record.region !== region) continue;
        // A destination that is not open yet may need everything.
        hold = Math.min(hold, run.state()?.holds().get(name) ?? 0);
      }
      options.publishHold(name, hold);
    }
  };
  /** The log cannot wait for ever: what is too old, or too much, is given up and counted. */
  const expire = async (): Promise<void> => {
    const oldestMs = clock.wallMs() - settings.holdHours * 3_600_000;
    for (const { name, region } of options.allPartitions()) {
      const segments = await feed.segments(name);
      let total = segments.reduce((sum, { bytes }) => sum + bytes, 0);
      let before = 0;
      segments.forEach(({ bytes }, at) => {
        const next = segments[at + 1];
        if (!next) return;
        const isTooMuch = settings.holdBytesMax !== null && total > settings.holdBytesMax;
        if (next.createdMs >= oldestMs && !isTooMuch) return;
        total -= bytes;
        before = next.base;
      });
      if (before === 0) continue;
      for (const { run } of runs.values()) {
        if (run.record.region === region) run.expireBefore(name, before);
      }
    }
  };
  const keepBounds = async (): Promise<void> => {
    const now = clock.wallMs();
    for (const { run } of runs.values()) {
      const state = run.state();
      if (!state) continue;
      state.pruneAttempts(now - settings.attemptHours * 3_600_000, settings.attemptsKeptMax);
      const beforeMs = now - settings.deadLetterDays * 86_400_000;
      const expired = expireDeadLetters(state.database, {
        beforeMs,
        most: settings.deadLettersMax,
      });
      if (expired > 0) {
        const fields = { destination: run.record.slug, count: expired };
        logger.warn(fields, 'dead letters let go by their bounds');
      }
    }
    await expire();
  };

  return {
    setDestinations(records) {
      changing = changing.then(() => apply(records));
      return changing;
    },
    settled: () => changing,
    wake() {
      for (const { run } of runs.values()) run.wake();
    },
    async tend() {
      publishHolds();
      for (const { run } of runs.values()) run.status();
      if (clock.monotonicMs() < nextBoundsMs) return;
      nextBoundsMs = clock.monotonicMs() + BOUNDS_MS;
      await keepBounds().catch((error: unknown) => {
        logger.error({ reason: toError(error).message }, 'bounds of delivery not kept');
      });
    },
    status: () => [...runs.values()].map(({ run }) => run.status()),
    find(name) {
      for (const { run } of runs.values()) {
        if (run.record.slug === name || run.record.id === name) return run;
      }
      throw new MillraceError('NOT_FOUND', `There is no destination ${name}`, {
        field: 'destination',
      });
    },
    *runs() {
      for (const { run } of runs.values()) yield run;
    },
    event: (partition, position, index) => feed.event(partition, position, index),
    async stop() {
      await changing;
      await Promise.all([...runs.values()].map(({ run }) => run.stop()));
      runs.clear();
      await feed.close();
    },
  };
}
