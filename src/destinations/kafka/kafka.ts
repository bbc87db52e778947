/**
 * Publishes events to Kafka: each one a record with its message as JSON, acknowledged by all
 * replicas in sync, those of a user in one partition and in order (docs/destinations/kafka.md).
 */
import { MillraceError } from '../../base/errors.ts';
import type {
  DeliveryBatch,
  DeliveryEvent,
  DeliveryOutcome,
  Destination,
  DestinationContext,
  DestinationType,
} from '../destination-contract.ts';
import { mergeOutcomes, writeEvents } from '../event-json.ts';
import { untilAbort } from '../until-abort.ts';
import type { GuardedProducer } from './guarded-producer.ts';
import { KAFKA_FIELDS, hasPlaceholder, parseKafkaSettings, topicOf } from './kafka-settings.ts';
import type { KafkaSettings } from './kafka-settings.ts';

/** Brokers take a batch of a partition up to 1 MiB (`message.max.bytes`), with its overhead. */
const SEND_BYTES_MAX = 900_000;
const NOTHING = Buffer.alloc(0);

export const kafka: DestinationType = {
  name: 'kafka',
  title: 'Apache Kafka',
  integrationNames: ['Kafka', 'Apache Kafka'],
  class: 'stream',
  order: 'user',
  defaults: {
    batchEvents: 1_000,
    batchBytes: SEND_BYTES_MAX,
    batchAgeMs: 100,
    concurrency: 4,
    timeoutMs: 45_000,
  },
  fields: KAFKA_FIELDS,
  parseSettings: parseKafkaSettings,
  open: (settings, context) => openKafka(settings as KafkaSettings, context),
};

/** What of a batch goes to the brokers in one call. */
interface Part {
  topic: string;
  bytes: number;
  /** Places in the batch. */
  places: number[];
}

async function openKafka(
  settings: KafkaSettings,
  { net }: DestinationContext,
): Promise<Destination> {
  // Loaded at first use: the library is large.
  const { openProducer } = await import('./guarded-producer.ts');
  const { outcomeOfFailure } = await import('./kafka-outcomes.ts');
  const isOneTopic = !hasPlaceholder(settings.topic);
  let current: GuardedProducer | null = null;
  let isClosed = false;

  const drop = async (producer: GuardedProducer): Promise<void> => {
    if (current === producer) current = null;
    // It may say that it has been closed before, or that brokers have gone.
    await producer.close().catch(() => undefined);
  };
  /** Runs a call; calls cannot be aborted, so an abort drops the producer under it. */
  const attempt = async (
    signal: AbortSignal,
    events: number,
    call: (producer: GuardedProducer) => Promise<unknown>,
  ): Promise<DeliveryOutcome> => {
    if (signal.aborted || isClosed) return ABORTED;
    const producer = (current ??= openProducer(settings, net));
    const called = (): Promise<DeliveryOutcome> =>
      call(producer).then(
        () => ({ kind: 'delivered' }),
        (error: unknown) => outcomeOfFailure(error, { events, isOneTopic }),
      );
    return untilAbort(signal, called, () => {
      void drop(producer);
      return ABORTED;
    });
  };

  return {
    async deliver(batch, signal) {
      const written = writeEvents(batch.events);
      const outcomes: DeliveryOutcome[] = [];
      const blocked = new Map<string, DeliveryOutcome>();
      let everything: DeliveryOutcome | undefined;
      for (const { topic, places } of partsOf(written, settings)) {
        const messages = places.map((place) => {
          const event = written.events[place] as DeliveryEvent;
          return recordOf(event, written.texts[place] ?? NOTHING, { topic, settings, batch });
        });
        // What failed goes first, or users would lose their order.
        const outcome: DeliveryOutcome =
          everything ??
          blocked.get(topic) ??
          (await attempt(signal, places.length, (producer) => producer.send({ messages })));
        if (outcome.kind === 'retry' && outcome.scope === 'destination') everything = outcome;
        else if (outcome.kind === 'retry' || outcome.kind === 'isolate')
          blocked.set(topic, outcome);
        for (const place of places) outcomes[place] = outcome;
      }
      return mergeOutcomes(written, outcomes);
    },
    async test(signal) {
      const topics = isOneTopic ? [settings.topic] : [];
      const outcome = await attempt(signal, 1, (producer) => producer.metadata({ topics }));
      if (outcome.kind === 'delivered') return;
      throw new MillraceError('DESTINATION_TEST_FAILED', outcome.message);
    },
    async close() {
      isClosed = true;
      if (current) await drop(current);
    },
  };
}

const ABORTED: DeliveryOutcome = {
  kind: 'retry',
  scope: 'destination',
  reason: 'TIMEOUT',
  message: 'no answer of the brokers in time',
};

/** By topic, and no larger than brokers take; the events of a topic stay in order. */
function partsOf(
  { events, texts }: { events: readonly DeliveryEvent[]; texts: readonly Buffer[] },
  settings: KafkaSettings,
): Part[] {
  const parts: Part[] = [];
  const last = new Map<string, Part>();
  for (const [place, { sourceSlug, type }] of events.entries()) {
    const topic = topicOf(settings.topic, { source: sourceSlug, type });
    const bytes = texts[place]?.length ?? 0;
    let part = last.get(topic);
    if (!part || part.bytes + bytes > SEND_BYTES_MAX) {
      part = { topic, bytes: 0, places: [] };
      last.set(topic, part);
      parts.push(part);
    }
    part.bytes += bytes;
    part.places.push(place);
  }
  return parts;
}

interface RecordContext {
  topic: string;
  settings: KafkaSettings;
  batch: DeliveryBatch;
}

function recordOf(event: DeliveryEvent, value: Buffer, { topic, settings, batch }: RecordContext) {
  const { anonymousId, userId, messageId, idempotencyKey, sourceSlug } = event;
  const user = anonymousId ?? userId;
  const key = { user, messageId, none: null }[settings.keyBy];
  return {
    topic,
    value,
    ...(key === null ? {} : { key }),
    headers: {
      messageId,
      'idempotency-key': idempotencyKey,
      source: sourceSlug,
      ...(batch.replayId === null ? {} : { replay: batch.replayId }),
    },
  };
}
