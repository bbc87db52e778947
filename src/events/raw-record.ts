/**
 * One record of accepted events as its bytes: the body as it was sent, and where each field of each
 * event stands in it. Readers cut out what they need instead of parsing and printing it again.
 */
import { isUtf8 } from 'node:buffer';
import { assert } from '../base/assert.ts';
import type { Envelope } from './envelope.ts';
import { OPEN_BRACE, OPEN_BRACKET } from './json-bytes.ts';
import { FIELD, readRawItems } from './raw-items.ts';
import type { RawItems } from './raw-items.ts';
import type { RecordPlace } from './normalise.ts';
import { routeByName } from './routes.ts';
import type { Route } from './routes.ts';
import { timeOfJson } from './timestamp.ts';

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
  /** What was sent for these instead of an object, as members; null: they are as they should be. */
  sharedRepairs: string | null;
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
    sharedRepairs: sharedLists(body, items),
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
  return start < 0 ? null : timeOfJson(body, start, shared.ends[FIELD.sentAt] ?? -1);
}

/** Empty lists, which are the only ones that are accepted. */
function sharedLists(body: Buffer, { shared }: RawItems): string | null {
  const members: string[] = [];
  for (const field of ['context', 'integrations'] as const) {
    const start = shared.starts[FIELD[field]] ?? -1;
    if (start < 0 || body[start] !== OPEN_BRACKET) continue;
    const text = body.toString('utf8', start, shared.ends[FIELD[field]]);
    members.push(`"batch.${field}":${text}`);
  }
  return members.length === 0 ? null : members.join(',');
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
