/** What became of an event, for the state and for the metrics at once. */
import type { StoredEvent } from '../../events/raw-event.ts';
import { countedOf, newDeadLetter } from './event-rows.ts';
import type { StreamState } from './stream-state.ts';
import type { Counted, NewDeadLetter } from './stream-window.ts';

export function accountDelivered({ context }: StreamState, event: StoredEvent): Counted {
  context.meters.delivered(1);
  return countedOf(event, 'delivered', '');
}

/** A rule, a filter or the destination itself does not want it. */
export function accountFiltered(
  { context }: StreamState,
  event: StoredEvent,
  reason: string,
): Counted {
  context.meters.filtered(reason);
  return countedOf(event, 'filtered', reason);
}

/** The log cannot keep it any longer. */
export function accountExpired({ context }: StreamState, event: StoredEvent): Counted {
  context.meters.dead('LOG_EXPIRED');
  return countedOf(event, 'dead', 'LOG_EXPIRED');
}

/** It will not be tried again by itself, and is kept for people. */
export function accountDead(
  { context }: StreamState,
  event: StoredEvent,
  orderKey: string,
  failed: Parameters<typeof newDeadLetter>[2],
): NewDeadLetter {
  context.meters.dead(failed.failure.reason);
  return newDeadLetter(event, orderKey, failed);
}
