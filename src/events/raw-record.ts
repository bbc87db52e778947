/**
 * One record of accepted events as its bytes: the body as it was sent, and where each field of each
 * event stands in it. Readers cut out what they need instead of parsing and printing it again.
 */
import { isUtf8 } from 'node:buffer';
import { assert } from '../base/assert.ts';
import { parseTimestamp } from './timestamp.ts';
import type { Envelope } from './envelope.ts';
import { OPEN_BRACE, QUOTE } from './json-bytes.ts';
import { stringAt } from './json-values.ts';
import { FIELD, readRawItems } from './raw-items.ts';
import type { RawItems } from './raw-items.ts';
import type { RecordPlace } from './normalise.ts';
import { routeByName } from './routes.ts';
import type { Route } from './routes.ts';

export interface RawRecord extends RecordPlace {
  envelope: Envelope;
  route: Route;
  /** UTF-8, and no line breaks. */
  body: Buffer;
  items: RawItems;
  /** Events that are not stored, by their place. */
  refused: ReadonlySet<number>;
  /** Of events that name none. */
  channel: string;
  /** Of the batch. */
  sentAtMs: number | null;
  /** Text of the batch's own context and integrations; null: none, or empty. */
  context: string | null;
  integrations: string | null;
  /** `"ip":"…"`, as clients get it that do not know their own; null: they do not get it. */
  ipMember: string | null;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const NONE: ReadonlySet<number> = new Set();

/**
 * Finds the events of an accepted record.
 * @param items are filled; they belong to the record until they are filled again.
 */
export function readRawRecord(
  { partition, position }: RecordPlace,
  envelope: Envelope,
  sent: Buffer,
  items: RawItems,
): RawRecord {
  const route = routeByName(envelope.route);
  assert(route, 'an envelope names a known route');
  const { rejections, isClient, ip } = envelope;
  const refused = rejections.length === 0 ? NONE : new Set(rejections.map(({ index }) => index));
  const body = cleanBody(sent);
  readRawItems(body, route.shape, refused, items);
  assert(items.count === envelope.eventCount, 'a record holds as many events as it says');
  return {
    partition,
    position,
    envelope,
    route,
    body,
    items,
    refused,
    channel: isClient ? 'client' : 'server',
    sentAtMs: sharedTime(body, items),
    context: sharedObject(body, items, FIELD.context),
    integrations: sharedObject(body, items, FIELD.integrations),
    ipMember: isClient && ip !== '' ? `"ip":${JSON.stringify(ip)}` : null,
  };
}

/**
 * The body as UTF-8 without line breaks. JSON has those only between tokens, where a space says the
 * same. Returns the body itself when it is so already.
 */
function cleanBody(body: Buffer): Buffer {
  const text = isUtf8(body) ? body : Buffer.from(body.toString('utf8'));
  if (!text.includes(NEWLINE) && !text.includes(RETURN)) return text;
  const copy = Buffer.from(text);
  for (let at = 0; at < copy.length; at++) {
    if (copy[at] === NEWLINE || copy[at] === RETURN) copy[at] = SPACE;
  }
  return copy;
}

function sharedTime(body: Buffer, { shared }: RawItems): number | null {
  const start = shared.starts[FIELD.sentAt] ?? -1;
  if (start < 0 || body[start] !== QUOTE) return null;
  return parseTimestamp(stringAt(body, start, shared.ends[FIELD.sentAt] ?? -1));
}

function sharedObject(body: Buffer, { shared }: RawItems, field: number): string | null {
  const start = shared.starts[field] ?? -1;
  if (start < 0 || body[start] !== OPEN_BRACE) return null;
  const text = body.toString('utf8', start, shared.ends[field]);
  return isEmptyObject(text) ? null : text;
}

/** Also with spaces in it. */
export function isEmptyObject(text: string): boolean {
  return /^\{\s*\}$/.test(text);
}

/** The id of an event that came with none: its place in the log, which no other event has. */
export function assignedId({ partition, position }: RecordPlace, item: number): string {
  return `millrace-${partition}-${position}-${item}`;
}
