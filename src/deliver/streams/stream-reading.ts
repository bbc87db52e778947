/** What a stream reads: the log onward from a place, and events that waited. */
import type { StoredEvent } from '../../events/raw-event.ts';
import type { FeedChunk } from '../feed/feed-contract.ts';
import { unpackEvent } from '../packed-event.ts';
import type { WaitingEvent } from '../state/delivery-rows.ts';
import type { StreamState } from './stream-state.ts';

/** The next events that are judged and within the stream's end; null when there are none. */
export function readChunk(
  { context, cursors }: StreamState,
  partition: string,
  from: number,
): Promise<FeedChunk | null> {
  const end = cursors.get(partition)?.end ?? Number.POSITIVE_INFINITY;
  return context.feed.read(partition, from, Math.min(context.judgedEnd(partition), end));
}

/** The event of a row; null when its record is damaged or gone. */
export async function readWaiting(
  { context }: StreamState,
  { partition, position, index, body }: WaitingEvent,
): Promise<StoredEvent | null> {
  return body === null ? context.feed.event(partition, position, index) : unpackEvent(body);
}
