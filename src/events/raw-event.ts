/**
 * Stored events as readers of the log get them: what they need is cut out of the record's bytes
 * when it is first asked for, and most is never asked for. `events/normalise.ts` is the definition;
 * a property test holds the two together.
 */
import { createByteBuffer } from '../base/byte-buffer.ts';
import { isObject, textOf } from './json.ts';
import type { JsonObject } from './json.ts';
import { beginsNumber, OPEN_BRACE, QUOTE } from './json-bytes.ts';
import { putMessage } from './message-json.ts';
import { correctedTimestamp } from './normalise.ts';
import type { NormalEvent } from './normalise.ts';
import { contextText, idOfDocument, objectOf, overlaid } from './raw-context.ts';
import { stringAt } from './json-values.ts';
import { FIELD, FIELD_COUNT } from './raw-items.ts';
import { assignedId } from './raw-record.ts';
import type { RawRecord } from './raw-record.ts';
import { timesAt } from './raw-times.ts';
import type { EventType } from './routes.ts';

/** A normal event that knows its message as JSON. */
export interface StoredEvent extends NormalEvent {
  /** `message` as JSON: what was sent is in it as it was sent. */
  readonly json: Uint8Array;
  /** Of the message; as an object whatever was sent. */
  readonly integrations: JsonObject;
}

const EMPTY: JsonObject = Object.freeze({});
const scratch = createByteBuffer();

/** The stored events of a record, in order. @param record keeps its items for itself. */
export function rawEvents(record: RawRecord): StoredEvent[] {
  const events: StoredEvent[] = [];
  for (let item = 0; item < record.items.count; item++) {
    if (!record.refused.has(item)) events.push(new RawEvent(record, item));
  }
  return events;
}

/**
 * An event that is not in the log any more, or was kept beside it.
 * @param json its message, if it is known with the digits that were sent.
 */
export function storedEvent(
  event: NormalEvent,
  json: Uint8Array = Buffer.from(JSON.stringify(event.message)),
): StoredEvent {
  return {
    ...event,
    json,
    integrations: objectOf(event.message['integrations']),
  };
}

/** All fields but the message, as plain values. */
export function fieldsOf(event: NormalEvent): Omit<NormalEvent, 'message'> {
  return {
    sourceNumber: event.sourceNumber,
    partition: event.partition,
    position: event.position,
    index: event.index,
    type: event.type,
    messageId: event.messageId,
    messageIdAssigned: event.messageIdAssigned,
    userId: event.userId,
    anonymousId: event.anonymousId,
    groupId: event.groupId,
    previousId: event.previousId,
    event: event.event,
    name: event.name,
    category: event.category,
    timestampMs: event.timestampMs,
    originalTimestampMs: event.originalTimestampMs,
    sentAtMs: event.sentAtMs,
    receivedAtMs: event.receivedAtMs,
    channel: event.channel,
  };
}

class RawEvent implements StoredEvent {
  readonly sourceNumber: number;
  readonly partition: string;
  readonly position: number;
  readonly index: number;
  readonly receivedAtMs: number;
  readonly type: EventType;
  readonly userId: string | null;
  readonly anonymousId: string | null;
  readonly #record: RawRecord;
  #json: Uint8Array | undefined;
  #message: JsonObject | undefined;
  #messageId: string | undefined;

  constructor(record: RawRecord, item: number) {
    const { envelope, route } = record;
    this.#record = record;
    this.sourceNumber = envelope.sourceNumber;
    this.partition = record.partition;
    this.position = record.position;
    this.index = item;
    this.receivedAtMs = envelope.receivedAtMs;
    // What was stored has a type that was judged.
    this.type = route.eventType ?? (textAt(record, item, FIELD.type) as EventType);
    this.userId = idAt(record, item, FIELD.userId);
    this.anonymousId = idAt(record, item, FIELD.anonymousId);
  }

  get messageId(): string {
    this.#messageId ??=
      idAt(this.#record, this.index, FIELD.messageId) ?? assignedId(this.#record, this.index);
    return this.#messageId;
  }

  get messageIdAssigned(): boolean {
    return idAt(this.#record, this.index, FIELD.messageId) === null;
  }

  get groupId(): string | null {
    return idAt(this.#record, this.index, FIELD.groupId) ?? this.#groupOfContext();
  }

  get previousId(): string | null {
    return idAt(this.#record, this.index, FIELD.previousId);
  }

  get event(): string | null {
    return textAt(this.#record, this.index, FIELD.event);
  }

  get name(): string | null {
    return textAt(this.#record, this.index, FIELD.name) ?? this.#viewText('name');
  }

  get category(): string | null {
    return textAt(this.#record, this.index, FIELD.category) ?? this.#viewText('category');
  }

  get timestampMs(): number {
    const { originalMs, sentAtMs } = timesAt(this.#record, this.index);
    return correctedTimestamp(originalMs, sentAtMs, this.receivedAtMs);
  }

  get originalTimestampMs(): number {
    return timesAt(this.#record, this.index).originalMs ?? this.receivedAtMs;
  }

  get sentAtMs(): number | null {
    return timesAt(this.#record, this.index).sentAtMs;
  }

  get channel(): string {
    return textAt(this.#record, this.index, FIELD.channel) ?? this.#record.channel;
  }

  get json(): Uint8Array {
    if (this.#json === undefined) {
      scratch.length = 0;
      putMessage(scratch, this.#record, this.index);
      this.#json = Buffer.from(scratch.bytes.subarray(0, scratch.length));
    }
    return this.#json;
  }

  get message(): JsonObject {
    this.#message ??= JSON.parse(Buffer.from(this.json).toString('utf8')) as JsonObject;
    return this.#message;
  }

  get integrations(): JsonObject {
    const { body, items, integrations } = this.#record;
    const at = this.index * FIELD_COUNT + FIELD.integrations;
    const [start, end] = [items.starts[at] ?? -1, items.ends[at] ?? -1];
    const isEmpty = start < 0 || body[start] !== OPEN_BRACE || end - start === 2;
    if (isEmpty && integrations === null) return EMPTY;
    const own = isEmpty ? null : body.toString('utf8', start, end);
    return JSON.parse(overlaid(integrations, own)) as JsonObject;
  }

  #groupOfContext(): string | null {
    const { body, items, context } = this.#record;
    const at = this.index * FIELD_COUNT + FIELD.context;
    const start = items.starts[at] ?? -1;
    const own = start < 0 ? null : body.toString('utf8', start, items.ends[at]);
    return idOfDocument(contextText(this.#record, context, own), 'groupId');
  }

  #viewText(key: string): string | null {
    if (this.type !== 'page' && this.type !== 'screen') return null;
    const { properties } = this.message;
    return isObject(properties) ? textOf(properties[key]) : null;
  }
}

/** A field's text, or null when it says nothing. */
function textAt({ body, items }: RawRecord, item: number, field: number): string | null {
  const at = item * FIELD_COUNT + field;
  const start = items.starts[at] as number;
  if (start < 0 || body[start] !== QUOTE) return null;
  const end = items.ends[at] as number;
  if (end - start === 2) return null;
  return stringAt(body, start, end);
}

/** The same of an id, which may be a number: its digits, as they were sent. */
function idAt(record: RawRecord, item: number, field: number): string | null {
  const { body, items } = record;
  const at = item * FIELD_COUNT + field;
  const start = items.starts[at] as number;
  if (start < 0 || !beginsNumber(body[start])) return textAt(record, item, field);
  return body.toString('latin1', start, items.ends[at]);
}
