/**
 * Publishes events to NATS JetStream. Each is acknowledged by its stream, which knows it by its
 * `Nats-Msg-Id` and stores it once (docs/destinations/nats.md).
 */
import { MillraceError } from '../../base/errors.ts';
import type {
  DeliveryEvent,
  DeliveryOutcome,
  Destination,
  DestinationContext,
  DestinationType,
} from '../destination-contract.ts';
import { mergeOutcomes, writeEvents } from '../event-json.ts';
import { inLanes } from '../lanes.ts';
import { untilAbort } from '../until-abort.ts';
import type { NatsLink } from './nats-connection.ts';
import { NATS_FIELDS, hasPlaceholder, parseNatsSettings, subjectOf } from './nats-settings.ts';
import type { NatsSettings } from './nats-settings.ts';

const PUBLISH_MS_MAX = 10_000;

export const nats: DestinationType = {
  name: 'nats',
  title: 'NATS JetStream',
  integrationNames: ['NATS'],
  class: 'stream',
  order: 'user',
  defaults: {
    batchEvents: 500,
    batchBytes: 4_000_000,
    batchAgeMs: 100,
    concurrency: 4,
    timeoutMs: 30_000,
  },
  fields: NATS_FIELDS,
  parseSettings: parseNatsSettings,
  open: (settings, context) => openNats(settings as NatsSettings, context),
};

async function openNats(settings: NatsSettings, { net }: DestinationContext): Promise<Destination> {
  // Loaded at first use, as other large libraries are.
  const { openLink } = await import('./nats-connection.ts');
  const { outcomeOfFailure } = await import('./nats-outcomes.ts');
  const { headers } = await import('@nats-io/transport-node');
  const isOneSubject = !hasPlaceholder(settings.subject);
  let current: Promise<NatsLink> | null = null;
  let isClosed = false;

  const link = (): Promise<NatsLink> => {
    if (current) return current;
    const opening = openLink(settings, net);
    current = opening;
    const forget = (): void => {
      if (current === opening) current = null;
    };
    opening.then(({ connection }) => connection.closed().then(forget), forget);
    return opening;
  };
  const drop = async (): Promise<void> => {
    const dropped = current;
    current = null;
    // One that could not be opened needs no closing.
    const opened = await dropped?.catch(() => null);
    await opened?.connection.close();
  };
  const attempt = async (call: (link: NatsLink) => Promise<unknown>): Promise<DeliveryOutcome> => {
    if (isClosed) return ABORTED;
    try {
      await call(await link());
      return { kind: 'delivered' };
    } catch (error) {
      return outcomeOfFailure(error, isOneSubject);
    }
  };
  /** An abort ends the connection, and with it all that waits for answers. */
  const onAbort = <T>(instead: T) => {
    return (): T => {
      void drop();
      return instead;
    };
  };
  const publish = (
    event: DeliveryEvent,
    text: Uint8Array,
    replayId: string | null,
  ): Promise<DeliveryOutcome> => {
    const { sourceSlug: source, type, messageId, idempotencyKey } = event;
    const about = headers();
    about.set('message-id', oneLine(messageId));
    about.set('source', source);
    if (replayId !== null) about.set('replay', oneLine(replayId));
    return attempt(({ client }) =>
      client.publish(subjectOf(settings.subject, { source, type }), text, {
        msgID: idempotencyKey,
        headers: about,
        timeout: PUBLISH_MS_MAX,
        ...(settings.stream === null ? {} : { expect: { streamName: settings.stream } }),
      }),
    );
  };

  return {
    async deliver(batch, signal) {
      const written = writeEvents(batch.events);
      const send = () =>
        inLanes(written.events, (event, place) =>
          publish(event, written.texts[place] ?? NOTHING, batch.replayId),
        );
      const aborted = written.events.map(() => ABORTED);
      const outcomes = await untilAbort(signal, send, onAbort(aborted));
      return mergeOutcomes(written, outcomes);
    },
    async test(signal) {
      const { jetstreamManager } = await import('@nats-io/jetstream');
      const ask = () =>
        attempt(async ({ connection }) => {
          const manager = await jetstreamManager(connection);
          if (settings.stream === null) await manager.getAccountInfo();
          else await manager.streams.info(settings.stream);
        });
      const outcome = await untilAbort(signal, ask, onAbort(ABORTED));
      if (outcome.kind === 'delivered') return;
      throw new MillraceError('DESTINATION_TEST_FAILED', outcome.message);
    },
    async close() {
      isClosed = true;
      await drop();
    },
  };
}

const NOTHING = Buffer.alloc(0);
const ABORTED: DeliveryOutcome = {
  kind: 'retry',
  scope: 'destination',
  reason: 'TIMEOUT',
  message: 'no answer of the server in time',
};

/** A header is a line. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ').toWellFormed();
}
