/**
 * One event request from socket to answer. The order is the promise:
 *   1. authenticate, 2. take a rate-limit token, 3. read and decode the body within its limits,
 *   4. validate each event, 5. append request and verdicts to the log, 6. wait until durable,
 *   7. answer. Nothing answers 200 before step 6, and a rejected event is as durable as a good one.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { MillraceError } from '../base/errors.ts';
import type { Access } from '../auth/authenticator.ts';
import { decodeBody } from '../events/decode.ts';
import type { Decoded } from '../events/decode.ts';
import { encodeEnvelope } from '../events/envelope.ts';
import type { Envelope, Rejection } from '../events/envelope.ts';
import { emptyMarks, putPlainMark, putValueMark } from '../events/event-marks.ts';
import { scanBody } from '../events/scan.ts';
import { createScanResult } from '../events/scan-result.ts';
import type { EventType, Route } from '../events/routes.ts';
import { durableAnswer } from '../events/durable-answer.ts';
import { answerError, answerJson, answerPixel, answerSuccess } from './answers.ts';
import { readBody } from './body.ts';
import type { BodyFailure } from './body.ts';
import { applyAddressPolicy } from './client-address.ts';
import type { CollectContext } from './context.ts';
import { beginExchange } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { keyInText } from './key-in-text.ts';
import { pushRateHeaders, refuseForRate } from './rate-headers.ts';

const QUERY_KEY = 'writeKey=';
const ACCEPTED = { kind: 'accepted', rejections: [] } as const;
const NO_MARKS = Buffer.alloc(0);
const scanned = createScanResult();

/**
 * Handles `POST` on every event route. What the body says decides, and not its content type: SDKs
 * say JSON, text (browsers, to spare a preflight), form (RudderStack's for Node, when it
 * compresses), something of their own, or nothing.
 * @param query without `?`; may have the write key.
 */
export function handleIngest(
  context: CollectContext,
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
  query: string,
): void {
  const exchange = beginExchange(context, route, request, response);
  const sender = senderOf(context, exchange, query);
  if (sender === 'refused') return;
  const access = sender;
  const bytesMax = access ? access.limits.requestBytesMax : context.requestBytesMax();
  readBody(request, bytesMax, (result) => {
    if (result.ok) ingestBytes(context, exchange, access, result.bytes);
    else refuseBody(context, exchange, access, result.failure, result.sample, bytesMax);
  });
}

/** Who sends, as far as header and query say it; undefined: the body will. */
export function senderOf(
  context: CollectContext,
  exchange: Exchange,
  query: string,
): Access | undefined | 'refused' {
  const { authorization, host } = exchange.request.headers;
  const queryKey = query.includes(QUERY_KEY)
    ? (new URLSearchParams(query).get('writeKey') ?? undefined)
    : undefined;
  const isInHeader = authorization !== undefined && !context.authenticator.needsBody(authorization);
  if (!isInHeader && queryKey === undefined) return undefined;
  const found =
    queryKey === undefined
      ? context.authenticator.fromHeader(authorization ?? '', host)
      : context.authenticator.fromBody(queryKey, authorization, host);
  if (!found.ok) {
    refuseKey(context, exchange, found.reason);
    return 'refused';
  }
  return refuseForRate(context, exchange, found.access) ? 'refused' : found.access;
}

