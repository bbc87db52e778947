/**
 * What a destination is to the delivery engine, and the engine to a destination. The engine owns
 * reading, routing, batches, order, retries, time and accounting; a destination turns events into
 * calls of one service and says, for each event, what became of it. Every destination passes
 * the suite of test/destinations.
 */
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { JsonObject } from '../events/json.ts';
import type { EventType } from '../events/routes.ts';
import type { Net } from '../net/net.ts';
import type { Logger } from '../observe/logger.ts';
import type {
  DeliveryDefaults,
  DestinationClass,
  SettingField,
} from './destination-type-shapes.ts';

/** One event on its way to one destination, after routing. */
export interface DeliveryEvent {
  /** Where its record is in the log; with `index` it identifies the event for ever. */
  readonly partition: string;
  readonly position: number;
  readonly index: number;
  readonly sourceNumber: number;
  readonly sourceSlug: string;
  readonly sourceId: string;
  readonly type: EventType;
  readonly messageId: string;
  readonly userId: string | null;
  readonly anonymousId: string | null;
  readonly receivedAtMs: number;
  readonly timestampMs: number;
  /** In Segment's delivered shape, after destination filters. Shared: never change it. */
  readonly message: JsonObject;
  /** The message as JSON on one line, as it was sent; absent when filters have changed it. */
  readonly json?: Uint8Array | undefined;
  /** The same at every attempt, after every restart; a replay has another. 32 hex digits. */
  readonly idempotencyKey: string;
  /** Attempts that failed before this one. */
  readonly attempts: number;
  /** What the destination returned as `progress` of the last attempt. */
  readonly progress: string | null;
}

export interface DeliveryBatch {
  /** At least one, in log order per partition. */
  readonly events: readonly DeliveryEvent[];
  /**
   * Identifies the batch. With `order: 'log'` it survives a crash: the same token always comes with
   * the same events, so a service that deduplicates by token stores them exactly once.
   */
  readonly token: string;
  /** Null for live delivery. */
  readonly replayId: string | null;
  /** Place in the log by partition, half-open; for destinations with `order: 'log'`. */
  readonly ranges: readonly { partition: string; from: number; to: number }[];
}

/** Facts of an attempt, kept for trace and dead letters. */
interface Answer {
  /** HTTP status or the like, if there was an answer. */
  status?: number | undefined;
  /** The answer, cut to a few kilobytes; never a secret. */
  response?: string | undefined;
}

interface Failure extends Answer {
  /** A code of `DELIVERY_REASONS`. */
  reason: string;
  message: string;
}

export type DeliveryOutcome =
  | ({ kind: 'delivered' } & Answer)
  /** May succeed later. */
  | ({
      kind: 'retry';
      /** Not before so many milliseconds from now (Retry-After). */
      afterMs?: number | undefined;
      /** `destination`: nothing would get through now (it counts for the breaker). */
      scope: 'destination' | 'event';
      /** Opaque; given back at the next attempt, such as which parts are done. */
      progress?: string | undefined;
    } & Failure)
  /** Will never succeed: becomes a dead letter. */
  | ({ kind: 'dead' } & Failure)
  /** The batch was refused for a reason that may lie in one event: each is tried alone. */
  | ({ kind: 'isolate' } & Failure)
  /** The destination decided that it does not want the event. */
  | ({ kind: 'filtered' } & Failure);

/** An open destination. */
export interface Destination {
  /**
   * A reason (of `DELIVERY_REASONS`) not to send this event, or null to send it. Called after all
   * other routing; must be pure and fast. Absent: every event is sent.
   */
  accepts?(event: DeliveryEvent): string | null;
  /**
   * Tries once and returns an outcome for each event, in order. Network trouble is an outcome, not
   * an exception; what is thrown counts as a defect of the destination, and the events are tried
   * alone. Must settle soon after the signal aborts.
   */
  deliver(batch: DeliveryBatch, signal: AbortSignal): Promise<DeliveryOutcome[]>;
  /** Proves the settings with a harmless call. @throws MillraceError DESTINATION_TEST_FAILED */
  test?(signal: AbortSignal): Promise<void>;
  /** Asks the service to forget users. @throws MillraceError UNAVAILABLE to be asked again. */
  deleteUsers?(userIds: readonly string[], signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** What a destination is given when it is opened. */
export interface DestinationContext {
  destinationId: string;
  slug: string;
  region: string;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** The only way out. */
  net: Net;
  /** A folder of its own for temporary files; emptied at each start. */
  temporaryFolder: string;
  /** What `keepTokens` was given last, of this destination; undefined when nothing was. */
  keptTokens(): unknown;
  /** Keeps tokens that a service gave instead of the configured ones, sealed, over restarts. */
  keepTokens(tokens: JsonObject): void;
  /** Sources that can send to it, by number. */
  sources(): ReadonlyMap<number, { id: string; slug: string; name: string }>;
}

/** A kind of destination; settings are `unknown` until `parseSettings` has passed them. */
export interface DestinationType {
  /** What a configuration calls it: `webhook`, `postgres`, `actions-slack`. */
  name: string;
  title: string;
  /** Keys under which `integrations` may name it, beside its own name and slug. */
  integrationNames: readonly string[];
  class: DestinationClass;
  /**
   * `user`: events of a user keep their order, failed ones wait aside. `log`: one batch at a time
   * in log order; one that fails is tried again as it is, with its token, until it succeeds.
   */
  order: 'user' | 'log';
  defaults: DeliveryDefaults;
  /** What the destination's own settings say of it, such as one event a request. */
  batching?(settings: unknown): Partial<DeliveryDefaults>;
  fields: readonly SettingField[];
  /**
   * Checks settings and addresses as far as it goes without the network.
   * @throws MillraceError DESTINATION_INVALID naming the field
   */
  parseSettings(settings: unknown, net: Net): unknown;
  /** @param settings as returned by `parseSettings`. */
  open(settings: unknown, context: DestinationContext): Promise<Destination>;
}
