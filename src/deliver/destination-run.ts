/**
 * A configured destination at work: its state, its connection to the service, its streams. What
 * cannot be opened, or ends in an error, is tried again later; meanwhile its events stay in the
 * log, and other destinations do not notice.
 */
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import { MillraceError, toError } from '../base/errors.ts';
import { INTERNAL_REASON, isInternalSlug } from '../base/internal-source.ts';
import type { Random } from '../base/random.ts';
import type { StoredEvent } from '../events/raw-event.ts';
import type { Net } from '../net/net.ts';
import { withFields } from '../observe/logger.ts';
import type { Logger } from '../observe/logger.ts';
import type { MetricsRegistry } from '../observe/metrics.ts';
import { backoffMs, createBreaker } from './breaker.ts';
import type { Destination, DestinationType } from '../destinations/destination-contract.ts';
import type { DeliveryDefaults } from '../destinations/destination-type-shapes.ts';
import { deadLetterCount } from './dead-letters.ts';
import { createDeliveryMeters } from './delivery-meters.ts';
import type { DeliverSettings, DestinationRecord } from './destination-record.ts';
import type { Feed } from './event-feed.ts';
import { createLogOrderStream } from './log-order-stream.ts';
import { listReplays, replaySelection, setReplayState } from './replays.ts';
import type { Replay } from './replays.ts';
import { deliveryEventOf } from './routed-event.ts';
import type { SourceName } from './routed-event.ts';
import { compileFilters, parseFilters } from './routing/destination-filters.ts';
import { explainRoute } from './routing/event-router.ts';
import type { RoutingPlan } from './routing/event-router.ts';
import type { RuleResult } from './trace-shapes.ts';
import { startCursors } from './start-cursors.ts';
import { openDeliveryState } from './state/delivery-state.ts';
import type { DeliveryState } from './state/delivery-state.ts';
import { LIVE_STREAM } from './state/delivery-rows.ts';
import type { WaitingEvent } from './state/delivery-rows.ts';
import type { DeliveryStream, StreamContext, StreamPace } from './stream.ts';
import { createUserOrderStream } from './user-order-stream.ts';
import type { DestinationStatus, StreamStatus } from './delivery-shapes.ts';

/** What all destinations of a thread share. */
export interface RunSeams {
  disk: Disk;
  clock: Clock;
  random: Random;
  logger: Logger;
  metrics: MetricsRegistry;
  net: Net;
  feed: Feed;
  dataFolder: string;
  settings: DeliverSettings;
  findType(name: string): DestinationType | undefined;
  sources(): ReadonlyMap<number, SourceName & { name: string }>;
  isSuppressed(userId: string | null): boolean;
  /** Partitions of a region. */
  partitions(region: string): readonly string[];
  judgedEnd(partition: string): number;
}

export interface DestinationRun {
  record: DestinationRecord;
  /** Resolves when its cursors are durable: from here on it misses nothing. */
  placed: Promise<unknown>;
  /** Null when it cannot be opened. */
  state(): DeliveryState | null;
  status(): DestinationStatus;
  wake(): void;
  pause(isPaused: boolean): void;
  startReplay(replay: Replay): void;
  pauseReplay(id: string, isPaused: boolean): void;
  cancelReplay(id: string): Promise<void>;
  replayStatus(id: string): StreamStatus | null;
  adopt(stream: string, rows: readonly WaitingEvent[]): void;
  expireBefore(partition: string, position: number): void;
  /** @param isReplay as a replay that asks for everything would route it. */
  explain(event: StoredEvent, isReplay?: boolean): RuleResult[];
  /** @throws MillraceError DESTINATION_TEST_FAILED */
  test(): Promise<void>;
  stop(): Promise<void>;
}

interface RunningStream {
  stream: DeliveryStream | null;
  isPaused: boolean;
  isStopping: boolean;
  ended: Promise<void>;
}

const RESTART_MS_MIN = 1_000;
const RESTART_MS_MAX = 60_000;
const TEST_MS_MAX = 20_000;

/** Where the state of a destination is. */
export function deliveryStatePath(dataFolder: string, region: string, id: string): string {
  return join(dataFolder, region, 'deliver', `${id}.db`);
}

