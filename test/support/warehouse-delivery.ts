/** Events, batches and the surroundings of a destination, for tests of warehouses. */
import { tmpdir } from 'node:os';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { netSchema } from '../../src/config/net-schema.ts';
import type {
  DeliveryBatch,
  DeliveryEvent,
  Destination,
  DestinationContext,
  DestinationType,
} from '../../src/destinations/destination-contract.ts';
import type { JsonObject } from '../../src/events/json.ts';
import type { EventType } from '../../src/events/routes.ts';
import { createNet } from '../../src/net/guarded-net.ts';
import type { Net } from '../../src/net/net.ts';
import { createLogger } from '../../src/observe/logger.ts';

export const RECEIVED_AT_MS = Date.parse('2026-02-01T10:00:00.000Z');
const PARTITION = 'local/0';

export interface EventParts {
  position: number;
  type?: EventType;
  slug?: string;
  userId?: string | null;
  anonymousId?: string | null;
  timestampMs?: number;
  receivedAtMs?: number;
  /** Over a message with the ids and times of the event. */
  message?: JsonObject;
}

/** An event as the engine hands it over; by default a track of `Order Completed`. */
export function deliveryEvent(parts: EventParts): DeliveryEvent {
  const { position, type = 'track', slug = 'my-shop', userId = 'u1', anonymousId = null } = parts;
  const { receivedAtMs = RECEIVED_AT_MS + position, timestampMs = receivedAtMs } = parts;
  const messageId = `m-${position}`;
  const iso = new Date(timestampMs).toISOString();
  const message: JsonObject = {
    type,
    messageId,
    userId,
    anonymousId,
    timestamp: iso,
    originalTimestamp: iso,
    context: { library: { name: 'tests' } },
    ...(type === 'track' ? { event: 'Order Completed', properties: {} } : {}),
    ...parts.message,
  };
  return {
    partition: PARTITION,
    position,
    index: 0,
    sourceNumber: 1,
    sourceSlug: slug,
    sourceId: `id-of-${slug}`,
    type,
    messageId,
    userId,
    anonymousId,
    receivedAtMs,
    timestampMs,
    message,
    idempotencyKey: String(position).padStart(32, '0'),
    attempts: 0,
    progress: null,
  };
}

/** A batch of events that follow each other in the log. */
export function batchOf(
  events: readonly DeliveryEvent[],
  options: { replayId?: string } = {},
): DeliveryBatch {
  const positions = events.map(({ position }) => position);
  const [from, to] = [Math.min(...positions), Math.max(...positions) + 1];
  const { replayId = null } = options;
  const token = `${replayId ?? 'live'}-${from}-${to}`;
  return { events, token, replayId, ranges: [{ partition: PARTITION, from, to }] };
}

export interface OpenedDestination {
  destination: Destination;
  /** Delivers events as one batch; returns what became of each. */
  deliver(
    events: readonly DeliveryEvent[],
    options?: { replayId?: string; signal?: AbortSignal },
  ): ReturnType<Destination['deliver']>;
  close(): Promise<void>;
}

/** The real way out, open to this machine, which every name leads to, and to some ports. */
export function openNet(ports: readonly number[] = []): Net {
  const settings = netSchema.parse({ allow: ['127.0.0.1'], ports: [...ports] });
  const lookup = () => Promise.resolve([{ address: '127.0.0.1', family: 4 } as const]);
  return createNet({ settings, clock: systemClock, lookup });
}

/** Opens a destination as the engine would. */
export async function openDestination(
  type: DestinationType,
  settings: unknown,
  options: { destinationId?: string; slugs?: readonly string[]; ports?: readonly number[] } = {},
): Promise<OpenedDestination> {
  const net = openNet(options.ports);
  const slugs = options.slugs ?? ['my-shop'];
  const context: DestinationContext = {
    destinationId: options.destinationId ?? 'destination-1',
    slug: 'warehouse',
    region: 'local',
    clock: systemClock,
    random: systemRandom,
    logger: createLogger('test', 'silent'),
    net,
    temporaryFolder: tmpdir(),
    keptTokens: () => undefined,
    keepTokens: () => undefined,
    sources: () => new Map(slugs.map((slug, at) => [at + 1, { id: slug, slug, name: slug }])),
  };
  const destination = await type.open(type.parseSettings(settings, net), context);
  const never = new AbortController().signal;
  return {
    destination,
    deliver: (events, { replayId, signal = never } = {}) =>
      destination.deliver(batchOf(events, replayId === undefined ? {} : { replayId }), signal),
    async close() {
      await destination.close();
      await net.close();
    },
  };
}
