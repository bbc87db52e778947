/** The stored events in the payload of a record of the log. */
import { decodePayload } from '../../events/envelope.ts';
import { rawEvents } from '../../events/raw-event.ts';
import type { StoredEvent } from '../../events/raw-event.ts';
import { copyRawItems, createRawItems } from '../../events/raw-items.ts';
import { readRawRecord } from '../../events/raw-record.ts';

const scratch = createRawItems();

/** @param payload a view of what the reader holds, which the events outlive. */
export function eventsOf(payload: Uint8Array, partition: string, position: number): StoredEvent[] {
  const { envelope, body } = decodePayload(Buffer.from(payload));
  if (envelope.kind === 'rejected') return [];
  const record = readRawRecord({ partition, position }, envelope, body, scratch);
  return rawEvents({ ...record, items: copyRawItems(scratch) });
}
