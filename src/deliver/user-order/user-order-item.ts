/** An event on its way to the destination, in the lane of its user. */
import type { NormalEvent } from '../../events/normalise.ts';
import type { StoredEvent } from '../../events/raw-event.ts';
import type { DeliveryEvent } from '../../destinations/destination-contract.ts';
import type { WaitingEvent } from '../state/delivery-rows.ts';
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

/**
 * Events with the same key keep their order. The anonymousId comes first, because a device keeps
 * it when its user signs in; servers send only a userId.
 */
export function orderKeyOf(event: NormalEvent, keepOrder: boolean): string {
  const { sourceNumber, anonymousId, userId, partition, position, index } = event;
  if (!keepOrder) return `${partition}/${position}/${index}`;
  return `${sourceNumber}/${anonymousId ?? userId ?? ''}`;
}
