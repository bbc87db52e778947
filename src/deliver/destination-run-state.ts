/** What a destination at work knows of itself; the functions beside it open, run and stop it. */
import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import type { Random } from '../base/random.ts';
import type { Destination, DestinationType } from '../destinations/destination-contract.ts';
import type { Net } from '../net/net.ts';
import { withFields } from '../observe/logger.ts';
import type { Logger } from '../observe/logger.ts';
import type { MetricsRegistry } from '../observe/metrics.ts';
import { createDeliveryMeters } from './delivery-meters.ts';
import type { DeliveryMeters } from './delivery-meters.ts';
import type { DeliverSettings, DestinationRecord } from './destination-record.ts';
import type { Feed } from './feed/feed-contract.ts';
import type { SourceName } from './routing/routed-event.ts';
import type { DeliveryState } from './state/delivery-state.ts';
import { createBreaker } from './streams/breaker.ts';
import type { Breaker } from './streams/breaker.ts';
import type { DeliveryStream } from './streams/delivery-stream.ts';
import { backoffMs } from './streams/retry-delay.ts';

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
  /** Tokens that services gave, by the ids of destinations. */
  renewedTokens(destinationId: string): unknown;
  keepTokens(destinationId: string, tokens: unknown): void;
  /** Partitions of a region. */
  partitions(region: string): readonly string[];
  judgedEnd(partition: string): number;
}

export interface RunState {
  readonly record: DestinationRecord;
  readonly seams: RunSeams;
  readonly logger: Logger;
  readonly meters: DeliveryMeters;
  /** Of the service, so all its streams share it. */
  readonly breaker: Breaker;
  /** The live one and the replays, by their names. */
  readonly streams: Map<string, RunningStream>;
  readonly stopping: AbortController;
  /** Null until it can be opened, and after the stop. */
  state: DeliveryState | null;
  type: DestinationType | undefined;
  /** Null until it is open. */
  destination: Destination | null;
  /** What keeps it from working at all, or null. */
  failure: string | null;
}

export interface RunningStream {
  /** Null until it is first made. */
  stream: DeliveryStream | null;
  isPaused: boolean;
  isStopping: boolean;
  ended: Promise<void>;
}

const RESTART_MS_MIN = 1_000;
const RESTART_MS_MAX = 60_000;

/** Nothing of it is open yet. */
export function createRunState(record: DestinationRecord, seams: RunSeams): RunState {
  const { settings, clock, random } = seams;
  return {
    record,
    seams,
    logger: withFields(seams.logger, { destination: record.slug }),
    meters: createDeliveryMeters(seams.metrics, record.slug),
    breaker: createBreaker(settings, clock, random),
    streams: new Map(),
    stopping: new AbortController(),
    state: null,
    type: undefined,
    destination: null,
    failure: null,
  };
}

/** The pause before what failed is tried again; ends with the run. */
export function restBeforeRestart({ seams, stopping }: RunState, attempt: number): Promise<void> {
  const restMs = backoffMs(attempt, RESTART_MS_MIN, RESTART_MS_MAX);
  // The only reason to reject is the stop.
  return seams.clock.sleep(restMs, stopping.signal).catch(() => undefined);
}
