/**
 * Sends events to a URL as JSON: Segment's webhook, byte for byte where it has a say (body,
 * User-Agent, X-Signature), with a stronger signature and a key for deduplication beside it.
 */
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import type {
  DeliveryBatch,
  DeliveryOutcome,
  Destination,
  DestinationContext,
  DestinationType,
} from '../destination-contract.ts';
import { joinTexts, mergeOutcomes, writeEvents } from '../event-json.ts';
import { outcomeOfAnswer, outcomeOfError } from '../http-outcome.ts';
import { checkUrlSetting, headersField, urlField } from '../http-settings.ts';
import { deleteMessage, testMessage } from '../service-messages.ts';
import { defineSettings } from '../destination-settings.ts';
import { signatureHeaders } from './signature.ts';

/** What Segment's webhooks say; receivers filter by it. */
const USER_AGENT = 'Segment.io/1.0';
const BATCH_EVENTS_MAX = 4_000;
const BATCH_BYTES = 4_000_000;

const settingsOf = defineSettings(
  z.strictObject({
    url: urlField('Where events are sent.'),
    method: z
      .enum(['POST', 'PUT', 'PATCH'])
      .meta({ label: 'Method', description: 'Method of the requests.' })
      .default('POST'),
    headers: headersField.default({}),
    sharedSecret: z
      .string()
      .min(1)
      .max(1_024)
      .nullable()
      .meta({
        label: 'Shared secret',
        description: 'Signs each request (X-Signature, X-Millrace-Signature); null: unsigned.',
        allowed: 'text, 1 to 1024 characters',
        isSecret: true,
      })
      .default(null),
    batch: z
      .boolean()
      .meta({
        label: 'Batch',
        description: 'Send JSON arrays of events; otherwise each request is one event.',
      })
      .default(false),
    batchEvents: z
      .int()
      .min(1)
      .max(BATCH_EVENTS_MAX)
      .meta({
        label: 'Events of a batch',
        description: 'Most events of a request, with batch on.',
        allowed: `integer, 1 to ${BATCH_EVENTS_MAX}`,
      })
      .default(1_000),
  }),
);

type WebhookSettings = ReturnType<typeof settingsOf.parse>;

export const webhook: DestinationType = {
  name: 'webhook',
  title: 'Webhook',
  integrationNames: ['Webhooks', 'Webhooks (Actions)', 'Webhook'],
  class: 'cloud',
  order: 'user',
  defaults: {
    batchEvents: 1,
    batchBytes: BATCH_BYTES,
    batchAgeMs: 1_000,
    concurrency: 10,
    timeoutMs: 10_000,
  },
  batching(settings) {
    const { batch, batchEvents } = settings as WebhookSettings;
    return { batchEvents: batch ? batchEvents : 1 };
  },
  fields: settingsOf.fields,
  parseSettings(given, net) {
    const settings = settingsOf.parse(given);
    checkUrlSetting(net, 'url', settings.url);
    return settings;
  },
  open: (settings, context) => Promise.resolve(openWebhook(settings as WebhookSettings, context)),
};

function openWebhook(settings: WebhookSettings, context: DestinationContext): Destination {
  const send = sender(settings, context);
  return {
    deliver: (batch, signal) =>
      settings.batch ? deliverTogether(send, batch, signal) : deliverAlone(send, batch, signal),
    async test(signal) {
      const text = Buffer.from(JSON.stringify(testMessage(context)));
      const outcome = await send([text], { idempotencyKey: context.random.uuid(), signal });
      if (outcome.kind === 'delivered') return;
      throw new MillraceError('DESTINATION_TEST_FAILED', outcome.message);
    },
    async deleteUsers(userIds, signal) {
      const texts = userIds.map((userId) =>
        Buffer.from(JSON.stringify(deleteMessage(context, userId))),
      );
      const size = settings.batch ? settings.batchEvents : 1;
      for (let at = 0; at < texts.length; at += size) {
        const idempotencyKey = context.random.uuid();
        const outcome = await send(texts.slice(at, at + size), { idempotencyKey, signal });
        if (outcome.kind === 'delivered') continue;
        const message = `users could not be deleted: ${outcome.message}`;
        const code = outcome.kind === 'retry' ? 'UNAVAILABLE' : 'INVALID_ARGUMENT';
        throw new MillraceError(code, message);
      }
    },
    close: () => Promise.resolve(),
  };
}

interface SendOptions {
  idempotencyKey: string;
  signal: AbortSignal;
  attempts?: number;
  replayId?: string | null;
}

/** @param texts JSON of each event; more than one only with `batch` on. */
type Send = (texts: readonly Buffer[], options: SendOptions) => Promise<DeliveryOutcome>;

const NOTHING = Buffer.alloc(0);
const LIST = { before: '[', between: ',', behind: ']' };

function sender(settings: WebhookSettings, { net, clock }: DestinationContext): Send {
  const { url, method, headers, sharedSecret } = settings;
  const secrets = [...Object.values(headers), ...(sharedSecret === null ? [] : [sharedSecret])];
  return async (texts, { idempotencyKey, signal, attempts = 0, replayId = null }) => {
    const [first = NOTHING] = texts;
    const body = settings.batch ? joinTexts(texts, LIST) : first;
    const signed = { first, body, wallMs: clock.wallMs() };
    try {
      const answer = await net.request({
        method,
        url,
        headers: {
          ...headers,
          'Content-Type': 'application/json',
          'User-Agent': USER_AGENT,
          'Idempotency-Key': idempotencyKey,
          'X-Millrace-Attempt': String(attempts + 1),
          ...(replayId === null ? {} : { 'X-Millrace-Replay': replayId }),
          ...(sharedSecret === null ? {} : signatureHeaders(sharedSecret, signed)),
        },
        body,
        signal,
      });
      return outcomeOfAnswer(answer, { wallMs: clock.wallMs(), events: texts.length, secrets });
    } catch (error) {
      return outcomeOfError(error);
    }
  };
}

async function deliverTogether(
  send: Send,
  { events, token, replayId }: DeliveryBatch,
  signal: AbortSignal,
): Promise<DeliveryOutcome[]> {
  const written = writeEvents(events);
  if (written.texts.length === 0) return mergeOutcomes(written, []);
  const attempts = Math.max(...written.events.map((event) => event.attempts));
  const outcome = await send(written.texts, { idempotencyKey: token, signal, attempts, replayId });
  return mergeOutcomes(
    written,
    written.events.map(() => outcome),
  );
}

/** The engine hands over one event at a time (`batching`); more are sent one after another. */
async function deliverAlone(
  send: Send,
  { events, replayId }: DeliveryBatch,
  signal: AbortSignal,
): Promise<DeliveryOutcome[]> {
  const written = writeEvents(events);
  const outcomes: DeliveryOutcome[] = [];
  for (const [at, { idempotencyKey, attempts }] of written.events.entries()) {
    const last = outcomes.at(-1);
    if (last?.kind === 'retry' && last.scope === 'destination') {
      outcomes.push(last); // Nothing would get through, and order is kept.
      continue;
    }
    const text = written.texts[at] ?? NOTHING;
    outcomes.push(await send([text], { idempotencyKey, signal, attempts, replayId }));
  }
  return mergeOutcomes(written, outcomes);
}
