/** What an error of NATS means for delivery (server errors: `err_code` of the JetStream API). */
import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { MillraceError, toError } from '../../base/errors.ts';
import type { DeliveryOutcome } from '../destination-contract.ts';
import { outcomeOfError, responseText } from '../http-outcome.ts';

/** A message that no stream of these settings will ever take. */
const TOO_LARGE = 10_054;
/** Streams and servers that are full, or busy. */
const FULL = new Set([10_002, 10_023, 10_028, 10_047, 10_077, 10_122, 10_167]);

/** @param isOneSubject whether all events have the same subject, and the same fate. */
export function outcomeOfFailure(error: unknown, isOneSubject: boolean): DeliveryOutcome {
  if (error instanceof MillraceError) return outcomeOfError(error);
  const { message: text, cause, name } = toError(error);
  const message = responseText(Buffer.from(text));
  const retry = { kind: 'retry', scope: 'destination', message } as const;
  if (error instanceof JetStreamApiError) {
    const failure = { ...retry, status: error.code };
    if (error.code === TOO_LARGE) return tooLarge(message);
    return { ...failure, reason: FULL.has(error.code) ? 'RATE_LIMITED' : 'BATCH_REFUSED' };
  }
  // The library calls it so whenever nobody listens on the subject; the class is not exported.
  if (name === 'JetStreamNotEnabled') {
    const scope = isOneSubject ? 'destination' : 'event';
    const why = 'no stream takes the subject, or JetStream is not enabled';
    return { ...retry, scope, reason: 'BATCH_REFUSED', message: why };
  }
  if (error instanceof errors.InvalidArgumentError && text.includes('max_payload')) {
    return tooLarge(message);
  }
  if (isLogin(error) || isLogin(cause)) return { ...retry, reason: 'CREDENTIALS_REFUSED' };
  if (error instanceof errors.TimeoutError) return { ...retry, reason: 'TIMEOUT' };
  return { ...retry, reason: 'NETWORK' };
}

function tooLarge(message: string): DeliveryOutcome {
  return { kind: 'dead', reason: 'PAYLOAD_INVALID', message };
}

function isLogin(error: unknown): boolean {
  return (
    error instanceof errors.AuthorizationError ||
    error instanceof errors.UserAuthenticationExpiredError ||
    error instanceof errors.PermissionViolationError
  );
}
