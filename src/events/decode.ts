/**
 * Decodes a body and judges each event in it: the authoritative way, on parsed values. scan.ts
 * says the same of most traffic without building a value.
 */
import { parseAround } from './broken-json.ts';
import type { Faults, ParsedAround } from './broken-json.ts';
import type { Rejection } from './envelope.ts';
import { batchItemRanges } from './item-ranges.ts';
import { isAbsent, isObject, textOf } from './json.ts';
import type { JsonObject } from './json.ts';
import type { EventLimits } from './limits.ts';
import { isEmptyList, REPAIR_RULES } from './repairs.ts';
import type { EventType, Route } from './routes.ts';
import { judgeEvent } from './validate.ts';
import type { Judged, Problem } from './validate.ts';

export type Decoded =
  | {
      ok: true;
      eventCount: number;
      /** The write key in the body, if any. */
      writeKey: string | undefined;
      /** The events that are not stored, by their place. */
      rejections: Rejection[];
      /** The events as values, as they are read, in their order. */
      events: readonly unknown[];
      /** How many events needed each rule of repairs.ts, in the order of REPAIR_RULES. */
      repaired: readonly number[];
    }
  /** Nothing in the body can be told apart: the request counts as one rejected event. */
  | { ok: false; rejection: Rejection; writeKey: string | undefined };

const MESSAGE_ID_CHARS_SHOWN = 200;

/** @param routeType as for `judgeEvent`. */
export function decodeBody(
  bytes: Buffer,
  shape: Route['shape'],
  limits: EventLimits,
  routeType: EventType | undefined,
): Decoded {
  if (bytes.length === 0) return refusal('BAD_REQUEST', 'Request body is empty', 'body');
  const parsed = parseAround(bytes, shape);
  if (!parsed.ok) {
    const where = parsed.problem === '' ? '' : `: ${parsed.problem}`;
    return refusal('BAD_REQUEST', `Request body is not valid JSON${where}`, 'body');
  }
  const { value } = parsed.sent;
  if (!isObject(value)) return refusal('bad_request', 'Request body must be a JSON object', 'body');
  return shape === 'event'
    ? decodeEvent(value, parsed, limits, routeType)
    : decodeBatch(value, parsed, limits);
}

type Parsed = Extract<ParsedAround, { ok: true }>;

function decodeEvent(
  body: JsonObject,
  { sent, json }: Parsed,
  limits: EventLimits,
  routeType: EventType | undefined,
): Decoded {
  const writeKey = textOf(body['writeKey']) ?? undefined;
  const judged = judgeEvent(body, {}, limits, routeType, sent.numberText);
  const found = checkSize(trimmedLength(json), limits) ?? judged.problem;
  const rejections = found ? [rejectionOf(found, 0, judged.event, routeType)] : [];
  const repaired = repairedOf(found ? [] : [judged]);
  return { ok: true, eventCount: 1, writeKey, rejections, events: [judged.event], repaired };
}

function decodeBatch(body: JsonObject, parsed: Parsed, limits: EventLimits): Decoded {
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
  const ranges = batchItemRanges(parsed.json);
  const rejections: Rejection[] = [];
  const events: unknown[] = [];
  const accepted: Judged[] = [];
  batch.forEach((sent: unknown, index) => {
    const { start, end } = ranges[index] ?? { start: 0, end: 0 };
    const judged = judgeEvent(sent, body, limits, undefined, parsed.sent.numberText);
    const found =
      checkJson(parsed.faults, index) ?? checkSize(end - start, limits) ?? judged.problem;
    if (found) rejections.push(rejectionOf(found, index, judged.event, undefined));
    else accepted.push(judged);
    events.push(judged.event);
  });
  const repaired = repairedOf(accepted);
  return { ok: true, eventCount: batch.length, writeKey, rejections, events, repaired };
}

function repairedOf(accepted: readonly Judged[]): number[] {
  return REPAIR_RULES.map((_, bit) => accepted.filter(({ rules }) => rules & (1 << bit)).length);
}

function checkJson(faults: Faults, index: number): Problem | undefined {
  const fault = faults.get(index);
  if (fault === undefined) return undefined;
  const message = `Event ${index} is not valid JSON: ${fault} of the body`;
  return { code: 'BAD_REQUEST', message };
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
    if (isAbsent(value) || value === '' || isEmptyList(value) || isObject(value)) continue;
    return { code: `${field}_not_object`, message: `${field} must be an object`, field };
  }
  return undefined;
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
