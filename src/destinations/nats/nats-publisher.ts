/**
 * Publishes over one connection, opened when it is needed. An abort ends the connection, and with
 * it all that waits for answers.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import type { MsgHdrs } from '@nats-io/transport-node';
import { MillraceError } from '../../base/errors.ts';
import type { Net } from '../../net/net.ts';
import type {
  DeliveryBatch,
  DeliveryEvent,
  DeliveryOutcome,
  Destination,
} from '../destination-contract.ts';
import { mergeOutcomes, writeEvents } from '../event-json.ts';
import { inLanes } from '../lanes.ts';
import { untilAbort } from '../until-abort.ts';
import { openLink } from './nats-connection.ts';
import type { NatsLink } from './nats-connection.ts';
import { outcomeOfFailure } from './nats-outcomes.ts';
import { hasPlaceholder, subjectOf } from './nats-settings.ts';
import type { NatsSettings } from './nats-settings.ts';

interface Publisher {
  readonly settings: NatsSettings;
  readonly net: Net;
  /** All events go to one subject, so what is wrong with it is wrong for all. */
  readonly isOneSubject: boolean;
  /** Open, or being opened; null: the next call opens one. */
  link: Promise<NatsLink> | null;
  isClosed: boolean;
}

const PUBLISH_MS_MAX = 10_000;
const NOTHING = Buffer.alloc(0);
const ABORTED: DeliveryOutcome = {
  kind: 'retry',
  scope: 'destination',
  reason: 'TIMEOUT',
  message: 'no answer of the server in time',
};

/** Connects at the first batch. */
export function openPublisher(settings: NatsSettings, net: Net): Destination {
  const isOneSubject = !hasPlaceholder(settings.subject);
  const publisher: Publisher = { settings, net, isOneSubject, link: null, isClosed: false };
  return {
    deliver: (batch, signal) => publishBatch(publisher, batch, signal),
    test: (signal) => testStream(publisher, signal),
    async close() {
      publisher.isClosed = true;
      await dropLink(publisher);
    },
  };
}

async function publishBatch(
  publisher: Publisher,
  { events, replayId }: DeliveryBatch,
  signal: AbortSignal,
): Promise<DeliveryOutcome[]> {
  const written = writeEvents(events);
  const publish = (event: DeliveryEvent, place: number): Promise<DeliveryOutcome> =>
    publishEvent(publisher, event, written.texts[place] ?? NOTHING, replayId);
  const outcomes = await untilAbort(
    signal,
    () => inLanes(written.events, publish),
    () =>
      abandon(
        publisher,
        written.events.map(() => ABORTED),
      ),
  );
  return mergeOutcomes(written, outcomes);
}

function publishEvent(
  publisher: Publisher,
  event: DeliveryEvent,
  text: Uint8Array,
  replayId: string | null,
): Promise<DeliveryOutcome> {
  const { subject, stream } = publisher.settings;
  const about = headersOf(event, replayId);
  return withLink(publisher, ({ client }) =>
    client.publish(subjectOf(subject, { source: event.sourceSlug, type: event.type }), text, {
      msgID: event.idempotencyKey,
      headers: about,
      timeout: PUBLISH_MS_MAX,
      ...(stream === null ? {} : { expect: { streamName: stream } }),
    }),
  );
}

function headersOf({ messageId, sourceSlug }: DeliveryEvent, replayId: string | null): MsgHdrs {
  const about = headers();
  about.set('message-id', oneLine(messageId));
  about.set('source', sourceSlug);
  if (replayId !== null) about.set('replay', oneLine(replayId));
  return about;
}

/** A header is a line. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ').toWellFormed();
}

async function testStream(publisher: Publisher, signal: AbortSignal): Promise<void> {
  const { stream } = publisher.settings;
  const ask = (): Promise<DeliveryOutcome> =>
    withLink(publisher, async ({ connection }) => {
      const manager = await jetstreamManager(connection);
      if (stream === null) await manager.getAccountInfo();
      else await manager.streams.info(stream);
    });
  const outcome = await untilAbort(signal, ask, () => abandon(publisher, ABORTED));
  if (outcome.kind === 'delivered') return;
  throw new MillraceError('DESTINATION_TEST_FAILED', outcome.message);
}

async function withLink(
  publisher: Publisher,
  call: (link: NatsLink) => Promise<unknown>,
): Promise<DeliveryOutcome> {
  if (publisher.isClosed) return ABORTED;
  try {
    await call(await linkOf(publisher));
    return { kind: 'delivered' };
  } catch (error) {
    return outcomeOfFailure(error, publisher.isOneSubject);
  }
}

/** The connection that is open, or a new one. */
function linkOf(publisher: Publisher): Promise<NatsLink> {
  if (publisher.link) return publisher.link;
  const opening = openLink(publisher.settings, publisher.net);
  publisher.link = opening;
  const forget = (): void => {
    if (publisher.link === opening) publisher.link = null;
  };
  opening.then(({ connection }) => connection.closed().then(forget), forget);
  return opening;
}

/** Ends what is under way. @returns what is said of it instead. */
function abandon<T>(publisher: Publisher, instead: T): T {
  void dropLink(publisher);
  return instead;
}

async function dropLink(publisher: Publisher): Promise<void> {
  const dropped = publisher.link;
  publisher.link = null;
  // One that could not be opened needs no closing.
  const opened = await dropped?.catch(() => null);
  await opened?.connection.close();
}
