/** Segment's destinations, opened as the engine opens them, with every service being one fake. */
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { netSchema } from '../../src/config/net-schema.ts';
import type {
  DeliveryBatch,
  DeliveryEvent,
  DeliveryOutcome,
  Destination,
} from '../../src/destinations/destination-contract.ts';
import { segmentDestinationType } from '../../src/destinations/segment-actions/segment-type.ts';
import type { JsonObject } from '../../src/events/json.ts';
import type { EventType } from '../../src/events/routes.ts';
import { createNet } from '../../src/net/guarded-net.ts';
import type { Net } from '../../src/net/net.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { startFakeService } from './fake-service.ts';
import type { FakeService } from './fake-service.ts';

/** Where a request was meant to go. */
export const MEANT_FOR = 'x-meant-for';

export interface SegmentHarness {
  service: FakeService;
  net: Net;
  /** Opens a destination, with the tokens that it kept when it was open before. */
  open(slug: string, settings: unknown): Promise<Destination>;
  close(): Promise<void>;
}

export async function startSegmentHarness(): Promise<SegmentHarness> {
  const service = await startFakeService();
  const settings = netSchema.parse({ allow: ['127.0.0.1'], ports: [service.port] });
  const guarded = createNet({ settings, clock: systemClock });
  const net: Net = {
    ...guarded,
    async request(request) {
      guarded.checkUrl(request.url);
      const url = new URL(request.url);
      if (url.hostname === '127.0.0.1') return guarded.request(request);
      const headers = { ...request.headers, [MEANT_FOR]: url.origin };
      return guarded.request({ ...request, headers, url: service.url + url.pathname + url.search });
    },
  };
  const opened: Destination[] = [];
  const kept = new Map<string, unknown>();
  return {
    service,
    net,
    async open(slug, given) {
      const type = segmentDestinationType(slug);
      if (!type) throw new Error(`no ${slug}`);
      const destination = await type.open(type.parseSettings(given, net), {
        destinationId: `dst_${slug}`,
        slug,
        region: 'us',
        clock: systemClock,
        random: systemRandom,
        logger: createLogger('test', 'silent'),
        net,
        temporaryFolder: '/nonexistent',
        keptTokens: () => kept.get(slug),
        keepTokens: (tokens) => void kept.set(slug, tokens),
        sources: () => new Map(),
      });
      opened.push(destination);
      return destination;
    },
    async close() {
      for (const destination of opened) await destination.close();
      await guarded.close();
      await service.close();
    },
  };
}

let positions = 0;

/** An event as the engine hands it over. */
export function eventOf(message: JsonObject, more: Partial<DeliveryEvent> = {}): DeliveryEvent {
  const position = ++positions;
  const userId = typeof message['userId'] === 'string' ? message['userId'] : null;
  const messageId = `m-${position}`;
  const timestamp = '2026-01-02T03:04:05.000Z';
  return {
    partition: 'p0',
    position,
    index: 0,
    sourceNumber: 1,
    sourceSlug: 'web',
    sourceId: 'src_1',
    type: message['type'] as EventType,
    messageId,
    userId,
    anonymousId: null,
    receivedAtMs: 1_767_323_045_000,
    timestampMs: 1_767_323_045_000,
    message: { messageId, timestamp, receivedAt: timestamp, context: {}, ...message },
    idempotencyKey: 'a'.repeat(32),
    attempts: 0,
    progress: null,
    ...more,
  };
}

/** Delivers once. */
export async function deliver(
  destination: Destination,
  events: readonly DeliveryEvent[],
  signal: AbortSignal = new AbortController().signal,
): Promise<DeliveryOutcome[]> {
  const batch: DeliveryBatch = { events, token: 't', replayId: null, ranges: [] };
  return await destination.deliver(batch, signal);
}
