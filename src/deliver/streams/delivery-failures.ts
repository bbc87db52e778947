/** Why events failed, as dead letters and waiting events keep it. */
import type { DeliveryOutcome } from '../../destinations/destination-contract.ts';
import type { FailureText } from '../dead-letter-shapes.ts';

const RESPONSE_CHARS_MAX = 2_048;

/** Of an event whose record is damaged or gone. */
export const UNREADABLE: FailureText = {
  reason: 'EVENT_UNREADABLE',
  message: 'the record cannot be read',
  status: null,
  response: null,
};
/** Of an event that waited until the log let it go. */
export const EXPIRED: FailureText = {
  reason: 'LOG_EXPIRED',
  message: 'it waited longer than the log keeps it',
  status: null,
  response: null,
};

/** What is kept of an outcome; an answer is cut. */
export function failureOf(outcome: Exclude<DeliveryOutcome, { kind: 'delivered' }>): FailureText {
  const { reason, message, status = null, response } = outcome;
  return { reason, message, status, response: response?.slice(0, RESPONSE_CHARS_MAX) ?? null };
}
