/**
 * The lake's two tables. Hot tail and Parquet files have the same columns in the same order, so
 * that a view can be their union; the JSON columns hold what was received, unflattened.
 */
import type { NormalEvent, RejectedEvent } from '../events/normalise.ts';
import { REPAIRS_KEY } from '../events/repairs.ts';
import type { SentTexts } from '../events/repairs.ts';
import { writableId, writableOrNull } from '../events/writable-id.ts';

export const EVENT_COLUMNS = {
  region: 'VARCHAR',
  source: 'VARCHAR',
  source_id: 'VARCHAR',
  environment: 'VARCHAR',
  type: 'VARCHAR',
  event: 'VARCHAR',
  name: 'VARCHAR',
  category: 'VARCHAR',
  user_id: 'VARCHAR',
  anonymous_id: 'VARCHAR',
  group_id: 'VARCHAR',
  previous_id: 'VARCHAR',
  message_id: 'VARCHAR',
  timestamp: 'TIMESTAMP',
  original_timestamp: 'TIMESTAMP',
  sent_at: 'TIMESTAMP',
  received_at: 'TIMESTAMP',
  channel: 'VARCHAR',
  properties: 'JSON',
  traits: 'JSON',
  context: 'JSON',
  integrations: 'JSON',
  metadata: 'JSON',
  extra: 'JSON',
  partition: 'VARCHAR',
  position: 'BIGINT',
  index: 'INTEGER',
} as const;

export const REJECTED_COLUMNS = {
  region: 'VARCHAR',
  received_at: 'TIMESTAMP',
  source: 'VARCHAR',
  source_id: 'VARCHAR',
  route: 'VARCHAR',
  type: 'VARCHAR',
  code: 'VARCHAR',
  message: 'VARCHAR',
  field: 'VARCHAR',
  event_type: 'VARCHAR',
  message_id: 'VARCHAR',
  body: 'VARCHAR',
  ip: 'VARCHAR',
  user_agent: 'VARCHAR',
  partition: 'VARCHAR',
  position: 'BIGINT',
  index: 'INTEGER',
} as const;

/** What a row says of its source; from the control store, by source number. */
export interface SourceInfo {
  number: number;
  id: string;
  slug: string;
  region: string;
  environment: string;
  /** What senders of wrong events are answered. */
  responses?: 'strict' | 'lenient';
}

/** Fields of the message that have a column of their own; all others go to `extra`. */
const OWN_COLUMN = new Set([
  'type',
  'event',
  'name',
  'category',
  'userId',
  'anonymousId',
  'groupId',
  'previousId',
  'messageId',
  'timestamp',
  'originalTimestamp',
  'sentAt',
  'receivedAt',
  'channel',
  'properties',
  'traits',
  'context',
  'integrations',
  '_metadata',
  'version',
]);

export type Row = Record<string, unknown>;

/**
 * The row of a stored event. Times are UTC texts that the engine casts.
 * @param repairs what was sent in fields that are read in another way.
 */
export function eventRow(event: NormalEvent, source: SourceInfo, repairs?: SentTexts): Row {
  const { message } = event;
  return {
    region: source.region,
    source: source.slug,
    source_id: source.id,
    environment: source.environment,
    type: event.type,
    event: event.event,
    name: event.name,
    category: event.category,
    user_id: writableOrNull(event.userId),
    anonymous_id: writableOrNull(event.anonymousId),
    group_id: writableOrNull(event.groupId),
    previous_id: writableOrNull(event.previousId),
    message_id: writableId(event.messageId),
    timestamp: timestampText(event.timestampMs),
    original_timestamp: timestampText(event.originalTimestampMs),
    sent_at: timestampText(event.sentAtMs),
    received_at: timestampText(event.receivedAtMs),
    channel: event.channel,
    properties: message['properties'] ?? null,
    traits: message['traits'] ?? null,
    context: message['context'] ?? null,
    integrations: message['integrations'] ?? null,
    metadata: message['_metadata'] ?? null,
    extra: extraOf(message, repairs),
    partition: event.partition,
    position: event.position,
    index: event.index,
  };
}

/** The row of a rejected event. */
export function rejectedRow(event: RejectedEvent, source: SourceInfo): Row {
  return {
    region: source.region,
    received_at: timestampText(event.receivedAtMs),
    source: source.slug,
    source_id: source.id,
    route: event.route,
    type: 'validation_error',
    code: event.code,
    message: event.message,
    field: event.field ?? null,
    event_type: event.type,
    message_id: event.messageId,
    body: event.body,
    ip: event.ip,
    user_agent: event.userAgent,
    partition: event.partition,
    position: event.position,
    index: event.index,
  };
}

/**
 * One line of JSON that the SQL engine accepts: well-formed Unicode. A lone surrogate, which JSON
 * can carry but UTF-8 cannot, becomes U+FFFD; the log keeps the original bytes. Those of ids are
 * escaped before.
 */
export function rowLine(row: Row): string {
  const line = JSON.stringify(row);
  if (!line.includes('\\ud')) return line;
  return JSON.stringify(row, wellFormed);
}

function wellFormed(_key: string, value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value);
  if (entries.every(([key]) => key.isWellFormed())) return value;
  return Object.fromEntries(entries.map(([key, own]) => [key.toWellFormed(), own]));
}

function extraOf(message: Record<string, unknown>, repairs: SentTexts | undefined): Row | null {
  let extra: Row | null = null;
  for (const key of Object.keys(message)) {
    if (OWN_COLUMN.has(key)) continue;
    extra ??= Object.create(null) as Row;
    extra[key] = message[key];
  }
  if (repairs !== undefined && repairs.size > 0) {
    extra ??= Object.create(null) as Row;
    const sent = [...repairs].map(([field, text]) => [field, JSON.parse(text) as unknown]);
    extra[REPAIRS_KEY] = Object.fromEntries(sent) as Row;
  }
  return extra;
}

function timestampText(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString().slice(0, -1);
}

/** `name TYPE, …` for `create table`. */
export function columnDefinitions(columns: Record<string, string>): string {
  return Object.entries(columns)
    .map(([name, type]) => `"${name}" ${type}`)
    .join(', ');
}

/** `"name", …` in table order. */
export function columnNames(columns: Record<string, string>): string {
  return Object.keys(columns)
    .map((name) => `"${name}"`)
    .join(', ');
}

/** The `columns={…}` argument of read_json. */
export function columnStruct(columns: Record<string, string>): string {
  const parts = Object.entries(columns).map(([name, type]) => `'${name}': '${type}'`);
  return `{${parts.join(', ')}}`;
}
