/**
 * Forwards events to another Millrace, to Segment or to RudderStack through `POST {url}/v1/batch`,
 * as they are: the receiver deduplicates by messageId and sees the same times.
 *
 * About times: `timestamp` is already corrected for the client's clock. A receiver corrects it by
 * `sentAt` if there is one (timestamp = receivedAt − (sentAt − timestamp)), so `sentAt` is left
 * out: the second correction would be off by the way between the servers, differently at each
 * attempt. Without it all three take `timestamp` as it is. (RudderStack takes it in any case, so
 * sending the original time as `timestamp` would bring the client's wrong clock back.)
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import type {
  DeliveryBatch,
  DeliveryEvent,
  DeliveryOutcome,
  Destination,
  DestinationContext,
  DestinationType,
} from '../destination-contract.ts';
import { isObject, parseJson } from '../../events/json.ts';
import { withoutSentAt } from '../../events/message-json.ts';
import type { HttpAnswer } from '../../net/net.ts';
import { joinTexts, mergeOutcomes, writeEvents } from '../event-json.ts';
import { outcomeOfAnswer, outcomeOfError, responseText } from '../http-outcome.ts';
import { checkUrlSetting, urlField } from '../http-settings.ts';
import { testMessage } from '../service-messages.ts';
import { defineSettings } from '../destination-settings.ts';

/** Segment takes 500 KB a batch; the rest is room for what receivers add before they count. */
const BODY_BYTES_MAX = 450_000;
const BODY_EVENTS_MAX = 100;
const BATCH = { before: '{"batch":[', between: ',', behind: ']}' };
/** A hundred rejections with their reasons. */
const ANSWER_BYTES_MAX = 256 * 1024;
const REASON_CHARS_MAX = 200;

const settingsOf = defineSettings(
  z.strictObject({
    url: urlField('Where the receiver is, such as https://events.example.com; /v1/batch is added.'),
    writeKey: z
      .string()
      .regex(/^[^\p{Cc}:]{1,200}$/u)
      .meta({
        label: 'Write key',
        description: 'Write key of the source at the receiver.',
        allowed: 'text, 1 to 200 characters, without a colon',
        isSecret: true,
      }),
    gzip: z
      .boolean()
      .meta({ label: 'Compress', description: 'Send bodies compressed (Content-Encoding: gzip).' })
      .default(true),
  }),
);

type ForwardSettings = ReturnType<typeof settingsOf.parse>;