/** Starts at once and keeps trying; whatever fails is in `status`. */
export function startDestinationRun(record: DestinationRecord, seams: RunSeams): DestinationRun {
  const { clock, settings, metrics, random } = seams;
  const logger = withFields(seams.logger, { destination: record.slug });
  const meters = createDeliveryMeters(metrics, record.slug);
  const breaker = createBreaker(settings, clock, random);
  const streams = new Map<string, RunningStream>();
  const stopping = new AbortController();
  let type: DestinationType | undefined;
  let state: DeliveryState | null = null;
  let destination: Destination | null = null;
  let failure: string | null = null;

  const open = async (): Promise<void> => {
    type = seams.findType(record.type);
    if (record.state === 'disabled') {
      // It is sent nothing, so its service need not be there, nor its settings be right.
      destination = NO_SERVICE;
      return;
    }
    if (!type) throw new MillraceError('DESTINATION_INVALID', `unknown type ${record.type}`);
    const temporaryFolder = join(seams.dataFolder, 'tmp', 'deliver', record.id);
    await emptyFolder(seams.disk, temporaryFolder);
    const parsed = type.parseSettings(record.settings, seams.net);
    destination = await type.open(parsed, {
      destinationId: record.id,
      slug: record.slug,
      region: record.region,
      clock,
      random,
      logger,
      net: seams.net,
      temporaryFolder,
      sources: seams.sources,
    });
  };
  /** Its state, and where it begins, before its service is looked for. */
  const place = async (): Promise<void> => {
    const folder = join(seams.dataFolder, record.region, 'deliver');
    await seams.disk.makeFolder(folder);
    state = openDeliveryState(deliveryStatePath(seams.dataFolder, record.region, record.id));
    const missing = await startCursors(record, seams, state.cursors(LIVE_STREAM));
    state.addCursors(LIVE_STREAM, missing);
  };
  /** Repeats until it is open or the run stops. */
  const untilDone = async (work: () => Promise<void>): Promise<boolean> => {
    for (let attempt = 1; !stopping.signal.aborted; attempt++) {
      try {
        await work();
        failure = null;
        return true;
      } catch (error) {
        failure = toError(error).message;
        logger.error({ reason: failure }, 'destination cannot be opened; its events wait');
        await pause(attempt);
      }
    }
    return false;
  };
  // The only reason to reject is the stop.
  const pause = (attempt: number): Promise<void> =>
    clock
      .sleep(backoffMs(attempt, RESTART_MS_MIN, RESTART_MS_MAX), stopping.signal)
      .catch(() => undefined);

  const planFor = (replay: Replay | null): RoutingPlan => {
    const { id, slug, name } = record;
    const connected = record.sources === null ? null : new Set(record.sources);
    return {
      target: {
        class: type?.class ?? 'cloud',
        id,
        slug,
        names: [name, slug, ...(type?.integrationNames ?? [])],
      },
      isDisabled: record.state === 'disabled',
      isSuppressed: seams.isSuppressed,
      consentCategories: record.consentCategories,
      isInternal: (number) => isInternalSlug(seams.sources().get(number)?.slug),
      // By slug, because a source may be made after the destination that names it.
      isConnected: (number) =>
        connected === null || connected.has(seams.sources().get(number)?.slug ?? ''),
      filters: compileFilters(parseFilters(record.filters)),
      accepts: destination?.accepts?.bind(destination) ?? null,
      replay: replay ? replaySelection(replay.spec) : null,
    };
  };
  const sourceName = (number: number): SourceName =>
    seams.sources().get(number) ?? { id: `source_${number}`, slug: `source_${number}` };
  const contextFor = (replay: Replay | null): StreamContext => {
    if (!state || !destination) throw new Error('the destination is not open');
    return {
      destinationId: record.id,
      stream: replay?.id ?? LIVE_STREAM,
      replayId: replay?.id ?? null,
      destination,
      pace: paceOf(record, type, settings, replay),
      settings,
      state,
      feed: seams.feed,
      plan: planFor(replay),
      breaker,
      source: sourceName,
      judgedEnd: seams.judgedEnd,
      clock,
      random,
      logger,
      meters,
    };
  };
  /** Runs a stream until its end, and anew after an error, from what is durable. */
  const supervise = async (running: RunningStream, replay: Replay | null): Promise<void> => {
    for (let attempt = 1; !running.isStopping; attempt++) {
      try {
        const create = type?.order === 'log' ? createLogOrderStream : createUserOrderStream;
        const stream = create(contextFor(replay));
        running.stream = stream;
        stream.pause(running.isPaused);
        const end = await stream.run();
        if (end === 'done' && replay && state) {
          setReplayState(state.database, replay.id, 'done', clock.wallMs());
        }
        return;
      } catch (error) {
        failure = toError(error).message;
        logger.error({ reason: toError(error).stack }, 'delivery failed; it starts again');
        await pause(attempt);
        failure = null;
      }
    }
  };
  const start = (name: string, replay: Replay | null, isPaused: boolean): void => {
    const running: RunningStream = {
      stream: null,
      isPaused,
      isStopping: false,
      ended: Promise.resolve(),
    };
    streams.set(name, running);
    running.ended = supervise(running, replay).finally(() => {
      if (replay) streams.delete(name);
    });
  };
  const isLivePaused = (): boolean => record.state === 'paused';
  const begin = async (): Promise<void> => {
    if (!(await placed) || !(await untilDone(open)) || !state) return;
    if (stopping.signal.aborted) return;
    start(LIVE_STREAM, null, isLivePaused());
    for (const replay of listReplays(state.database)) {
      if (replay.state === 'running' || replay.state === 'paused') {
        start(replay.id, replay, replay.state === 'paused');
      }
    }
  };
  const placed = untilDone(place);
  const begun = begin();

  return {
    record,
    placed,
    state: () => state,
    status: () => {
      const live = streams.get(LIVE_STREAM)?.stream?.status() ?? null;
      const deadLetters = state ? deadLetterCount(state.database) : 0;
      meters.state({
        lagBytes: live?.lagBytes ?? 0,
        lagSeconds: live?.lagSeconds ?? 0,
        inFlight: live?.inFlight ?? 0,
        waiting: live?.waiting ?? 0,
        deadLetters,
        isBreakerOpen: breaker.state() !== 'closed',
      });
      const { id, slug, name, type: typeName, region, state: wanted } = record;
      const about = { id, slug, name, type: typeName, region, state: wanted };
      const sums = countsOf(state);
      return { ...about, failure, breaker: breaker.state(), deadLetters, live, ...sums };
    },
    wake() {
      for (const { stream } of streams.values()) stream?.wake();
    },
    pause(isPaused) {
      const live = streams.get(LIVE_STREAM);
      if (!live) return;
      live.isPaused = isPaused;
      live.stream?.pause(isPaused);
    },
    startReplay: (replay) => start(replay.id, replay, false),
    pauseReplay(id, isPaused) {
      const running = streams.get(id);
      if (!running) return;
      running.isPaused = isPaused;
      running.stream?.pause(isPaused);
    },
    async cancelReplay(id) {
      const running = streams.get(id);
      if (!running) return;
      running.isStopping = true;
      running.stream?.stop();
      await running.ended;
    },
    replayStatus: (id) => streams.get(id)?.stream?.status() ?? null,
    adopt: (stream, rows) => streams.get(stream)?.stream?.adopt(rows),
    expireBefore(partition, position) {
      for (const { stream } of streams.values()) stream?.expireBefore(partition, position);
    },
    explain(event, isReplay = false) {
      const plan = planFor(null);
      if (isReplay) plan.replay = () => true;
      const source = sourceName(event.sourceNumber);
      return explainRoute(event, plan, (changed) =>
        deliveryEventOf(event, changed, source, record.id, null),
      );
    },
    async test() {
      if (!destination) {
        throw new MillraceError('DESTINATION_TEST_FAILED', failure ?? 'it is not open yet');
      }
      await destination.test?.(AbortSignal.timeout(TEST_MS_MAX));
    },
    async stop() {
      stopping.abort();
      for (const running of streams.values()) {
        running.isStopping = true;
        running.stream?.stop();
      }
      await begun;
      for (const { ended } of streams.values()) await ended;
      await destination?.close().catch((error: unknown) => {
        logger.warn({ reason: toError(error).message }, 'destination did not close well');
      });
      state?.close();
      state = null;
    },
  };
}

