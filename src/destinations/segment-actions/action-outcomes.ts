/** What the failure of an action means for delivery. */
import { MillraceError } from '../../base/errors.ts';
import type { DeliveryOutcome } from '../destination-contract.ts';
import { outcomeOfAnswer, outcomeOfError } from '../http-outcome.ts';
import type { ActionFailure } from './actions-messages.ts';

export type Retry = Extract<DeliveryOutcome, { kind: 'retry' }>;

/** A fault of the action's code, or of ours. */
export function defect(message: string): Retry {
  return { kind: 'retry', scope: 'event', reason: 'DESTINATION_DEFECT', message };
}

type Failed = Retry | Extract<DeliveryOutcome, { kind: 'dead' }>;

/** The one policy of http-outcome.ts; a wrong payload is wrong for ever. */
export function outcomeOfFailure(failure: ActionFailure, wallMs: number): Failed {
  const { cause, message, status, response } = failure;
  if (cause === 'payload') {
    return { kind: 'dead', reason: 'PAYLOAD_INVALID', message, status, response };
  }
  const outcome = retryOfFailure(failure, wallMs);
  return outcome.kind === 'retry' || outcome.kind === 'dead' ? outcome : defect(message);
}

function retryOfFailure(failure: ActionFailure, wallMs: number): DeliveryOutcome {
  const { cause, message, status, response = '', retryAfter, code } = failure;
  if (cause === 'status' && status !== undefined) {
    const headers: Record<string, string> = retryAfter ? { 'retry-after': retryAfter } : {};
    const body = Buffer.from(response);
    const answer = { status, headers, body, isTruncated: false };
    const outcome = outcomeOfAnswer(answer, { wallMs, events: 1 });
    if (!('message' in outcome) || message === '') return outcome;
    return { ...outcome, message: `${outcome.message}: ${message}` };
  }
  if (cause === 'net') {
    const known = code === 'ADDRESS_REFUSED' ? code : 'NET_FAILED';
    return outcomeOfError(new MillraceError(known, message));
  }
  if (cause === 'credentials') {
    return { kind: 'retry', scope: 'destination', reason: 'CREDENTIALS_REFUSED', message };
  }
  if (cause === 'timeout') {
    return { kind: 'retry', scope: 'destination', reason: 'TIMEOUT', message };
  }
  if (cause === 'retryable') {
    return { kind: 'retry', scope: 'event', reason: 'HTTP_STATUS', message };
  }
  return defect(message);
}