export const httpForward: DestinationType = {
  name: 'http',
  title: 'Another Millrace, Segment or RudderStack',
  integrationNames: [],
  class: 'stream',
  order: 'user',
  defaults: {
    batchEvents: BODY_EVENTS_MAX,
    batchBytes: BODY_BYTES_MAX,
    batchAgeMs: 1_000,
    concurrency: 4,
    timeoutMs: 15_000,
  },
  fields: settingsOf.fields,
  parseSettings(given, net) {
    const settings = settingsOf.parse(given);
    checkUrlSetting(net, 'url', settings.url);
    if (/[?#]/.test(settings.url)) {
      const message = 'url: it must not have a query or fragment';
      throw new MillraceError('DESTINATION_INVALID', message, { field: 'url' });
    }
    return settings;
  },
  open: (settings, context) => Promise.resolve(openForward(settings as ForwardSettings, context)),
};

function openForward(settings: ForwardSettings, context: DestinationContext): Destination {
  const send = sender(settings, context);
  return {
    deliver: (batch, signal) => deliverInParts(send, batch, signal),
    async test(signal) {
      const { sentAt: _, ...message } = testMessage(context);
      const [outcome] = await send([Buffer.from(JSON.stringify(message))], signal);
      if (outcome?.kind === 'delivered') return;
      throw new MillraceError('DESTINATION_TEST_FAILED', outcome?.message ?? 'no outcome');
    },
    close: () => Promise.resolve(),
  };
}

/** @returns an outcome per text. */
type Send = (texts: readonly Uint8Array[], signal: AbortSignal) => Promise<DeliveryOutcome[]>;

const gzipAsync = promisify(gzip);

function sender(settings: ForwardSettings, { net, clock }: DestinationContext): Send {
  const url = `${settings.url.replace(/\/+$/, '').replace(/\/v1(\/(batch|import))?$/, '')}/v1/batch`;
  const credentials = Buffer.from(`${settings.writeKey}:`).toString('base64');
  const secrets = [settings.writeKey, credentials];
  const headers = {
    'Content-Type': 'application/json',
    Authorization: `Basic ${credentials}`,
    ...(settings.gzip ? { 'Content-Encoding': 'gzip' } : {}),
  };
  return async (texts, signal) => {
    const text = joinTexts(texts, BATCH);
    const body = settings.gzip ? await gzipAsync(text) : text;
    try {
      const responseBytesMax = ANSWER_BYTES_MAX;
      const request = { method: 'POST', url, headers, body, signal, responseBytesMax } as const;
      const answer = await net.request(request);
      const options = { wallMs: clock.wallMs(), events: texts.length, secrets };
      const outcome = outcomeOfAnswer(answer, options);
      const rejected = outcome.kind === 'delivered' ? rejectionsOf(answer) : NONE_REJECTED;
      return texts.map((_, index) => rejected.get(index) ?? outcome);
    } catch (error) {
      const outcome = outcomeOfError(error);
      return texts.map(() => outcome);
    }
  };
}

async function deliverInParts(
  send: Send,
  { events }: DeliveryBatch,
  signal: AbortSignal,
): Promise<DeliveryOutcome[]> {
  const written = writeEvents(events);
  const outcomes: DeliveryOutcome[] = [];
  const texts = written.texts.map((text, at) => withoutTime(text, written.events[at]));
  for (const part of partsOf(texts)) {
    const last = outcomes.at(-1);
    const isStopped = last?.kind === 'retry' && last.scope === 'destination';
    // After a retry nothing later may overtake it.
    outcomes.push(...(isStopped ? part.map(() => last) : await send(part, signal)));
  }
  return mergeOutcomes(written, outcomes);
}

/** Everything but `sentAt`; see the head of this file. */
function withoutTime(text: Uint8Array, event: DeliveryEvent | undefined): Uint8Array {
  if (event === undefined || event.json !== undefined) return withoutSentAt(text);
  const { sentAt: _, ...kept } = event.message;
  return Buffer.from(JSON.stringify(kept));
}

/** Cuts events into bodies that receivers take. One that is too long alone is theirs to refuse. */
function partsOf(texts: readonly Uint8Array[]): Uint8Array[][] {
  const parts: Uint8Array[][] = [];
  let bytes = 0;
  for (const text of texts) {
    const length = text.length + BATCH.between.length;
    const part = parts.at(-1);
    const isFull = part === undefined || part.length >= BODY_EVENTS_MAX;
    if (isFull || bytes + length > BODY_BYTES_MAX) {
      parts.push([text]);
      bytes = BATCH.before.length + BATCH.behind.length + length;
    } else {
      part.push(text);
      bytes += length;
    }
  }
  return parts;
}

const NONE_REJECTED: ReadonlyMap<number, DeliveryOutcome> = new Map();

/**
 * The events that a receiver rejected while it took the others: Millrace answers 200 with
 * `errors: [{index, code, message}]`. What cannot be read as that rejects nothing.
 */
function rejectionsOf({ status, body }: HttpAnswer): typeof NONE_REJECTED {
  if (!body.includes('"errors"')) return NONE_REJECTED;
  let answer: unknown;
  try {
    answer = parseJson(body);
  } catch {
    return NONE_REJECTED;
  }
  if (!isObject(answer) || !Array.isArray(answer['errors'])) return NONE_REJECTED;
  const rejected = new Map<number, DeliveryOutcome>();
  for (const error of answer['errors'] as unknown[]) {
    if (!isObject(error) || typeof error['index'] !== 'number') continue;
    const { code, message } = error;
    const why = responseText(Buffer.from(`${String(code)}: ${String(message)}`));
    rejected.set(error['index'], {
      kind: 'dead',
      reason: 'PAYLOAD_INVALID',
      status,
      message: `rejected by the receiver: ${why.slice(0, REASON_CHARS_MAX)}`,
    });
  }
  return rejected;
}
