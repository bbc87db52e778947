/** Puts and deletes objects: signed requests, and what their answers mean. */
import { createHash } from 'node:crypto';
import { AwsV4Signer } from 'aws4fetch';
import type { DeliveryOutcome, DestinationContext } from '../destination-contract.ts';
import type { DeliveryReason } from '../delivery-reasons.ts';
import type { HttpAnswer } from '../../net/net.ts';
import { outcomeOfError, responseText, retryAfterMs } from '../http-outcome.ts';
import type { S3Settings } from './s3-settings.ts';

/** What the service says to one request: delivered, or a reason to try again. */
export type StoreOutcome = Extract<DeliveryOutcome, { kind: 'delivered' | 'retry' }>;

export interface ObjectStore {
  put(key: string, body: Uint8Array, type: string, signal: AbortSignal): Promise<StoreOutcome>;
  remove(key: string, signal: AbortSignal): Promise<StoreOutcome>;
}

/** One PUT takes 5 GiB; batches are far smaller, and an object is in memory while it is sent. */
const OBJECT_BYTES_MAX = 256 * 2 ** 20;
/** One object, over a slow line too. The engine's own timeout ends it earlier. */
const REQUEST_MS_MAX = 300_000;
const ANSWER_BYTES_MAX = 16_384;
/** Codes of S3 ("Error responses" of its API reference) that people answer for. */
const CREDENTIAL_CODES = new Set([
  'AccessDenied',
  'AccountProblem',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidSecurity',
  'InvalidToken',
  'NotSignedUp',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
  'TokenRefreshRequired',
]);
const SLOW_DOWN_CODES = new Set(['SlowDown', 'RequestLimitExceeded', 'TooManyRequests']);

/** Keys are without the bucket; every character but the slash may stand in them. */
export function createObjectStore(settings: S3Settings, context: DestinationContext): ObjectStore {
  const { net, clock } = context;
  const { bucketUrl, region, accessKeyId, secretAccessKey, sessionToken } = settings;
  const request = async (
    method: 'PUT' | 'DELETE',
    key: string,
    signal: AbortSignal,
    content: { body: Uint8Array; type: string } | null,
  ): Promise<StoreOutcome> => {
    const url = `${bucketUrl}/${encodedKey(key)}`;
    const body = content?.body ?? new Uint8Array();
    const hash = createHash('sha256').update(body).digest('hex');
    const signed = await new AwsV4Signer({
      method,
      url,
      // With the hash signed, the service refuses a body that was damaged on its way.
      headers: {
        'x-amz-content-sha256': hash,
        ...(content ? { 'content-type': content.type } : {}),
      },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === null ? {} : { sessionToken }),
      service: 's3',
      region,
      datetime: amazonTime(clock.wallMs()),
    }).sign();
    try {
      const answer = await net.request({
        method,
        url,
        headers: Object.fromEntries(signed.headers),
        ...(content ? { body } : {}),
        signal,
        timeoutMs: REQUEST_MS_MAX,
        responseBytesMax: ANSWER_BYTES_MAX,
      });
      return storeOutcome(answer, clock.wallMs());
    } catch (error) {
      return outcomeOfError(error) as StoreOutcome; // Trouble of the network is always `retry`.
    }
  };
  return {
    put(key, body, type, signal) {
      if (body.length <= OBJECT_BYTES_MAX) return request('PUT', key, signal, { body, type });
      const message = `an object of ${body.length} bytes is too large; lower delivery.batchBytes`;
      const failure = { scope: 'destination', reason: 'BATCH_REFUSED', message } as const;
      return Promise.resolve({ kind: 'retry', ...failure });
    },
    remove: (key, signal) => request('DELETE', key, signal, null),
  };
}

/**
 * Nothing but success ends a batch: whatever the service says, the object is as good as any other,
 * and people repair buckets, rights and regions while events wait.
 */
export function storeOutcome(answer: HttpAnswer, wallMs: number): StoreOutcome {
  const { status, headers } = answer;
  if (status >= 200 && status < 300) return { kind: 'delivered', status };
  const { code, text } = errorOf(answer);
  const what = code === '' ? '' : `: ${code}`;
  return {
    kind: 'retry',
    scope: 'destination',
    reason: reasonOf(status, code),
    afterMs: retryAfterMs(headers['retry-after'], wallMs),
    status,
    // The rest of the answer repeats what was signed, and with it a session token.
    response: text === '' ? code : `${code}: ${text}`,
    message: `the service answered ${status}${what}`,
  };
}

function reasonOf(status: number, code: string): DeliveryReason {
  if (status === 429 || SLOW_DOWN_CODES.has(code)) return 'RATE_LIMITED';
  if (CREDENTIAL_CODES.has(code)) return 'CREDENTIALS_REFUSED';
  return status === 401 || status === 403 ? 'CREDENTIALS_REFUSED' : 'HTTP_STATUS';
}

/** `<Error><Code>…</Code><Message>…</Message>…</Error>`, in whatever order. */
function errorOf({ body }: HttpAnswer): { code: string; text: string } {
  const xml = body.toString('utf8');
  const code = /<Code>\s*([\w.-]{1,100})\s*<\/Code>/.exec(xml)?.[1] ?? '';
  const text = /<Message>([^<]{1,1000})<\/Message>/.exec(xml)?.[1] ?? '';
  return { code, text: responseText(Buffer.from(text)) };
}

/** Everything but slashes and unreserved characters escaped, so that all sign the same text. */
function encodedKey(key: string): string {
  const escape = (character: string): string =>
    `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return key
    .split('/')
    .map((part) => encodeURIComponent(part).replaceAll(/[!'()*]/g, escape))
    .join('/');
}

/** `20260304T050607Z` */
function amazonTime(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[:-]|\.\d{3}/g, '');
}
