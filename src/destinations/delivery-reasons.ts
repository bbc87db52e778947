/**
 * Why an event did not simply arrive. Codes are public: they are in metrics, dead letters, trace
 * and docs/delivery-reasons.md. Segment's own codes are used where it has one.
 */
import { INTERNAL_REASON } from '../base/internal-source.ts';

export const DELIVERY_REASONS = {
  [INTERNAL_REASON]: ['filtered', 'It is an event of Millrace itself: the canary.'],
  SUPPRESSED_USER: ['filtered', 'The user is suppressed.'],
  FILTERED_BY_END_USER_CONSENT: ['filtered', 'The user has not consented to every category.'],
  INTEGRATION_DISABLED: ['filtered', 'The integrations object of the event excludes it.'],
  SOURCE_NOT_CONNECTED: ['filtered', 'The source is not connected to the destination.'],
  FILTERED_BY_DESTINATION_FILTER: ['filtered', 'A destination filter dropped the event.'],
  SAMPLED_OUT: ['filtered', 'A destination filter samples, and the event is not in the sample.'],
  FILTER_INVALID: ['filtered', 'A destination filter could not be evaluated on the event.'],
  NO_MATCHING_SUBSCRIPTION: ['filtered', 'No trigger of a subscription matches the event.'],
  EVENT_TYPE_UNSUPPORTED: ['filtered', 'The destination has no use for this type of event.'],
  DESTINATION_DISABLED: ['filtered', 'The destination was disabled when the event came.'],
  FILTERED_BY_REPLAY: ['filtered', 'The replay does not ask for the event.'],
  FILTERED_BY_DESTINATION: ['filtered', 'The code of the destination asked not to send it.'],

  HTTP_STATUS: ['failed', 'The service answered a status that says no.'],
  RATE_LIMITED: ['failed', 'The service answered that it gets too much (429).'],
  CREDENTIALS_REFUSED: [
    'failed',
    'The service did not accept the credentials (401, 403), or did not renew an OAuth token.',
  ],
  TIMEOUT: ['failed', 'No whole answer in time.'],
  NETWORK: ['failed', 'The service could not be reached, or hung up.'],
  ADDRESS_REFUSED: ['failed', 'The address is not allowed (net.allow).'],
  PAYLOAD_INVALID: ['failed', 'The event cannot be made into a request of the service.'],
  DESTINATION_DEFECT: ['failed', 'The code of the destination threw.'],
  BATCH_REFUSED: ['failed', 'The service refused the batch as a whole.'],
  EVENT_UNREADABLE: ['failed', 'The record of the event can no longer be read.'],
  LOG_EXPIRED: ['failed', 'The log could not keep the event any longer (deliver.holdHours).'],
} as const satisfies Record<string, readonly ['filtered' | 'failed', string]>;

export type DeliveryReason = keyof typeof DELIVERY_REASONS;
