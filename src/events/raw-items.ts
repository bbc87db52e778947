/**
 * Where the events of an accepted body stand, field by field, without building a value: what was
 * sent is passed on as it was sent. Only for bodies that `decodeBody` or `scanBody` has judged,
 * because nothing is checked here again.
 *
 * Of keys that are repeated the last one counts, as it does for JSON.parse. The shape of an event
 * (its keys, and of which kind each value is) becomes a hash, so that a reader who has looked at
 * one event of a shape need not look at the next. Objects that have a key twice are told, because
 * not every engine lets the last one count.
 */
import {
  beginShape,
  contextKeysSeen,
  endOfDocument,
  hasRepeats,
  mix,
  shapeHigh,
  shapeLow,
  shapeOfContext,
  shapeOfObject,
} from './document-shape.ts';
import {
  BACKSLASH,
  CLOSE_BRACKET,
  COMMA,
  isEqual,
  LETTER_N,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
  SPACE,
} from './json-bytes.ts';
import { endOfString, endOfValue, stringAt, valueAfter } from './json-values.ts';
import { REPAIRS_KEY } from './repairs.ts';
import type { Route } from './routes.ts';

/** Fields of an event that have a column of their own. */
export const FIELDS = [
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
  'channel',
  'properties',
  'traits',
  'context',
  'integrations',
  '_metadata',
] as const;
export type FieldName = (typeof FIELDS)[number];

/** Index of each field. */
export const FIELD = Object.fromEntries(FIELDS.map((name, at) => [name, at])) as Record<
  FieldName,
  number
>;
export const FIELD_COUNT = FIELDS.length;

/** What is the transport's business, or set by Millrace whatever was sent. */
const LEFT_OUT = ['writeKey', 'receivedAt', 'version', REPAIRS_KEY] as const;
const LEFT_OUT_FIELD = FIELD_COUNT;
const BATCH_FIELD = FIELD_COUNT + 1;
const UNKNOWN_FIELD = -1;

/** What makes an event another shape beside its documents. */
const EMPTY_LIST = 1 << 8;
const REPEATED = 1 << 9;

/** A key and its value that have no column of their own. */
export interface ExtraField {
  item: number;
  /** With its quotes. */
  keyStart: number;
  keyEnd: number;
  start: number;
  end: number;
}

/** The events of one body; reused from body to body. */
export interface RawItems {
  count: number;
  /** Field `f` of event `n` is `[starts[n * FIELD_COUNT + f], ends[…])`; absent: -1. */
  starts: Int32Array;
  ends: Int32Array;
  /** Fields of the batch itself; all absent for a single event. */
  shared: { starts: Int32Array; ends: Int32Array };
  /** Which keys the event's own context has. */
  contextKeys: Uint8Array;
  /** Two independent hashes of the shape of properties, traits and context. */
  shapeHigh: Int32Array;
  shapeLow: Int32Array;
  /** 1: an object anywhere in the event's documents may have a key twice; 0: none has. */
  repeats: Uint8Array;
  /** The same of the batch's own documents. */
  sharedRepeats: boolean;
  /** 1: a field of the event may be no text, object or null; 0: none of those with a column is. */
  oddities: Uint8Array;
  extras: ExtraField[];
}

export function createRawItems(): RawItems {
  return {
    count: 0,
    ...roomFor(256),
    shared: { starts: new Int32Array(FIELD_COUNT), ends: new Int32Array(FIELD_COUNT) },
    sharedRepeats: false,
    extras: [],
  };
}

function roomFor(
  items: number,
): Pick<
  RawItems,
  'starts' | 'ends' | 'contextKeys' | 'shapeHigh' | 'shapeLow' | 'repeats' | 'oddities'
> {
  return {
    starts: new Int32Array(items * FIELD_COUNT),
    ends: new Int32Array(items * FIELD_COUNT),
    contextKeys: new Uint8Array(items),
    shapeHigh: new Int32Array(items),
    shapeLow: new Int32Array(items),
    repeats: new Uint8Array(items),
    oddities: new Uint8Array(items),
  };
}

/** Candidates by length and first byte; the rest is compared. */
const BY_SHAPE: { bytes: Uint8Array; field: number }[][] = [];
const FIELD_BY_NAME = new Map<string, number>([
  ...FIELDS.map((name, at) => [name, at] as const),
  ...LEFT_OUT.map((name) => [name, LEFT_OUT_FIELD] as const),
  ['batch', BATCH_FIELD],
]);
for (const [name, field] of FIELD_BY_NAME) {
  const bytes = Buffer.from(name);
  (BY_SHAPE[bytes.length * 256 + (bytes[0] ?? 0)] ??= []).push({ bytes, field });
}
const KEY_CHARS_MAX = Math.max(...[...FIELD_BY_NAME.keys()].map((name) => name.length));

/** What was read, for itself: the original may be used for the next body. */
export function copyRawItems(items: RawItems): RawItems {
  const { count, shared, extras } = items;
  return {
    count,
    starts: items.starts.slice(0, count * FIELD_COUNT),
    ends: items.ends.slice(0, count * FIELD_COUNT),
    shared: { starts: shared.starts.slice(), ends: shared.ends.slice() },
    contextKeys: items.contextKeys.slice(0, count),
    shapeHigh: items.shapeHigh.slice(0, count),
    shapeLow: items.shapeLow.slice(0, count),
    repeats: items.repeats.slice(0, count),
    sharedRepeats: items.sharedRepeats,
    oddities: items.oddities.slice(0, count),
    extras: [...extras],
  };
}

/**
 * @param body valid JSON with an object at its top; a byte order mark is stepped over.
 * @param skipped events that are not looked into: they were refused, and may be anything.
 */
