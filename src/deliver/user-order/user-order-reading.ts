/** Reads the log as far as there is room, and puts what passes the rules into lanes. */
import type { StoredEvent } from '../../events/raw-event.ts';
import type { FeedChunk, FeedRecord } from '../feed/feed-contract.ts';
import { accountExpired, accountFiltered } from '../streams/stream-accounts.ts';
import { readChunk } from '../streams/stream-reading.ts';
import { expiryOf, isStopping, moveReadTo } from '../streams/stream-state.ts';
import type { OpenRecord } from '../streams/stream-window.ts';
import { waitBehind } from './item-outcomes.ts';
import { enqueue } from './user-lanes.ts';
import { itemOfEvent } from './user-order-item.ts';
import { hasRoom } from './user-order-state.ts';
import type { UserOrderState } from './user-order-state.ts';

/** Takes a chunk of each partition; returns false when there was nothing to take. */
export async function readMore(stream: UserOrderState): Promise<boolean> {
  let hasRead = false;
  for (const [partition, from] of stream.readTo) {
    const isExpiring = from < expiryOf(stream, partition);
    const isHeld = stream.isPaused || !mayReadForProbe(stream);
    if (isStopping(stream) || !hasRoom(stream) || (isHeld && !isExpiring)) continue;
    const chunk = await readChunk(stream, partition, from);
    if (!chunk) continue;
    takeChunk(stream, partition, chunk);
    hasRead = true;
  }
  return hasRead;
}

/**
 * While little gets through nothing is read in advance; but a probe must not consist of the very
 * events that failed before, or one that always fails would keep the others out.
 */
function mayReadForProbe({ context: { breaker }, window }: UserOrderState): boolean {
  return breaker.state() === 'closed' || (breaker.mayCall() && window.events() === 0);
}

function takeChunk(stream: UserOrderState, partition: string, chunk: FeedChunk): void {
  const expiredTo = expiryOf(stream, partition);
  for (const record of chunk.records) {
    takeRecord(stream, partition, record, record.position < expiredTo);
  }
  // Behind the last record there may be damage, which is nobody's event.
  const last = chunk.records.at(-1)?.next;
  if (last !== chunk.next) {
    stream.window.add({ partition, next: chunk.next, bytes: 0, receivedAtMs: 0, open: 0 });
  }
  moveReadTo(stream, partition, chunk.next);
}

function takeRecord(
  stream: UserOrderState,
  partition: string,
  { next, events, bytes }: FeedRecord,
  isExpired: boolean,
): void {
  const receivedAtMs = events[0]?.receivedAtMs ?? 0;
  const open = events.length;
  const record = stream.window.add({ partition, next, bytes, receivedAtMs, open });
  const share = Math.ceil(bytes / Math.max(1, open));
  for (const event of events) {
    if (isExpired) {
      stream.window.settle(record, { kind: 'counted', count: accountExpired(stream, event) });
    } else {
      takeEvent(stream, event, record, share);
    }
  }
}

function takeEvent(
  stream: UserOrderState,
  event: StoredEvent,
  record: OpenRecord,
  bytes: number,
): void {
  const item = itemOfEvent(stream, event, record, bytes);
  if (typeof item === 'string') {
    const count = accountFiltered(stream, event, item);
    stream.window.settle(record, { kind: 'counted', count });
  } else if (stream.waiting.has(item.orderKey)) {
    waitBehind(stream, item);
  } else {
    enqueue(stream.lanes, item);
  }
}
