/** What an error of Kafka means for delivery ("Error codes" of its protocol guide). */
import { findErrorBy } from '@platformatic/kafka';
import { MillraceError, toError } from '../../base/errors.ts';
import type { DeliveryOutcome } from '../destination-contract.ts';
import { outcomeOfError, responseText } from '../http-outcome.ts';

const CREDENTIALS = [
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
];
/** The records are the trouble, and others may pass. */
const RECORDS = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD'];
const TOPIC = ['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION'];
const CAUSES_MAX = 20;

/**
 * @param options.events how many were sent together.
 * @param options.isOneTopic whether all events of the destination go to the same topic: when it is
 *   missing, nothing gets through; otherwise only its own events wait.
 */
export function outcomeOfFailure(
  error: unknown,
  { events, isOneTopic }: { events: number; isOneTopic: boolean },
): DeliveryOutcome {
  const causes = causesOf(error);
  const refusal = causes.find((cause) => cause instanceof MillraceError);
  if (refusal) return outcomeOfError(refusal);
  const message = messageOf(causes);
  const is = (ids: readonly string[]): boolean =>
    causes.some((cause) => ids.some((id) => findErrorBy(cause, 'apiId', id) !== null));
  const retry = { kind: 'retry', scope: 'destination', message } as const;
  if (is(RECORDS)) {
    if (events > 1) return { kind: 'isolate', reason: 'BATCH_REFUSED', message };
    return { kind: 'dead', reason: 'PAYLOAD_INVALID', message };
  }
  const isLogin = causes.some((cause) => codeOf(cause) === 'PLT_KFK_AUTHENTICATION');
  if (isLogin || is(CREDENTIALS)) return { ...retry, reason: 'CREDENTIALS_REFUSED' };
  const isTopic = is(TOPIC) || causes.some((cause) => cause.message.startsWith('Unknown topic '));
  if (isTopic) {
    const scope = isOneTopic ? 'destination' : 'event';
    return { ...retry, scope, reason: 'BATCH_REFUSED' };
  }
  if (is(['THROTTLING_QUOTA_EXCEEDED'])) return { ...retry, reason: 'RATE_LIMITED' };
  if (/timed out/i.test(message) || is(['REQUEST_TIMED_OUT'])) {
    return { ...retry, reason: 'TIMEOUT' };
  }
  const isNetwork = causes.some((cause) => codeOf(cause) === 'PLT_KFK_NETWORK');
  // Leaders that change, replicas that are missing: clusters and people repair that.
  return { ...retry, reason: isNetwork ? 'NETWORK' : 'BATCH_REFUSED' };
}

/** The error and everything that it is made of, from the outside in. */
function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  const open: unknown[] = [error];
  while (open.length > 0 && causes.length < CAUSES_MAX) {
    const next = open.shift();
    if (next === undefined || next === null) continue;
    const cause = toError(next);
    causes.push(cause);
    open.push(cause.cause);
    if (cause instanceof AggregateError) open.push(...(cause.errors as unknown[]));
  }
  return causes;
}

/** The innermost says what happened; the others only that something failed. */
function messageOf(causes: readonly Error[]): string {
  const last = causes.at(-1)?.message ?? '';
  return responseText(Buffer.from(last === '' ? (causes[0]?.message ?? 'failed') : last));
}

function codeOf(error: Error): unknown {
  return (error as { code?: unknown }).code;
}
