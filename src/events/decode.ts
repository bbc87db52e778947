/**
 * Decodes a body and judges each event in it: the authoritative way, on parsed values. scan.ts
 * says the same of most traffic without building a value.
 */
import type { Rejection } from './envelope.ts';
import { batchItemRanges } from './item-ranges.ts';
import { isAbsent, isObject, parseJson, textOf } from './json.ts';
import type { JsonObject } from './json.ts';
import type { EventLimits } from './limits.ts';
import type { EventType, Route } from './routes.ts';
import { validateEvent } from './validate.ts';
import type { Problem } from './validate.ts';

export type Decoded =
  | {
      ok: true;
      eventCount: number;
      /** The write key in the body, if any. */
      writeKey: string | undefined;
      /** The events that are not stored, by their place. */
      rejections: Rejection[];
      /** The events as values, in their order. */
      events: readonly unknown[];
    }
  /** Nothing in the body can be told apart: the request counts as one rejected event. */
  | { ok: false; rejection: Rejection; writeKey: string | undefined };

const MESSAGE_ID_CHARS_SHOWN = 200;

/** @param routeType as for `validateEvent`. */
export function decodeBody(
  bytes: Buffer,
  shape: Route['shape'],
  limits: EventLimits,
  routeType: EventType | undefined,
): Decoded {
  if (bytes.length === 0) return refusal('BAD_REQUEST', 'Request body is empty', 'body');
  let body: unknown;
  try {
    body = parseJson(bytes);
  } catch {
    return refusal('BAD_REQUEST', 'Request body is not valid JSON', 'body');
  }
  if (!isObject(body)) return refusal('bad_request', 'Request body must be a JSON object', 'body');
  return shape === 'event'
    ? decodeEvent(body, bytes, limits, routeType)
    : decodeBatch(body, bytes, limits);
}

function decodeEvent(
  body: JsonObject,
  bytes: Buffer,
  limits: EventLimits,
  routeType: EventType | undefined,
): Decoded {
  const writeKey = textOf(body['writeKey']) ?? undefined;
  const found = checkSize(trimmedLength(bytes), limits) ?? validateEvent(body, limits, routeType);
  const rejections = found ? [rejectionOf(found, 0, body, routeType)] : [];
  return { ok: true, eventCount: 1, writeKey, rejections, events: [body] };
}

function decodeBatch(body: JsonObject, bytes: Buffer, limits: EventLimits): Decoded {
  const { batch } = body;
  const writeKey = textOf(body['writeKey']) ?? itemWriteKey(batch);
  if (isAbsent(batch)) {
    return refusal('bad_request', 'Missing required field: batch', 'batch', writeKey);
  }
  if (!Array.isArray(batch)) {
    return refusal('bad_request', 'batch must be an array', 'batch', writeKey);
  }
  if (batch.length === 0) return refusal('empty_batch', 'batch is empty', 'batch', writeKey);
  if (batch.length > limits.batchEventsMax) {
    const message = `A batch may have ${limits.batchEventsMax} events, not ${batch.length}`;
    return refusal('batch_too_large', message, 'batch', writeKey);
  }
  const shared = checkShared(body);
  if (shared) return { ok: false, rejection: rejectionOf(shared, 0, null, undefined), writeKey };
  const ranges = batchItemRanges(bytes);
  const rejections: Rejection[] = [];
  batch.forEach((event: unknown, index) => {
    const { start, end } = ranges[index] ?? { start: 0, end: 0 };
    const found =
      checkSize(end - start, limits) ?? validateEvent(withShared(event, body), limits, undefined);
    if (found) rejections.push(rejectionOf(found, index, event, undefined));
  });
  return { ok: true, eventCount: batch.length, writeKey, rejections, events: batch };
}

/** Browsers that batch put the key on each event too. */
function itemWriteKey(batch: unknown): string | undefined {
  if (!Array.isArray(batch)) return undefined;
  const [first] = batch as unknown[];
  return isObject(first) ? (textOf(first['writeKey']) ?? undefined) : undefined;
}

/** Batch-level context and integrations go into every event, so they must fit all of them. */
function checkShared(body: JsonObject): Problem | undefined {
  for (const field of ['context', 'integrations'] as const) {
    const value = body[field];
    if (isAbsent(value) || isObject(value)) continue;
    return { code: `${field}_not_object`, message: `${field} must be an object`, field };
  }
  return undefined;
}

/** The event with the batch-level context under its own, which is what will be stored. */
function withShared(event: unknown, body: JsonObject): unknown {
  if (!isObject(event) || !isObject(body['context'])) return event;
  const own = event['context'];
  if (!isAbsent(own) && !isObject(own)) return event;
  return { ...event, context: { ...body['context'], ...own } };
}

function checkSize(bytes: number, limits: EventLimits): Problem | undefined {
  if (bytes <= limits.eventBytesMax) return undefined;
  const message = `An event may have ${limits.eventBytesMax} bytes, not ${bytes}`;
  return { code: 'event_too_large', message };
}

function trimmedLength(bytes: Buffer): number {
  let start = 0;
  let end = bytes.length;
  while (start < end && (bytes[start] ?? 0) <= 0x20) start++;
  while (end > start && (bytes[end - 1] ?? 0) <= 0x20) end--;
  return end - start;
}

function rejectionOf(
  found: Problem,
  index: number,
  event: unknown,
  routeType: EventType | undefined,
): Rejection {
  const { messageId, type } = isObject(event) ? event : {};
  return {
    index,
    type: 'validation_error',
    ...found,
    messageId: textOf(messageId)?.slice(0, MESSAGE_ID_CHARS_SHOWN),
    eventType: routeType ?? textOf(type)?.slice(0, MESSAGE_ID_CHARS_SHOWN),
  };
}

function refusal(
  code: string,
  message: string,
  field: string,
  writeKey?: string | undefined,
): Decoded {
  return {
    ok: false,
    rejection: { index: 0, type: 'validation_error', code, message, field },
    writeKey,
  };
}
