/** Events rebuilt from the columns of the lake; see `columns.ts` for the way there. */
import { assert } from '../base/assert.ts';
import { parseExact } from '../events/exact-json.ts';
import type { JsonObject } from '../events/json.ts';
import type { NormalEvent } from '../events/normalise.ts';
import { storedEvent } from '../events/raw-event.ts';
import type { StoredEvent } from '../events/raw-event.ts';
import { REPAIRS_KEY } from '../events/repairs.ts';
import { isEventType } from '../events/validate.ts';
import { idAsSent } from '../events/writable-id.ts';

/** What `archivedEvent` needs of a row. */
export const ARCHIVED_COLUMNS = [
  'source_id, type, event, name, category, user_id, anonymous_id, group_id, previous_id',
  'message_id, epoch_ms(timestamp) as timestamp_ms, epoch_ms(original_timestamp) as original_ms',
  'epoch_ms(sent_at) as sent_ms, epoch_ms(received_at) as received_ms, channel, properties',
  'traits, context, integrations, metadata, extra, partition, position, index',
].join(', ');

/** An event as readers of the log saw it. @param row of `ARCHIVED_COLUMNS`, as JSON values. */
export function archivedEvent(
  row: Record<string, unknown>,
  sourceNumber: (id: string) => number,
): StoredEvent {
  const text = (column: string): string | null =>
    row[column] === null ? null : String(row[column]);
  const type = text('type');
  assert(isEventType(type), 'a row of the lake has the type of an event');
  const partition = String(row['partition']);
  const position = Number(row['position']);
  const index = Number(row['index']);
  const id = (column: string): string | null =>
    row[column] === null ? null : idAsSent(String(row[column]));
  const messageId = idAsSent(String(row['message_id']));
  const event: Omit<NormalEvent, 'message'> = {
    sourceNumber: sourceNumber(String(row['source_id'])),
    partition,
    position,
    index,
    type,
    messageId,
    messageIdAssigned: messageId === `millrace-${partition}-${position}-${index}`,
    userId: id('user_id'),
    anonymousId: id('anonymous_id'),
    groupId: id('group_id'),
    previousId: id('previous_id'),
    event: text('event'),
    name: text('name'),
    category: text('category'),
    timestampMs: Number(row['timestamp_ms']),
    originalTimestampMs: Number(row['original_ms']),
    sentAtMs: row['sent_ms'] === null ? null : Number(row['sent_ms']),
    receivedAtMs: Number(row['received_ms']),
    channel: text('channel'),
  };
  const json = JSON.stringify(messageOf(event, row));
  const message = JSON.parse(json) as JsonObject;
  return storedEvent({ ...event, message }, Buffer.from(json));
}

/** Segment's delivered shape again, exactly; see `events/normalise.ts`. */
function messageOf(event: Omit<NormalEvent, 'message'>, row: Record<string, unknown>): JsonObject {
  const message: JsonObject = { ...(parsed(row['extra']) as JsonObject | null) };
  // Of the row, and in no message.
  delete message[REPAIRS_KEY];
  const given: Record<string, unknown> = {
    type: event.type,
    event: event.event,
    name: event.name,
    category: event.category,
    userId: event.userId,
    anonymousId: event.anonymousId,
    groupId: event.groupId,
    previousId: event.previousId,
    messageId: event.messageId,
    channel: event.channel,
    properties: parsed(row['properties']),
    traits: parsed(row['traits']),
    context: parsed(row['context']) ?? {},
    integrations: parsed(row['integrations']) ?? {},
    _metadata: parsed(row['metadata']),
    timestamp: isoOf(event.timestampMs),
    originalTimestamp: isoOf(event.originalTimestampMs),
    receivedAt: isoOf(event.receivedAtMs),
    version: 2,
    // The last one, as in what comes from the log: forwarding cuts it off.
    sentAt: event.sentAtMs === null ? null : isoOf(event.sentAtMs),
  };
  for (const [key, value] of Object.entries(given)) if (value !== null) message[key] = value;
  return message;
}

function parsed(value: unknown): unknown {
  return value === null || value === undefined ? null : parseExact(Buffer.from(String(value)));
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