/** Steps 3 to 5 for a body that has been read: `access` is missing when the key is in the body. */
export function ingestBytes(
  context: CollectContext,
  exchange: Exchange,
  access: Access | undefined,
  bytes: Buffer,
): void {
  const { route } = exchange;
  const limits = access?.limits ?? context.settings.limits;
  if (scanBody(bytes, route.shape, limits, route.eventType, scanned)) {
    const key =
      scanned.writeKeyStart < 0
        ? undefined
        : bytes.toString('latin1', scanned.writeKeyStart, scanned.writeKeyEnd);
    const { eventCount } = scanned;
    const granted = grant(context, exchange, access, key);
    if (!granted) return;
    if (access !== undefined || isWithinOwnLimits(granted, bytes, eventCount)) {
      const marks = scannedMarks(bytes, granted.source.number);
      // The next scan comes before these events are durable, and then they are counted.
      const repaired = scanned.isRepaired ? [...scanned.repaired] : null;
      append(context, exchange, granted, { ...ACCEPTED, body: bytes, eventCount, marks, repaired });
    } else {
      ingestSlowly(context, exchange, granted, bytes);
    }
    return;
  }
  ingestSlowly(context, exchange, access, bytes);
}

/** The general limits were checked before the key was known; a source may have tighter ones. */
function isWithinOwnLimits(access: Access, bytes: Buffer, eventCount: number): boolean {
  const { limits } = access;
  return (
    !limits.isTighter &&
    bytes.length <= limits.requestBytesMax &&
    eventCount <= limits.batchEventsMax
  );
}

function ingestSlowly(
  context: CollectContext,
  exchange: Exchange,
  known: Access | undefined,
  bytes: Buffer,
): void {
  const { route } = exchange;
  let limits = known?.limits ?? context.settings.limits;
  let decoded = decodeBody(bytes, route.shape, limits, route.eventType);
  let access = known;
  if (decoded.ok || decoded.writeKey !== undefined || known) {
    access = grant(context, exchange, known, decoded.writeKey);
    if (!access) return;
    if (known === undefined) {
      limits = access.limits;
      decoded = decodeBody(bytes, route.shape, limits, route.eventType);
    }
  }
  if (access && bytes.length > access.limits.requestBytesMax) {
    refuseBody(context, exchange, access, 'too_large', bytes, access.limits.requestBytesMax);
    return;
  }
  if (!decoded.ok) return storeRefused(context, exchange, access, bytes, decoded.rejection);
  if (!access) return refuseKey(context, exchange, 'missing');
  const marks = valueMarks(decoded, access.source.number, route.eventType);
  const { eventCount, rejections, repaired } = decoded;
  append(context, exchange, access, {
    kind: 'accepted',
    body: bytes,
    eventCount,
    rejections,
    marks,
    repaired,
  });
}

/** Of the events that `scanned` tells of. */
function scannedMarks(bytes: Buffer, sourceNumber: number): Buffer {
  const { eventCount, idStarts, idEnds, types } = scanned;
  const marks = emptyMarks(eventCount);
  for (let item = 0; item < eventCount; item++) {
    const [start, end] = [idStarts[item] as number, idEnds[item] as number];
    putPlainMark(marks, item, types[item] as number, sourceNumber, bytes, start, end);
  }
  return marks;
}

/** A rejected event is marked with its type alone: it is stored nowhere that has duplicates. */
function valueMarks(
  { events, rejections }: Extract<Decoded, { ok: true }>,
  sourceNumber: number,
  type: EventType | undefined,
): Buffer {
  const marks = emptyMarks(events.length);
  const rejected = new Set(rejections.map(({ index }) => index));
  events.forEach((event, item) => {
    if (!rejected.has(item)) putValueMark(marks, item, event, type, sourceNumber);
  });
  return marks;
}

/** Settles who sends: header and body must agree; a key only in the body takes its token here. */
function grant(
  context: CollectContext,
  exchange: Exchange,
  known: Access | undefined,
  bodyKey: string | undefined,
): Access | undefined {
  const { authorization, host } = exchange.request.headers;
  if (known) {
    if (bodyKey === undefined || context.authenticator.agrees(known, bodyKey)) return known;
    refuseKey(context, exchange, 'disagreement');
    return undefined;
  }
  const found = context.authenticator.fromBody(bodyKey, authorization, host);
  if (!found.ok) {
    refuseKey(context, exchange, found.reason);
    return undefined;
  }
  return refuseForRate(context, exchange, found.access) ? undefined : found.access;
}

