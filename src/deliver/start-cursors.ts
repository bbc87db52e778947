/** Where the live stream of a destination begins. */
import type { DestinationRecord } from './destination-record.ts';
import type { Feed } from './feed/feed-contract.ts';
import type { Cursor } from './state/delivery-rows.ts';

interface StartSeams {
  feed: Feed;
  partitions(region: string): readonly string[];
  judgedEnd(partition: string): number;
}

/**
 * Cursors for partitions that have none: at the place that `start` names for those that are there
 * when the destination is first opened; later ones are new, so everything in them is.
 */
export async function startCursors(
  { region, start }: Pick<DestinationRecord, 'region' | 'start'>,
  seams: StartSeams,
  known: ReadonlyMap<string, Cursor>,
): Promise<Map<string, Cursor>> {
  const missing = new Map<string, Cursor>();
  for (const partition of seams.partitions(region)) {
    if (known.has(partition)) continue;
    const position = known.size > 0 ? 0 : await startPosition(partition, start, seams);
    missing.set(partition, { start: position, position, end: null });
  }
  return missing;
}

async function startPosition(
  partition: string,
  start: DestinationRecord['start'],
  { feed, judgedEnd }: StartSeams,
): Promise<number> {
  const end = judgedEnd(partition);
  if (start === 'now') return end;
  // What the log has let go is in the archive.
  if (start === 'beginning') return 0;
  const segments = await feed.segments(partition);
  const [first] = segments;
  if (first && start.fromMs < first.createdMs) {
    return (await feed.firstPosition(partition, start.fromMs)) ?? first.base;
  }
  let position = first?.base ?? 0;
  for (const { base, createdMs } of segments) if (createdMs <= start.fromMs) position = base;
  while (position < end) {
    const chunk = await feed.read(partition, position, end);
    if (!chunk) break;
    for (const record of chunk.records) {
      if (record.events.some(({ receivedAtMs }) => receivedAtMs >= start.fromMs)) {
        return record.position;
      }
    }
    position = chunk.next;
  }
  return position;
}
