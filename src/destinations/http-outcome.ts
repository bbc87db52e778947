/**
 * What an answer of an HTTP service, or its absence, means for delivery: one policy for every
 * destination that speaks HTTP (documented in docs/delivery-reasons.md).
 */
import { MillraceError, toError } from '../base/errors.ts';
import type { DeliveryOutcome } from './destination-contract.ts';
import { netReasonOf } from '../net/net-failure.ts';
import type { HttpAnswer } from '../net/net.ts';

const RESPONSE_CHARS_MAX = 2048;
/** Shorter ones would blot out words. */
const SECRET_CHARS_MIN = 4;
const RETRY_AFTER_MS_MAX = 4 * 3_600_000;
/** Statuses that may pass by themselves. All of 5xx do too, except those in `NEVER`. */
const PASSING = new Set([408, 423, 425, 429]);
const NEVER = new Set([501, 505]);

/**
 * 2xx is delivered; 408, 423, 425, 429 and 5xx are retried; 401 and 403 too, because credentials
 * are repaired by people while events wait; other answers, redirects included, are dead. A batch
 * that is refused with 400, 413 or 422 is tried event by event.
 * @param options.secrets what may not stand in `response`.
 */
export function outcomeOfAnswer(
  answer: HttpAnswer,
  options: { wallMs: number; events: number; secrets?: readonly string[] },
): DeliveryOutcome {
  const { status } = answer;
  const response = withoutSecrets(responseText(answer.body), options.secrets ?? []);
  if (status >= 200 && status < 300) return { kind: 'delivered', status, response };
  const afterMs = retryAfterMs(answer.headers['retry-after'], options.wallMs);
  const failure = { status, response, message: `the service answered ${status}` };
  if (status === 401 || status === 403) {
    return { kind: 'retry', scope: 'destination', reason: 'CREDENTIALS_REFUSED', ...failure };
  }
  if (status === 429) {
    return { kind: 'retry', scope: 'destination', reason: 'RATE_LIMITED', afterMs, ...failure };
  }
  if (PASSING.has(status) || (status >= 500 && !NEVER.has(status))) {
    return { kind: 'retry', scope: 'destination', reason: 'HTTP_STATUS', afterMs, ...failure };
  }
  const isBatch = options.events > 1 && (status === 400 || status === 413 || status === 422);
  if (isBatch) return { kind: 'isolate', reason: 'BATCH_REFUSED', ...failure };
  return { kind: 'dead', reason: 'HTTP_STATUS', ...failure };
}

/** For what `Net` throws; anything else is thrown on. */
export function outcomeOfError(error: unknown): DeliveryOutcome {
  if (!(error instanceof MillraceError)) throw toError(error);
  const { code, message } = error;
  if (code === 'ADDRESS_REFUSED') {
    return { kind: 'retry', scope: 'destination', reason: 'ADDRESS_REFUSED', message };
  }
  if (code !== 'NET_FAILED') throw error;
  const why = netReasonOf(error);
  const reason = why === 'timeout' || why === 'aborted' ? 'TIMEOUT' : 'NETWORK';
  return { kind: 'retry', scope: 'destination', reason, message };
}

/** Text of an answer for people: cut, without control characters. */
export function responseText(body: Uint8Array): string {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    .subarray(0, RESPONSE_CHARS_MAX * 4)
    .toString('utf8');
  return text.replaceAll(/[\p{Cc}\p{Cs}]+/gu, ' ').slice(0, RESPONSE_CHARS_MAX);
}

/** Services that echo a request, as test services do, would bring its secrets into the trace. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length >= SECRET_CHARS_MIN)
    .reduce((cleaned, secret) => cleaned.replaceAll(secret, '…'), text);
}

/** Seconds or an HTTP date (RFC 9110 §10.2.3), bounded; undefined when it is neither. */
export function retryAfterMs(value: string | undefined, wallMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  const ms = /^\d{1,10}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - wallMs;
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), RETRY_AFTER_MS_MAX) : undefined;
}