/**
 * A request that cannot be decoded counts as one received event, rejected, with a sample kept. Its
 * key may still be readable in it.
 */
function storeRefused(
  context: CollectContext,
  exchange: Exchange,
  access: Access | undefined,
  bytes: Buffer,
  rejection: Rejection,
): void {
  if (!access) {
    const key = keyInText(bytes);
    const { authorization, host } = exchange.request.headers;
    const found = context.authenticator.fromBody(key, authorization, host);
    if (found.ok) {
      if (refuseForRate(context, exchange, found.access)) return;
      storeRefused(context, exchange, found.access, bytes, rejection);
      return;
    }
    context.cells.unauthorized('unreadable').value++;
    refuse(context, exchange, 400, rejection.code, rejection.message, rejection.field);
    return;
  }
  const sample = bytes.subarray(0, context.settings.rejectedBodyBytesMax);
  const judged = { kind: 'rejected', body: sample, eventCount: 1, marks: NO_MARKS } as const;
  append(context, exchange, access, {
    ...judged,
    rejections: [withType(exchange, rejection)],
    repaired: null,
  });
}

const JSON_TYPE = /json|text\/plain|x-www-form-urlencoded/i;

/** Whoever sends XML shall read that it is not JSON because it is XML. */
function withType({ request }: Exchange, rejection: Rejection): Rejection {
  const type = request.headers['content-type'];
  const isOfBody = rejection.code === 'BAD_REQUEST' && rejection.field === 'body';
  if (!isOfBody || type === undefined || JSON_TYPE.test(type)) return rejection;
  return { ...rejection, message: `${rejection.message} (Content-Type: ${type.slice(0, 80)})` };
}

/** What was found in a request. */
interface Judged extends Pick<Envelope, 'kind' | 'eventCount' | 'rejections' | 'marks'> {
  body: Buffer;
  /** How many events needed each rule, in the order of REPAIR_RULES; null: none needed any. */
  repaired: readonly number[] | null;
}

/** Step 5; the callback is steps 6 and 7. */
function append(
  context: CollectContext,
  exchange: Exchange,
  access: Access,
  { kind, body, eventCount, rejections, marks, repaired }: Judged,
): void {
  const { request, route, receivedAtMs } = exchange;
  if (context.isDiskLow()) {
    answerUnavailable(context, exchange, 'LOG_DISK_FULL', DISK_FULL);
    return;
  }
  const log = context.logFor(access.source.region);
  if (!log) {
    answerUnavailable(context, exchange, 'UNAVAILABLE', 'The region has no log');
    return;
  }
  const envelope = encodeEnvelope({
    kind,
    route: route.name,
    receivedAtMs,
    sourceNumber: access.source.number,
    keyNumber: access.keyNumber,
    eventCount,
    ip: applyAddressPolicy(context.clientAddress(request), access.source.ip),
    userAgent: request.headers['user-agent'] ?? '',
    isClient: route.isClient,
    rejections,
    marks,
  });
  log.append(envelope, body, body.length, (error) => {
    if (error) {
      answerUnavailable(context, exchange, error.code, unavailableReason(error));
      return;
    }
    context.cells.countDurable(access, eventCount, rejections, exchange.receivedAtMs);
    if (repaired) context.cells.countRepaired(repaired);
    context.requestSeconds.observe((context.clock.monotonicMs() - exchange.startedMs) / 1000);
    answerDurable(context, exchange, access, eventCount, rejections);
  });
}

/** Step 7: the body differs by what the source wants to hear and by how much was rejected. */
function answerDurable(
  context: CollectContext,
  exchange: Exchange,
  access: Access,
  eventCount: number,
  rejections: readonly Rejection[],
): void {
  const { response, headers, route } = exchange;
  if (response.destroyed) return;
  pushRateHeaders(context, exchange, access);
  const { responses } = access.source;
  if (exchange.isPixel) {
    answerPixel(response, headers, 200);
  } else if (rejections.length === 0 || responses === 'lenient') {
    context.cells.status(200).value++;
    answerSuccess(response, headers);
  } else {
    const { status, body } = durableAnswer(
      { route: route.name, eventCount, rejections },
      responses,
    );
    context.cells.status(status).value++;
    answerJson(response, status, headers, body);
  }
}

