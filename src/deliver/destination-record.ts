/** A destination as it is configured, with everything settled; plain data that can be posted. */
import type { DestinationState } from '../store/destinations/destination-shapes.ts';
import type { DeliveryOverrides } from './delivery-shapes.ts';

/** Where a new destination begins: with the next event, the oldest in the log, or a time. */
export type DeliveryStart = 'now' | 'beginning' | { fromMs: number };

export interface DestinationRecord {
  id: string;
  slug: string;
  name: string;
  type: string;
  region: string;
  state: DestinationState;
  /** Slugs of the sources that are connected; null: all of the region. */
  sources: readonly string[] | null;
  settings: unknown;
  /** Categories that a user must have consented to, all of them. */
  consentCategories: readonly string[];
  /** As `parseFilters` takes them. */
  filters: unknown;
  delivery: DeliveryOverrides;
  start: DeliveryStart;
}

/** General settings of delivery, from the configuration. */
export interface DeliverSettings {
  retryHours: number;
  attemptsMax: number;
  retryDelayMsMin: number;
  retryDelayMsMax: number;
  /** Batches in a row that fail before the breaker opens. */
  breakerFailures: number;
  breakerDelayMsMax: number;
  /** Most events of a destination in memory. */
  windowEvents: number;
  windowBytes: number;
  /** Most events of a destination that wait for a retry; then reading pauses. */
  waitingMax: number;
  /** How long the log waits for the slowest destination. */
  holdHours: number;
  holdBytesMax: number | null;
  deadLettersMax: number;
  deadLetterDays: number;
  attemptHours: number;
  attemptsKeptMax: number;
  pollMs: number;
}
