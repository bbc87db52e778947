/** Events that the log has let go, from the archive, as the log would give them. */
import type { StoredEvent } from '../../events/raw-event.ts';
import type { Archive } from '../../lake/archive.ts';
import type { FeedChunk, FeedRecord } from './feed-contract.ts';

/** Nobody knows how large the record of an archived event was; this is typical. */
const ARCHIVED_EVENT_BYTES = 600;

/** The records from a place on; up to the end of what the archive reads at once. */
export async function readArchivedChunk(
  archive: Archive,
  partition: string,
  from: number,
  to: number,
): Promise<FeedChunk> {
  const { events, next } = await archive.read(partition, from, to);
  const records: FeedRecord[] = [];
  for (const event of events) {
    const last = records.at(-1);
    if (last?.position === event.position) {
      last.events.push(event);
      continue;
    }
    if (last) last.next = event.position;
    records.push({ position: event.position, next, events: [event], bytes: 0 });
  }
  for (const record of records) record.bytes = record.events.length * ARCHIVED_EVENT_BYTES;
  const bytes = records.reduce((sum, record) => sum + record.bytes, 0);
  return { records, next, bytes };
}

/** One event, or null when the archive does not have it. */
export async function readArchivedEvent(
  archive: Archive,
  partition: string,
  position: number,
  index: number,
): Promise<StoredEvent | null> {
  const { events } = await archive.read(partition, position, position + 1);
  return events.find((candidate) => candidate.index === index) ?? null;
}