const BODY_FAILURES: Record<BodyFailure, (bytesMax: number) => { code: string; message: string }> =
  {
    too_large: (bytesMax) => ({
      code: 'request_too_large',
      message: `Request body is larger than ${bytesMax} bytes`,
    }),
    bad_encoding: () => ({
      code: 'BAD_REQUEST',
      message: 'Request body cannot be decompressed as Content-Encoding says',
    }),
    unsupported_encoding: () => ({
      code: 'BAD_REQUEST',
      message: 'Unsupported Content-Encoding; use gzip, deflate, br or zstd',
    }),
  };

function refuseBody(
  context: CollectContext,
  exchange: Exchange,
  access: Access | undefined,
  failure: BodyFailure,
  sample: Buffer,
  bytesMax: number,
): void {
  const { code, message } = BODY_FAILURES[failure](bytesMax);
  if (failure === 'too_large') exchange.headers.push('Connection', 'close');
  storeRefused(context, exchange, access, sample, {
    index: 0,
    type: 'validation_error',
    code,
    message,
    field: failure === 'too_large' ? 'body' : 'Content-Encoding',
  });
}

function refuse(
  context: CollectContext,
  exchange: Exchange,
  status: number,
  code: string,
  message: string,
  field?: string,
): void {
  context.cells.status(status).value++;
  if (exchange.isPixel) return answerPixel(exchange.response, exchange.headers, 200);
  answerError(exchange.response, exchange.headers, {
    status,
    type: 'validation_error',
    code,
    message,
    field,
  });
}

/** One answer for every cause that is the key's, so that a caller learns nothing of which exist. */
export function refuseKey(context: CollectContext, exchange: Exchange, cause: string): void {
  context.cells.unauthorized(cause).value++;
  context.cells.status(401).value++;
  if (exchange.isPixel) return answerPixel(exchange.response, exchange.headers, 200);
  answerError(exchange.response, exchange.headers, {
    status: 401,
    type: 'authentication_error',
    ...(TOKEN_REFUSALS[cause] ?? { code: 'authentication_error', message: 'Invalid write key' }),
  });
}

const BAD_TOKEN = {
  code: 'access_token_invalid',
  message: 'The access token is invalid, expired, or of another source',
};
/** Only who has a good write key gets as far as these. */
const TOKEN_REFUSALS: Record<string, { code: string; message: string }> = {
  token_invalid: BAD_TOKEN,
  token_expired: BAD_TOKEN,
  token_foreign: BAD_TOKEN,
  token_missing: {
    code: 'access_token_missing',
    message: 'This source takes events with an access token only (POST /token)',
  },
};

const UNAVAILABLE_RETRY_SECONDS = 1;
const DISK_FULL = 'The disk is full; nothing was stored';

function answerUnavailable(
  context: CollectContext,
  exchange: Exchange,
  code: string,
  message: string,
): void {
  context.cells.unavailable(code).value++;
  context.cells.status(503).value++;
  if (exchange.response.destroyed) return;
  if (exchange.isPixel) return answerPixel(exchange.response, exchange.headers, 503);
  answerError(exchange.response, exchange.headers, {
    status: 503,
    type: 'service_unavailable',
    code,
    message,
    retryAfter: UNAVAILABLE_RETRY_SECONDS,
  });
}

function unavailableReason(error: MillraceError): string {
  if (error.code === 'LOG_OVERLOADED') return 'Overloaded: too many events wait for the disk';
  if (error.code === 'LOG_DISK_FULL') return DISK_FULL;
  return 'The events could not be stored; nothing was lost by retrying';
}
