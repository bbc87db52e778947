/** Asks the rules of the destination whether it gets an event, and makes what it gets. */
import type { DeliveryEvent } from '../../destinations/destination-contract.ts';
import type { JsonObject } from '../../events/json.ts';
import type { StoredEvent } from '../../events/raw-event.ts';
import { route } from '../routing/event-router.ts';
import { deliveryEventOf } from '../routing/routed-event.ts';
import type { WaitingEvent } from '../state/delivery-rows.ts';
import type { StreamState } from './stream-state.ts';

/** Why an event is filtered. */
export type FilterReason = string;

/**
 * @param row of an event that waited; it keeps its attempts.
 * @returns a text when a rule refuses the event: this is asked for each event of a busy stream, so
 *   nothing is made around either.
 */
export function routeEvent(
  { context, scope }: StreamState,
  event: StoredEvent,
  row: WaitingEvent | null,
): DeliveryEvent | FilterReason {
  const source = context.source(event.sourceNumber);
  const toDelivery = (changed: JsonObject | null) =>
    deliveryEventOf(event, changed, source, scope, row);
  const routed = route(event, context.plan, toDelivery);
  return routed.kind === 'filtered' ? routed.reason : toDelivery(routed.changed);
}
