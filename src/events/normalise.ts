/**
 * From a log record to events as readers and destinations see them. Everything derived is derived
 * here, from the record alone, so that a replay years later gives the same result.
 */
import { parseAround } from './broken-json.ts';
import { decodePayload } from './envelope.ts';
import type { Envelope, Rejection } from './envelope.ts';
import { batchItemRanges } from './item-ranges.ts';
import { isAbsent, isObject, textOf } from './json.ts';
import type { JsonObject } from './json.ts';
import { repairEvent, REPAIRS_KEY } from './repairs.ts';
import type { SentTexts } from './repairs.ts';
import { routeByName } from './routes.ts';
import type { EventType, Route, RouteName } from './routes.ts';
import type { NumberText } from './sent-json.ts';
import { clampTimestamp, parseTimestamp } from './timestamp.ts';
import { isEventType } from './validate.ts';
import { assert } from '../base/assert.ts';

export interface NormalEvent {
  sourceNumber: number;
  partition: string;
  /** Position of the record in the partition. */
  position: number;
  /** Place in the record's batch. */
  index: number;
  type: EventType;
  messageId: string;
  /** True when the sender gave none; then it is made from the position. */
  messageIdAssigned: boolean;
  userId: string | null;
  anonymousId: string | null;
  groupId: string | null;
  previousId: string | null;
  event: string | null;
  name: string | null;
  category: string | null;
  /** Corrected for a wrong client clock. */
  timestampMs: number;
  originalTimestampMs: number;
  sentAtMs: number | null;
  receivedAtMs: number;
  channel: string | null;
  /** The whole message in Segment's delivered shape. */
  message: JsonObject;
}

export interface RejectedEvent {
  sourceNumber: number;
  partition: string;
  position: number;
  index: number;
  receivedAtMs: number;
  route: RouteName;
  code: string;
  message: string;
  field: string | null;
  /** The event's type, if it could be told. */
  type: string | null;
  messageId: string | null;
  /** A sample of what was sent. */
  body: string;
  ip: string;
  userAgent: string;
}

export interface NormalRecord {
  events: NormalEvent[];
  rejected: RejectedEvent[];
  /** What was sent in fields that are read in another way, by the event's place in the batch. */
  repairs: ReadonlyMap<number, SentTexts>;
}

export interface RecordPlace {
  partition: string;
  position: number;
}

const SAMPLE_CHARS_MAX = 4096;
/** The version of the message shape (Segment docs: set by the server). */
export const MESSAGE_VERSION = 2;

/** Returns the events of one record in the order of its batch. */
export function normaliseRecord(payload: Uint8Array, place: RecordPlace): NormalRecord {
  const { envelope, body } = decodePayload(payload);
  const repairs = new Map<number, SentTexts>();
  if (envelope.kind === 'rejected') {
    const sample = body.toString('utf8');
    const rejected = envelope.rejections.map(rejectionAt(envelope, place, sample));
    return { events: [], rejected, repairs };
  }
  const route = routeByName(envelope.route);
  assert(route, 'an envelope names a known route');
  const parsed = parseAround(body, route.shape);
  assert(parsed.ok && isObject(parsed.sent.value), 'an accepted body is an object');
  const { value, numberText } = parsed.sent;
  const items = itemsOf(value, route);
  assert(items.length === envelope.eventCount, 'a record holds as many events as it says');
  const refused = new Map(envelope.rejections.map((rejection) => [rejection.index, rejection]));
  const sampleOf = samplesOf(body, parsed.json, route, refused.size);
  const shared = route.shape === 'batch' ? value : {};
  const events: NormalEvent[] = [];
  const rejected: RejectedEvent[] = [];
  items.forEach((item, index) => {
    const rejection = refused.get(index);
    if (rejection) {
      rejected.push(rejectionAt(envelope, place, sampleOf(index))(rejection));
    } else if (isObject(item)) {
      const { event, sent } = repairEvent(item, shared, numberText);
      if (sent.size > 0) repairs.set(index, sent);
      events.push(eventOf(event, { shared, envelope, route, numberText }, place, index));
    }
  });
  return { events, rejected, repairs };
}

/** What an event comes in. */
interface Around {
  shared: JsonObject;
  envelope: Envelope;
  route: Route;
  numberText: NumberText;
}

function itemsOf(body: JsonObject, route: Route): readonly unknown[] {
  if (route.shape === 'event') return [body];
  const { batch } = body;
  return Array.isArray(batch) ? (batch as unknown[]) : [];
}

function eventOf(
  item: JsonObject,
  { shared, envelope, route, numberText }: Around,
  { partition, position }: RecordPlace,
  index: number,
): NormalEvent {
  const type = route.eventType ?? item['type'];
  assert(isEventType(type), 'a valid event has a type');
  const times = timesOf(item, shared, envelope.receivedAtMs);
  const context = contextOf(item, shared, envelope, route);
  const properties = isObject(item['properties']) ? item['properties'] : {};
  const isView = type === 'page' || type === 'screen';
  const givenId = textOf(item['messageId']);
  const messageId = givenId ?? `millrace-${partition}-${position}-${index}`;
  const channel = textOf(item['channel']) ?? (envelope.isClient ? 'client' : 'server');
  return {
    sourceNumber: envelope.sourceNumber,
    partition,
    position,
    index,
    type,
    messageId,
    messageIdAssigned: givenId === null,
    userId: textOf(item['userId']),
    anonymousId: textOf(item['anonymousId']),
    groupId: textOf(item['groupId']) ?? groupOfContext(item, shared, numberText),
    previousId: textOf(item['previousId']),
    event: textOf(item['event']),
    name: textOf(item['name']) ?? (isView ? textOf(properties['name']) : null),
    category: textOf(item['category']) ?? (isView ? textOf(properties['category']) : null),
    ...times,
    receivedAtMs: envelope.receivedAtMs,
    channel,
    message: messageOf(item, shared, { type, messageId, channel, context, times, envelope }),
  };
}

