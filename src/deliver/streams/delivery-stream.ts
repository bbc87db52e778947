/**
 * A stream carries events from the log to one destination: the live one for ever, a replay to its
 * end. Both kinds of order are streams; this is what they are given and what they show.
 */
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { StoredEvent } from '../../events/raw-event.ts';
import type { Logger } from '../../observe/logger.ts';
import type { Breaker } from './breaker.ts';
import type { StreamStatus } from '../delivery-shapes.ts';
import type { Destination } from '../../destinations/destination-contract.ts';
import type { SourceName } from '../routing/routed-event.ts';
import type { DeliveryMeters } from '../delivery-meters.ts';
import type { DeliverSettings } from '../destination-record.ts';
import type { Feed } from '../feed/feed-contract.ts';
import type { RoutingPlan } from '../routing/event-router.ts';
import type { DeliveryState } from '../state/delivery-state.ts';
import type { WaitingEvent } from '../state/delivery-rows.ts';

/** How this destination wants its events, all settled. */
export interface StreamPace {
  batchEvents: number;
  batchBytes: number;
  batchAgeMs: number;
  concurrency: number;
  timeoutMs: number;
  eventsPerSecond: number | null;
  keepOrder: boolean;
  retryMs: number;
  attemptsMax: number;
}

export interface StreamContext {
  destinationId: string;
  /** `live`, or the id of a replay. */
  stream: string;
  replayId: string | null;
  destination: Destination;
  pace: StreamPace;
  settings: DeliverSettings;
  state: DeliveryState;
  feed: Feed;
  plan: RoutingPlan;
  /** Shared by the streams of a destination. */
  breaker: Breaker;
  source(number: number): SourceName;
  /** How far the dispatcher has judged. */
  judgedEnd(partition: string): number;
  clock: Clock;
  random: Random;
  logger: Logger;
  meters: DeliveryMeters;
}

export interface DeliveryStream {
  /**
   * Runs until stopped, or to the end of a replay. Rejects when the state cannot be kept; then it
   * may be started anew, from what is durable.
   */
  run(): Promise<'stopped' | 'done'>;
  /** There may be something new to read. */
  wake(): void;
  /** Stops reading and sending; what is under way gets a moment to end. */
  stop(): void;
  pause(isPaused: boolean): void;
  /** Events below the position are given up: they are counted dead (LOG_EXPIRED). */
  expireBefore(partition: string, position: number): void;
  /** Takes over rows that were added to the state: dead letters that are tried again. */
  adopt(rows: readonly WaitingEvent[]): void;
  status(): StreamStatus;
}

/** Whether an event belongs to a replay. */
export type ReplaySelection = (event: StoredEvent) => boolean;
