/** Reads the log into the batch that is gathering. */
import type { Intent } from '../state/delivery-rows.ts';
import { readChunk } from '../streams/stream-reading.ts';
import { moveReadTo } from '../streams/stream-state.ts';
import { gather, gatherOrKeep, isFull } from './log-order-state.ts';
import type { LogOrderState, PlacedRecord } from './log-order-state.ts';

/** Takes a chunk of each partition; returns false when there was nothing to take. */
export async function readMore(stream: LogOrderState): Promise<boolean> {
  takeAhead(stream);
  let hasRead = false;
  for (const [partition, from] of stream.readTo) {
    if (isFull(stream) || stream.ahead.length > 0) break;
    const chunk = await readChunk(stream, partition, from);
    if (!chunk) continue;
    hasRead = true;
    moveReadTo(stream, partition, chunk.next);
    for (const record of chunk.records) gatherOrKeep(stream, { partition, record });
    const last = chunk.records.at(-1)?.next ?? from;
    if (last < chunk.next) gatherOrKeep(stream, damageBetween(partition, last, chunk.next));
  }
  return hasRead;
}

/** A record of nobody, so that the cursor passes damage with the batch that it belongs to. */
function damageBetween(partition: string, position: number, next: number): PlacedRecord {
  return { partition, record: { position, next, events: [], bytes: 0 } };
}

function takeAhead(stream: LogOrderState): void {
  const { ahead } = stream;
  stream.ahead = [];
  for (const placed of ahead) gatherOrKeep(stream, placed);
}

/** Gathers the batch that was under way at a crash, exactly as it was. */
export async function readAgain(stream: LogOrderState, ranges: Intent['ranges']): Promise<void> {
  const { feed } = stream.context;
  for (const { partition, from, to } of ranges) {
    let at = from;
    while (at < to) {
      const chunk = await feed.read(partition, at, to);
      if (!chunk) break;
      for (const record of chunk.records) {
        if (record.next <= to) gather(stream, { partition, record });
      }
      at = chunk.next;
    }
    stream.gathering.ends.set(partition, to);
    moveReadTo(stream, partition, to);
  }
}
