/** An event on its way to the destination, in the lane of its user. */
import type { NormalEvent } from '../../events/normalise.ts';
import type { StoredEvent } from '../../events/raw-event.ts';
import type { DeliveryEvent } from '../../destinations/destination-contract.ts';
import type { WaitingEvent } from '../state/delivery-rows.ts';
import { routeEvent } from '../streams/stream-routing.ts';
import type { FilterReason } from '../streams/stream-routing.ts';
import type { StreamState } from '../streams/stream-state.ts';
import type { OpenRecord } from '../streams/stream-window.ts';

export interface DeliveryItem {
  event: StoredEvent;
  delivery: DeliveryEvent;
  orderKey: string;
  /** Of an event that was read just now; one that waited has a row instead. */
  record: OpenRecord | null;
  waiting: WaitingEvent | null;
  /** Must not share a batch: its batch was refused as a whole. */
  isAlone: boolean;
  queuedMs: number;
  bytes: number;
}

const ALONE_AFTER_ATTEMPTS = 3;

/** Routes an event that was just read; what passes is an item to send. */
export function itemOfEvent(
  stream: StreamState,
  event: StoredEvent,
  record: OpenRecord,
  bytes: number,
): DeliveryItem | FilterReason {
  const delivery = routeEvent(stream, event, null);
  if (typeof delivery === 'string') return delivery;
  const { pace, clock } = stream.context;
  return {
    event,
    delivery,
    orderKey: orderKeyOf(event, pace.keepOrder),
    record,
    waiting: null,
    isAlone: false,
    queuedMs: clock.monotonicMs(),
    bytes,
  };
}

/** Routes an event that waited, by the rules of now. */
export function itemOfWaiting(
  stream: StreamState,
  event: StoredEvent,
  row: WaitingEvent,
): DeliveryItem | FilterReason {
  const delivery = routeEvent(stream, event, row);
  if (typeof delivery === 'string') return delivery;
  return {
    event,
    delivery,
    orderKey: row.orderKey,
    record: null,
    waiting: row,
    // What failed often may be what its batches failed of.
    isAlone: row.attempts >= ALONE_AFTER_ATTEMPTS,
    queuedMs: stream.context.clock.monotonicMs(),
    bytes: event.json.length,
  };
}

/**
 * Events with the same key keep their order. The anonymousId comes first, because a device keeps
 * it when its user signs in; servers send only a userId.
 */
function orderKeyOf(event: NormalEvent, keepOrder: boolean): string {
  const { sourceNumber, anonymousId, userId, partition, position, index } = event;
  if (!keepOrder) return `${partition}/${position}/${index}`;
  return `${sourceNumber}/${anonymousId ?? userId ?? ''}`;
}
