/**
 * A stream on a real state file, with a log in memory, a destination that does what a test says,
 * and virtual time. `crash` is what SIGKILL does: what was not committed is gone.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Random } from '../../src/base/random.ts';
import { createBreaker } from '../../src/deliver/streams/breaker.ts';
import type {
  Destination,
  DeliveryBatch,
  DeliveryOutcome,
} from '../../src/destinations/destination-contract.ts';
import { createDeliveryMeters } from '../../src/deliver/delivery-meters.ts';
import type { DeliverSettings } from '../../src/deliver/destination-record.ts';
import type { Feed, FeedRecord } from '../../src/deliver/feed/feed-contract.ts';
import { createLogOrderStream } from '../../src/deliver/log-order/log-order-stream.ts';
import { compileFilters } from '../../src/deliver/routing/destination-filters.ts';
import type { RoutingPlan } from '../../src/deliver/routing/event-router.ts';
import { openDeliveryState } from '../../src/deliver/state/delivery-state.ts';
import type { DeliveryState } from '../../src/deliver/state/delivery-state.ts';
import { LIVE_STREAM } from '../../src/deliver/state/delivery-rows.ts';
import type { DeliveryStream, StreamPace } from '../../src/deliver/streams/delivery-stream.ts';
import { createUserOrderStream } from '../../src/deliver/user-order/user-order-stream.ts';
import { storedEvent } from '../../src/events/raw-event.ts';
import type { StoredEvent } from '../../src/events/raw-event.ts';
import { createMetricsRegistry } from '../../src/observe/metrics.ts';
import { createVirtualClock } from './virtual-clock.ts';
import type { VirtualClock } from './virtual-clock.ts';

export const PARTITION = 'us-0';
const SILENT = { error() {}, warn() {}, info() {}, debug() {} };

export const SETTINGS: DeliverSettings = {
  retryHours: 4,
  attemptsMax: 20,
  retryDelayMsMin: 1_000,
  retryDelayMsMax: 1_800_000,
  breakerFailures: 5,
  breakerDelayMsMax: 300_000,
  windowEvents: 200,
  windowBytes: 64 * 2 ** 20,
  waitingMax: 1_000,
  holdHours: 336,
  holdBytesMax: null,
  deadLettersMax: 1_000_000,
  deadLetterDays: 30,
  attemptHours: 72,
  attemptsKeptMax: 500_000,
  pollMs: 500,
};

const PACE: StreamPace = {
  batchEvents: 10,
  batchBytes: 2 ** 20,
  batchAgeMs: 100,
  concurrency: 3,
  timeoutMs: 30_000,
  eventsPerSecond: null,
  keepOrder: true,
  retryMs: 4 * 3_600_000,
  attemptsMax: 20,
};

export interface ScenarioOptions {
  order?: 'user' | 'log';
  pace?: Partial<StreamPace>;
  settings?: Partial<DeliverSettings>;
  plan?: Partial<RoutingPlan>;
  random?: Random;
  /** The log's; `PARTITION` alone by default. */
  partitions?: readonly string[];
  deliver(batch: DeliveryBatch, signal: AbortSignal): Promise<DeliveryOutcome[]>;
}

export interface Scenario {
  clock: VirtualClock;
  state(): DeliveryState;
  stream(): DeliveryStream;
  /** Adds a record with these events; returns them as they will be delivered. */
  write(...events: { userId: string; event?: string }[]): StoredEvent[];
  /** The same, to any partition. */
  writeTo(partition: string, ...events: { userId: string; event?: string }[]): StoredEvent[];
  /** Adds bytes that are no record. */
  writeDamage(bytes: number): void;
  /** How the run of the present stream ended, once it has. */
  end(): string | null;
  start(): void;
  /** Abandons the stream and its uncommitted work; `start` begins anew. */
  crash(): void;
  /** Everything that was read is settled and committed. */
  isIdle(): boolean;
  counts(): Record<string, number>;
  remove(): Promise<void>;
}