/** Without what was passed by because it was Millrace's own. */
function countsOf(state: DeliveryState | null) {
  const sums = { delivered: 0, filtered: {} as Record<string, number>, discarded: 0, expired: 0 };
  for (const { outcome, reason, count } of state?.counts(LIVE_STREAM) ?? []) {
    if (reason === INTERNAL_REASON) continue;
    if (outcome === 'delivered') sums.delivered += count;
    else if (outcome === 'discarded') sums.discarded += count;
    else if (outcome === 'dead') sums.expired += count;
    else sums.filtered[reason] = (sums.filtered[reason] ?? 0) + count;
  }
  return sums;
}

const NO_SERVICE: Destination = {
  deliver: () => Promise.reject(new Error('a disabled destination is sent nothing')),
  close: () => Promise.resolve(),
};
const NO_DEFAULTS: DeliveryDefaults = {
  batchEvents: 1,
  batchBytes: 1,
  batchAgeMs: 0,
  concurrency: 1,
  timeoutMs: 1,
};

/** A replay takes a quarter of the calls at once, so that live delivery keeps the rest. */
const REPLAY_SHARE = 4;

function paceOf(
  { delivery, settings }: DestinationRecord,
  type: DestinationType | undefined,
  general: DeliverSettings,
  replay: Replay | null,
): StreamPace {
  const defaults = { ...(type?.defaults ?? NO_DEFAULTS), ...type?.batching?.(settings) };
  const concurrency = type?.order === 'log' ? 1 : (delivery.concurrency ?? defaults.concurrency);
  return {
    batchEvents: delivery.batchEvents ?? defaults.batchEvents,
    batchBytes: delivery.batchBytes ?? defaults.batchBytes,
    batchAgeMs: delivery.batchAgeMs ?? defaults.batchAgeMs,
    concurrency: replay ? Math.max(1, Math.floor(concurrency / REPLAY_SHARE)) : concurrency,
    timeoutMs: delivery.timeoutMs ?? defaults.timeoutMs,
    eventsPerSecond: replay?.spec.eventsPerSecond ?? delivery.eventsPerSecond ?? null,
    keepOrder: delivery.keepOrder ?? true,
    retryMs: (delivery.retryHours ?? general.retryHours) * 3_600_000,
    attemptsMax: delivery.attemptsMax ?? general.attemptsMax,
  };
}

async function emptyFolder(disk: Disk, folder: string): Promise<void> {
  await disk.makeFolder(folder);
  for (const name of await disk.list(folder)) await disk.remove(join(folder, name));
}
