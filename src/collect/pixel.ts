/**
 * `GET /v1/pixel/{track,page,…}`: an event for places without JavaScript (mail, AMP). Either
 * `data` holds base64 JSON (URL-safe or not, padding optional), or the query is flat and dotted
 * (`properties.subject=Hi`). The answer is always a 1×1 GIF (Segment docs); the status is 200
 * except when the event could not be made durable, which no image may hide.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Route } from '../events/routes.ts';
import type { CollectContext } from './context.ts';
import { beginExchange } from './exchange.ts';
import { ingestBytes, senderOf } from './ingest.ts';

const PATH_DEPTH_MAX = 16;
const PARAMETERS_MAX = 500;
/** With lines as mail has them, of either alphabet. */
const BASE64 = /^[\w+/=\s-]*$/;

export function handlePixel(
  context: CollectContext,
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
  query: string,
): void {
  const exchange = beginExchange(context, route, request, response);
  exchange.isPixel = true;
  const parameters = new URLSearchParams(query);
  const data = parameters.get('data');
  if (data === null) {
    ingestBytes(context, exchange, undefined, bytesFromQuery(parameters));
    return;
  }
  // A key beside the data is known even when the data cannot be read.
  const sender = senderOf(context, exchange, query);
  if (sender === 'refused') return;
  ingestBytes(context, exchange, sender, bytesFromData(data));
}

/** What is no base64 is taken as it came: decoded all the same, its sample would say nothing. */
function bytesFromData(data: string): Buffer {
  // A plus that nobody escaped has become a space.
  if (BASE64.test(data)) return Buffer.from(data.replaceAll(' ', '+'), 'base64');
  return Buffer.from(data);
}

/** Builds the event from dotted parameters. Values stay strings: a query has no other type. */
function bytesFromQuery(query: URLSearchParams): Buffer {
  const event = emptyObject();
  let count = 0;
  for (const [path, value] of query) {
    if (++count > PARAMETERS_MAX) break;
    setPath(event, path.split('.').slice(0, PATH_DEPTH_MAX), value);
  }
  return Buffer.from(JSON.stringify(event));
}

function setPath(event: Record<string, unknown>, path: readonly string[], value: string): void {
  let target = event;
  path.forEach((key, at) => {
    if (at === path.length - 1) {
      target[key] = value;
      return;
    }
    const next = target[key];
    if (isObject(next)) {
      target = next;
    } else {
      const created = emptyObject();
      target[key] = created;
      target = created;
    }
  });
}

/** Without a prototype, so that a parameter named `__proto__` is an ordinary key. */
function emptyObject(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