/** A generator of numbers from a seed, so that a failing run can be repeated. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const below = (bound: number): number => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
  return {
    below,
    bytes: (count) => Uint8Array.from({ length: count }, () => below(256)),
    uuid: () => `00000000-0000-4000-8000-${String(below(1e12)).padStart(12, '0')}`,
  };
}

export async function createScenario(options: ScenarioOptions): Promise<Scenario> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-delivery-'));
  const path = join(folder, 'state.db');
  const clock = createVirtualClock();
  const random = options.random ?? seededRandom(1);
  const partitions = options.partitions ?? [PARTITION];
  const logs = new Map(partitions.map((name) => [name, { records: [] as FeedRecord[], end: 0 }]));
  const settings = { ...SETTINGS, ...options.settings };
  const pace = { ...PACE, ...(options.order === 'log' && { concurrency: 1 }), ...options.pace };
  let state = openDeliveryState(path);
  let stream: DeliveryStream | undefined;
  let ended: string | null = null;
  const begin = { start: 0, position: 0, end: null };
  state.addCursors(LIVE_STREAM, new Map(partitions.map((name) => [name, begin])));
  const logOf = (partition: string) => {
    const log = logs.get(partition);
    if (!log) throw new Error(`there is no partition ${partition}`);
    return log;
  };

  const feed: Feed = {
    read(partition, from, upTo) {
      const { records } = logOf(partition);
      const found = records.filter(({ position, next }) => position >= from && next <= upTo);
      const part = found.slice(0, 20);
      const last = part.at(-1);
      if (from >= upTo) return Promise.resolve(null);
      // Damage is stepped over.
      const next = last && part.length < found.length ? last.next : upTo;
      return Promise.resolve({ records: part, next, bytes: next - from });
    },
    event(partition, position, index) {
      const record = logOf(partition).records.find((one) => one.position === position);
      return Promise.resolve(record?.events.find((event) => event.index === index) ?? null);
    },
    segments: () => Promise.resolve([]),
    firstPosition: () => Promise.resolve(null),
    close: () => Promise.resolve(),
  };
  const destination: Destination = {
    deliver: options.deliver,
    close: () => Promise.resolve(),
  };
  const plan: RoutingPlan = {
    target: { class: 'cloud', id: 'd1', slug: 'd', names: ['D'] },
    isInternal: () => false,
    isDisabled: false,
    isSuppressed: () => false,
    consentCategories: [],
    isConnected: () => true,
    filters: compileFilters([]),
    accepts: null,
    replay: null,
    ...options.plan,
  };
  const start = (): void => {
    const create = options.order === 'log' ? createLogOrderStream : createUserOrderStream;
    ended = null;
    const own = create({
      destinationId: 'd1',
      stream: LIVE_STREAM,
      replayId: null,
      destination,
      pace,
      settings,
      state,
      feed,
      plan,
      breaker: createBreaker(settings, clock, random),
      source: (number) => ({ id: `s${number}`, slug: `s${number}` }),
      judgedEnd: (partition) => logOf(partition).end,
      clock,
      random,
      logger: SILENT,
      meters: createDeliveryMeters(createMetricsRegistry(), 'd'),
    });
    stream = own;
    own.run().then(
      (how) => {
        if (stream === own) ended = how;
      },
      (error: unknown) => {
        if (stream === own) ended = String(error);
      },
    );
  };
  const writeTo: Scenario['writeTo'] = (partition, ...given) => {
    const log = logOf(partition);
    const position = log.end;
    log.end += 100 * Math.max(1, given.length);
    const events = given.map(({ userId, event = 'E' }, index) =>
      eventAt({ partition, position, index }, userId, event, clock.wallMs()),
    );
    log.records.push({ position, next: log.end, events, bytes: log.end - position });
    stream?.wake();
    return events;
  };
  return {
    clock,
    state: () => state,
    stream() {
      if (!stream) throw new Error('not started');
      return stream;
    },
    write: (...given) => writeTo(PARTITION, ...given),
    writeTo,
    writeDamage(bytes) {
      logOf(PARTITION).end += bytes;
    },
    end: () => ended,
    start,
    crash() {
      const old = stream;
      stream = undefined;
      state.close();
      old?.stop();
      state = openDeliveryState(path);
    },
    isIdle() {
      const cursors = state.cursors(LIVE_STREAM);
      const isRead = partitions.every((name) => cursors.get(name)?.position === logOf(name).end);
      return isRead && state.waiting(LIVE_STREAM).length === 0;
    },
    counts() {
      const sums: Record<string, number> = {};
      for (const { outcome, reason, count } of state.counts(LIVE_STREAM)) {
        const key = reason === '' ? outcome : `${outcome} ${reason}`;
        sums[key] = (sums[key] ?? 0) + count;
      }
      return sums;
    },
    async remove() {
      stream?.stop();
      stream = undefined;
      state.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function eventAt(
  { partition, position, index }: { partition: string; position: number; index: number },
  userId: string,
  event: string,
  nowMs: number,
): StoredEvent {
  const suffix = partition === PARTITION ? '' : `-${partition}`;
  const messageId = `m-${position}-${index}${suffix}`;
  return storedEvent({
    sourceNumber: 1,
    partition,
    position,
    index,
    type: 'track',
    messageId,
    messageIdAssigned: false,
    userId,
    anonymousId: null,
    groupId: null,
    previousId: null,
    event,
    name: null,
    category: null,
    timestampMs: nowMs,
    originalTimestampMs: nowMs,
    sentAtMs: null,
    receivedAtMs: nowMs,
    channel: 'server',
    message: { type: 'track', userId, event, messageId, properties: {}, context: {} },
  });
}
