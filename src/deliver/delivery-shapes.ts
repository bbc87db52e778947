/** How delivery to a destination stands, and what became of its events. */
import type { DestinationState } from '../store/destinations/destination-shapes.ts';
import type { TracedAttempt } from './trace-shapes.ts';

/** What differs from the type's defaults, and from `deliver` in the configuration. */
export interface DeliveryOverrides {
  batchEvents?: number | undefined;
  batchBytes?: number | undefined;
  batchAgeMs?: number | undefined;
  concurrency?: number | undefined;
  timeoutMs?: number | undefined;
  /** Events per second at most; null: as fast as it goes. */
  eventsPerSecond?: number | null | undefined;
  /** False: events of one user may overtake each other. */
  keepOrder?: boolean | undefined;
  retryHours?: number | undefined;
  attemptsMax?: number | undefined;
}

export interface StreamStatus {
  /** Bytes of the log that are judged and not accounted for. */
  lagBytes: number;
  /** Age of what is being delivered; 0 when nothing is behind. */
  lagSeconds: number;
  inFlight: number;
  waiting: number;
  position: Record<string, number>;
}

export interface DestinationStatus {
  id: string;
  slug: string;
  name: string;
  type: string;
  region: string;
  state: DestinationState;
  /** What keeps it from working at all, or null. */
  failure: string | null;
  breaker: 'closed' | 'open' | 'half-open';
  deadLetters: number;
  live: StreamStatus | null;
  delivered: number;
  filtered: Record<string, number>;
  discarded: number;
  expired: number;
}

export interface OutcomeCount {
  outcome: string;
  /** Empty for delivered. */
  reason: string;
  count: number;
}

/** Events by the hour of their receipt. */
export interface HourCount {
  at: string;
  delivered: number;
  filtered: number;
  /** Discarded, and given up because the log could not keep them. */
  lost: number;
}

export interface RecentAttempt extends TracedAttempt {
  /** How many were in it. */
  events: number;
}

export interface DestinationOverview {
  status: DestinationStatus;
  /** Of live delivery, since it began. */
  outcomes: OutcomeCount[];
  hours: HourCount[];
  /** The newest first. */
  attempts: RecentAttempt[];
  dead: {
    id: number;
    messageId: string;
    type: string;
    event: string | null;
    reason: string;
    status: number | null;
    message: string;
    at: string;
  }[];
}