export function readRawItems(
  body: Uint8Array,
  shape: Route['shape'],
  skipped: ReadonlySet<number>,
  items: RawItems,
): void {
  items.count = 0;
  items.extras.length = 0;
  items.shared.starts.fill(-1);
  items.sharedRepeats = false;
  const start = body.indexOf(OPEN_BRACE);
  if (shape === 'batch') readBatch(body, start, skipped, items);
  else addItem(body, start, skipped, items);
}

function readBatch(
  b: Uint8Array,
  start: number,
  skipped: ReadonlySet<number>,
  items: RawItems,
): void {
  let p = skipSpace(b, start + 1);
  while (b[p] === QUOTE) {
    const keyEnd = endOfString(b, p + 1);
    const field = fieldAt(b, p, keyEnd);
    p = valueAfter(b, keyEnd);
    const valueStart = p;
    if (field === BATCH_FIELD && b[p] === OPEN_BRACKET) {
      p = readItems(b, p, skipped, items);
    } else {
      beginShape();
      p = endOfDocument(b, p);
      if (hasRepeats()) items.sharedRepeats = true;
    }
    if (field >= 0 && field < FIELD_COUNT) {
      items.shared.starts[field] = valueStart;
      items.shared.ends[field] = p;
    }
    p = skipSpace(b, p);
    if (b[p] !== COMMA) return;
    p = skipSpace(b, p + 1);
  }
}

/** The items of the array; of several arrays the last one counts. */
function readItems(
  b: Uint8Array,
  start: number,
  skipped: ReadonlySet<number>,
  items: RawItems,
): number {
  items.count = 0;
  items.extras.length = 0;
  let p = skipSpace(b, start + 1);
  if (b[p] === CLOSE_BRACKET) return p + 1;
  for (;;) {
    p = skipSpace(b, addItem(b, p, skipped, items));
    if (b[p] !== COMMA) return p + 1;
    p = skipSpace(b, p + 1);
  }
}

function addItem(
  b: Uint8Array,
  start: number,
  skipped: ReadonlySet<number>,
  items: RawItems,
): number {
  const item = items.count++;
  if (item >= items.contextKeys.length) grow(items);
  items.starts.fill(-1, item * FIELD_COUNT, (item + 1) * FIELD_COUNT);
  items.repeats[item] = 0;
  items.oddities[item] = 0;
  if (b[start] !== OPEN_BRACE || skipped.has(item)) return endOfValue(b, start);
  beginShape();
  const end = readFields(b, start, item, items);
  items.contextKeys[item] = contextKeysSeen();
  items.shapeHigh[item] = shapeHigh();
  items.shapeLow[item] = shapeLow();
  items.repeats[item] = hasRepeats() ? 1 : 0;
  return end;
}

function readFields(b: Uint8Array, start: number, item: number, items: RawItems): number {
  const { starts, ends } = items;
  const base = item * FIELD_COUNT;
  let p = skipSpace(b, start + 1);
  while (b[p] === QUOTE) {
    const keyStart = p;
    const keyEnd = endOfString(b, p + 1);
    const field = fieldAt(b, keyStart, keyEnd);
    p = valueAfter(b, keyEnd);
    const valueStart = p;
    const byte = b[p] as number;
    if (byte === QUOTE) {
      p = endOfString(b, p + 1);
    } else if (byte === OPEN_BRACE && field >= FIELD.properties && field <= FIELD.context) {
      mix(field);
      p = field === FIELD.context ? shapeOfContext(b, p) : shapeOfObject(b, p, 1);
    } else {
      p = endOfDocument(b, p);
      if (byte !== LETTER_N && field >= 0) items.oddities[item] = 1;
      // An empty list is an object without members, and not absent.
      if (byte === OPEN_BRACKET && field >= 0) mix(EMPTY_LIST ^ field);
    }
    if (field >= 0 && field < FIELD_COUNT) {
      // Of two the last one counts: what comes of it is not what comes of either alone.
      if ((starts[base + field] as number) >= 0) mix(REPEATED ^ field);
      starts[base + field] = valueStart;
      ends[base + field] = p;
    } else if (field === UNKNOWN_FIELD || field === BATCH_FIELD) {
      items.extras.push({ item, keyStart, keyEnd, start: valueStart, end: p });
    }
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
    if (b[p++] !== COMMA) return p;
    if ((b[p] as number) <= SPACE) p = skipSpace(b, p);
  }
  return p + 1;
}

function grow(items: RawItems): void {
  const larger = roomFor(items.contextKeys.length * 2);
  larger.starts.set(items.starts);
  larger.ends.set(items.ends);
  larger.contextKeys.set(items.contextKeys);
  larger.shapeHigh.set(items.shapeHigh);
  larger.shapeLow.set(items.shapeLow);
  larger.repeats.set(items.repeats);
  larger.oddities.set(items.oddities);
  Object.assign(items, larger);
}

/** @param start,end of a key with its quotes. */
function fieldAt(b: Uint8Array, start: number, end: number): number {
  const length = end - start - 2;
  if (length <= KEY_CHARS_MAX) {
    const candidates = BY_SHAPE[length * 256 + (b[start + 1] as number)];
    if (candidates !== undefined) {
      for (const { bytes, field } of candidates) if (isEqual(b, start + 1, bytes)) return field;
    }
  }
  // An escaped key may mean a known one.
  for (let p = start + 1; p < end - 1; p++) {
    if (b[p] !== BACKSLASH) continue;
    return FIELD_BY_NAME.get(stringAt(b, start, end)) ?? UNKNOWN_FIELD;
  }
  return UNKNOWN_FIELD;
}
