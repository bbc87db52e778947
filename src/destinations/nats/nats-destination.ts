/** An open destination of NATS: one connection, made when it is needed and kept while it lasts. */
import { jetstreamManager } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
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

interface NatsState {
  settings: NatsSettings;
  net: Net;
  link: Promise<NatsLink> | null;
  isClosed: boolean;
}

const PUBLISH_MS_MAX = 10_000;

export function openNats(settings: NatsSettings, net: Net): Destination {
  const state: NatsState = { settings, net, link: null, isClosed: false };
  return {
    deliver: (batch, signal) => deliver(state, batch, signal),
    test: (signal) => test(state, signal),
    async close() {
      state.isClosed = true;
      await drop(state);
    },
  };
}

async function deliver(
  state: NatsState,
  { events, replayId }: DeliveryBatch,
  signal: AbortSignal,
): Promise<DeliveryOutcome[]> {
  const written = writeEvents(events);
  const send = (): Promise<DeliveryOutcome[]> =>
    inLanes(written.events, (event, place) =>
      publish(state, event, written.texts[place] ?? NOTHING, replayId),
    );
  const aborted = written.events.map(() => ABORTED);
  return mergeOutcomes(written, await untilAbort(signal, send, () => dropFor(state, aborted)));
}

function publish(
  state: NatsState,
  event: DeliveryEvent,
  text: Uint8Array,
  replayId: string | null,
): Promise<DeliveryOutcome> {
  const { subject, stream } = state.settings;
  const { sourceSlug: source, type, messageId, idempotencyKey } = event;
  const about = headers();
  about.set('message-id', oneLine(messageId));
  about.set('source', source);
  if (replayId !== null) about.set('replay', oneLine(replayId));
  return attempt(state, ({ client }) =>
    client.publish(subjectOf(subject, { source, type }), text, {
      msgID: idempotencyKey,
      headers: about,
      timeout: PUBLISH_MS_MAX,
      ...(stream === null ? {} : { expect: { streamName: stream } }),
    }),
  );
}

async function test(state: NatsState, signal: AbortSignal): Promise<void> {
  const { stream } = state.settings;
  const ask = (): Promise<DeliveryOutcome> =>
    attempt(state, async ({ connection }) => {
      const manager = await jetstreamManager(connection);
      if (stream === null) await manager.getAccountInfo();
      else await manager.streams.info(stream);
    });
  const outcome = await untilAbort(signal, ask, () => dropFor(state, ABORTED));
  if (outcome.kind === 'delivered') return;
  throw new MillraceError('DESTINATION_TEST_FAILED', outcome.message);
}

async function attempt(
  state: NatsState,
  call: (link: NatsLink) => Promise<unknown>,
): Promise<DeliveryOutcome> {
  if (state.isClosed) return ABORTED;
  try {
    await call(await linkOf(state));
    return { kind: 'delivered' };
  } catch (error) {
    return outcomeOfFailure(error, !hasPlaceholder(state.settings.subject));
  }
}

function linkOf(state: NatsState): Promise<NatsLink> {
  if (state.link) return state.link;
  const opening = openLink(state.settings, state.net);
  state.link = opening;
  const forget = (): void => {
    if (state.link === opening) state.link = null;
  };
  opening.then(({ connection }) => connection.closed().then(forget), forget);
  return opening;
}

/** An abort ends the connection, and with it all that waits for answers. */
function dropFor<T>(state: NatsState, instead: T): T {
  void drop(state);
  return instead;
}

async function drop(state: NatsState): Promise<void> {
  const dropped = state.link;
  state.link = null;
  // One that could not be opened needs no closing.
  const opened = await dropped?.catch(() => null);
  await opened?.connection.close();
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