/** The account that the context names, also by a number. */
function groupOfContext(
  item: JsonObject,
  shared: JsonObject,
  numberText: NumberText,
): string | null {
  const [under, own] = [shared['context'], item['context']];
  const isOwn = isObject(own) && Object.hasOwn(own, 'groupId');
  const holder = isOwn ? own : under;
  if (!isObject(holder)) return null;
  const { groupId } = holder;
  return typeof groupId === 'number' ? numberText(holder, 'groupId') : textOf(groupId);
}

interface Times {
  timestampMs: number;
  originalTimestampMs: number;
  sentAtMs: number | null;
}

/**
 * `timestamp = receivedAt − (sentAt − originalTimestamp)` (Segment docs): the time between event
 * and sending, by the client's clock, counted back from our clock. Without `sentAt` there is
 * nothing to correct by; without a time of its own an event happened when it was received.
 */
export function correctedTimestamp(
  originalMs: number | null,
  sentAtMs: number | null,
  receivedAtMs: number,
): number {
  if (originalMs === null) return receivedAtMs;
  return clampTimestamp(sentAtMs === null ? originalMs : receivedAtMs - (sentAtMs - originalMs));
}

function timesOf(item: JsonObject, shared: JsonObject, receivedAtMs: number): Times {
  const sentAtMs = parseTimestamp(item['sentAt']) ?? parseTimestamp(shared['sentAt']);
  const original = parseTimestamp(item['timestamp']) ?? parseTimestamp(item['originalTimestamp']);
  return {
    timestampMs: correctedTimestamp(original, sentAtMs, receivedAtMs),
    originalTimestampMs: original ?? receivedAtMs,
    sentAtMs,
  };
}

/**
 * The event's own context over the batch's. Clients do not know their address, so it is filled in
 * for them; servers do only when they say that they speak for the client (`direct`).
 */
function contextOf(
  item: JsonObject,
  shared: JsonObject,
  envelope: Envelope,
  route: Route,
): JsonObject {
  const context = merged(shared['context'], item['context']);
  const isOwnAddress = envelope.isClient || context['direct'] === true;
  if (isOwnAddress && envelope.ip !== '' && context['ip'] === undefined) {
    context['ip'] = envelope.ip;
  }
  if (route.isPixel && envelope.userAgent !== '' && context['userAgent'] === undefined) {
    context['userAgent'] = envelope.userAgent;
  }
  return context;
}

/** Spreading defines keys, so one named `__proto__` stays an ordinary key. */
function merged(under: unknown, over: unknown): JsonObject {
  return { ...(isObject(under) ? under : {}), ...(isObject(over) ? over : {}) };
}

interface Derived {
  type: EventType;
  messageId: string;
  channel: string;
  context: JsonObject;
  times: Times;
  envelope: Envelope;
}

function messageOf(item: JsonObject, shared: JsonObject, derived: Derived): JsonObject {
  const { type, messageId, channel, context, times, envelope } = derived;
  const message: JsonObject = { ...item };
  delete message['writeKey'];
  delete message[REPAIRS_KEY];
  for (const id of ['userId', 'anonymousId', 'groupId', 'previousId']) {
    if (message[id] === null) delete message[id];
  }
  message['type'] = type;
  message['messageId'] = messageId;
  message['channel'] = channel;
  message['context'] = context;
  if (type === 'identify' && isAbsent(item['traits']) && isObject(context['traits'])) {
    // RudderStack's SDKs and old ones of Segment send them there.
    message['traits'] = context['traits'];
  }
  message['integrations'] = merged(shared['integrations'], item['integrations']);
  message['timestamp'] = isoOf(times.timestampMs);
  message['originalTimestamp'] = isoOf(times.originalTimestampMs);
  if (times.sentAtMs === null) delete message['sentAt'];
  else message['sentAt'] = isoOf(times.sentAtMs);
  message['receivedAt'] = isoOf(envelope.receivedAtMs);
  message['version'] = MESSAGE_VERSION;
  return message;
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

function rejectionAt(
  envelope: Envelope,
  { partition, position }: RecordPlace,
  body: string,
): (rejection: Rejection) => RejectedEvent {
  const { sourceNumber, receivedAtMs, route, ip, userAgent } = envelope;
  return ({ index, code, message, field, eventType, messageId }) => ({
    sourceNumber,
    partition,
    position,
    index,
    receivedAtMs,
    route,
    code,
    message,
    field: field ?? null,
    type: eventType ?? null,
    messageId: messageId ?? null,
    body,
    ip,
    userAgent,
  });
}

/**
 * What was sent of a rejected event: its own bytes, because printing it again would round numbers.
 * @param json the body, or what stands for it where it is none.
 */
function samplesOf(
  body: Buffer,
  json: Buffer,
  route: Route,
  refused: number,
): (index: number) => string {
  const ranges = refused > 0 && route.shape === 'batch' ? batchItemRanges(json) : [];
  return (index) => {
    const { start, end } = ranges[index] ?? { start: 0, end: body.length };
    return body.toString('utf8', start, end).trim().slice(0, SAMPLE_CHARS_MAX);
  };
}
