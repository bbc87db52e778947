/**
 * Batches that are no JSON because of values in some of their events: Python writes NaN. Where
 * brackets, commas and keys are in order, each byte belongs to one event beyond doubt, and the
 * others need not be lost. The log keeps the body as it was sent; whoever reads it again finds the
 * same here.
 */
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  endOfString,
  isEqual,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  BACKSLASH,
  skipNumber,
  skipSpace,
  SPACE,
} from './json-bytes.ts';
import type { Route } from './routes.ts';
import { parseSent } from './sent-json.ts';
import type { SentJson } from './sent-json.ts';

/** What is wrong in events that are no JSON, by their place in the batch. */
export type Faults = ReadonlyMap<number, string>;

export type ParsedAround =
  | {
      ok: true;
      sent: SentJson;
      /** As long as the body, and JSON: each faulty value is another one. */
      json: Buffer;
      faults: Faults;
    }
  /** `problem`: what is wrong, and where. */
  | { ok: false; problem: string };

const NO_FAULTS: Faults = new Map();
const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);
const WORD_CHARS_SHOWN = 40;

/** Parses a body; of a batch around the events that are no JSON. */
export function parseAround(bytes: Buffer, shape: Route['shape']): ParsedAround {
  try {
    return { ok: true, sent: parseSent(bytes), json: bytes, faults: NO_FAULTS };
  } catch {
    return parseBroken(bytes, shape);
  }
}

interface Fault {
  item: number;
  start: number;
  end: number;
}

/** One walk through a body that is no JSON. */
interface Walk {
  bytes: Buffer;
  /** The event that the walk is in; -1: in none. */
  item: number;
  faults: Fault[];
  /** Where it cannot go on. */
  stop: number;
}

function parseBroken(bytes: Buffer, shape: Route['shape']): ParsedAround {
  const walk: Walk = { bytes, item: -1, faults: [], stop: -1 };
  const start = isEqual(bytes, 0, BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
  const batches = walkBody(walk, skipSpace(bytes, start), shape);
  if (batches < 0) return { ok: false, problem: tellStop(walk) };
  const alone = walk.faults.find(({ item }) => item < 0) ?? walk.faults[0];
  if (!alone) return { ok: false, problem: '' };
  // Of several batches only the last one counts, and whose event it is would have two answers.
  if (alone.item < 0 || batches !== 1) return { ok: false, problem: tell(bytes, alone) };
  const json = Buffer.from(bytes);
  const faults = new Map<number, string>();
  for (const fault of walk.faults) {
    const { item, start: from, end } = fault;
    json.fill(SPACE, from, end).write(bytes[from] === QUOTE ? '""' : '0', from, 'latin1');
    if (!faults.has(item)) faults.set(item, tell(bytes, fault));
  }
  try {
    return { ok: true, sent: parseSent(json), json, faults };
  } catch {
    return { ok: false, problem: tell(bytes, alone) };
  }
}

/** Walks the body and returns how many arrays named `batch` it has; -1: it cannot be walked. */
function walkBody(walk: Walk, start: number, shape: Route['shape']): number {
  const { bytes } = walk;
  if (shape === 'event' || bytes[start] !== OPEN_BRACE) {
    return isEnd(walk, walkValue(walk, start)) ? 0 : -1;
  }
  let batches = 0;
  let p = skipSpace(bytes, start + 1);
  for (;;) {
    const isBatch = isEqual(bytes, p, BATCH_KEY);
    p = walkKey(walk, p);
    if (p < 0) return -1;
    p = skipSpace(bytes, p);
    if (isBatch && bytes[p] === OPEN_BRACKET) {
      batches++;
      p = walkItems(walk, p);
    } else {
      p = walkValue(walk, p);
    }
    if (p < 0) return -1;
    p = skipSpace(bytes, p);
    if (bytes[p] === CLOSE_BRACE) return isEnd(walk, p + 1) ? batches : -1;
    if (bytes[p] !== COMMA) return stopAt(walk, p);
    p = skipSpace(bytes, p + 1);
  }
}

const BATCH_KEY = Buffer.from('"batch"');

function isEnd(walk: Walk, end: number): boolean {
  if (end < 0) return false;
  const p = skipSpace(walk.bytes, end);
  if (p < walk.bytes.length) stopAt(walk, p);
  return p >= walk.bytes.length;
}

function walkItems(walk: Walk, start: number): number {
  const { bytes } = walk;
  let p = skipSpace(bytes, start + 1);
  if (bytes[p] === CLOSE_BRACKET) return p + 1;
  for (walk.item = 0; ; walk.item++) {
    p = walkValue(walk, p);
    if (p < 0) return -1;
    p = skipSpace(bytes, p);
    if (bytes[p] === CLOSE_BRACKET) break;
    if (bytes[p] !== COMMA) return stopAt(walk, p);
    p = skipSpace(bytes, p + 1);
  }
  walk.item = -1;
  return p + 1;
}

/** The place behind a value; not recursive, because it may be nested to any depth. */
function walkValue(walk: Walk, start: number): number {
  const { bytes } = walk;
  const open: number[] = [];
  let p = start;
  for (;;) {
    p = skipSpace(bytes, p);
    const byte = bytes[p] as number;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      p = skipSpace(bytes, p + 1);
      if (bytes[p] === closing(byte)) {
        p++;
      } else {
        open.push(byte);
        if (byte === OPEN_BRACE) p = walkKey(walk, p);
        if (p < 0) return -1;
        continue;
      }
    } else {
      p = walkScalar(walk, p);
    }
    if (p < 0) return -1;
    p = walkBehind(walk, p, open);
    if (p < 0 || open.length === 0) return p;
  }
}

/** From behind a value to the next one in the same brackets; with none open, behind them all. */
function walkBehind(walk: Walk, start: number, open: number[]): number {
  const { bytes } = walk;
  let p = start;
  for (let inner = open.at(-1); inner !== undefined; inner = open.at(-1)) {
    p = skipSpace(bytes, p);
    if (bytes[p] === COMMA) {
      return inner === OPEN_BRACE ? walkKey(walk, skipSpace(bytes, p + 1)) : p + 1;
    }
    if (bytes[p] !== closing(inner)) return stopAt(walk, p);
    open.pop();
    p++;
  }
  return p;
}

function closing(open: number): number {
  return open === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
}

/** The place behind a key and its colon. */
function walkKey(walk: Walk, start: number): number {
  if (walk.bytes[start] !== QUOTE) return stopAt(walk, start);
  const end = walkScalar(walk, start);
  if (end < 0) return -1;
  const p = skipSpace(walk.bytes, end);
  return walk.bytes[p] === COLON ? p + 1 : stopAt(walk, p);
}

/** The place behind a text or word, which is noted when it is none of JSON's. */
function walkScalar(walk: Walk, start: number): number {
  const { bytes, item } = walk;
  const isText = bytes[start] === QUOTE;
  const end = isText ? endOfText(bytes, start) : endOfWord(bytes, start);
  if (end < 0) return stopAt(walk, bytes.length);
  if (end === start) return stopAt(walk, start);
  const isSound = isText ? endOfString(bytes, start + 1) === end : isJsonWord(bytes, start, end);
  if (!isSound) walk.faults.push({ item, start, end });
  return end;
}

/** Behind the quote that ends it, whatever is in it; -1: there is none. */
function endOfText(b: Buffer, start: number): number {
  for (let p = start + 1; p < b.length; p++) {
    if (b[p] === QUOTE) return p + 1;
    if (b[p] === BACKSLASH) p++;
  }
  return -1;
}

const MARKS = new Set([COMMA, COLON, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET, QUOTE]);

function endOfWord(b: Buffer, start: number): number {
  let p = start;
  while (p < b.length && (b[p] as number) > SPACE && !MARKS.has(b[p] as number)) p++;
  return p;
}

function isJsonWord(b: Buffer, start: number, end: number): boolean {
  return skipNumber(b, start) === end || JSON_WORDS.has(b.toString('latin1', start, end));
}

const JSON_WORDS = new Set(['true', 'false', 'null']);

function stopAt(walk: Walk, place: number): -1 {
  walk.stop = place;
  return -1;
}

function tellStop({ bytes, stop, item }: Walk): string {
  const where = item < 0 ? '' : `, in event ${item}`;
  if (stop >= bytes.length) return `it ends at byte ${bytes.length}${where}`;
  const end = bytes[stop] === QUOTE ? endOfText(bytes, stop) : endOfWord(bytes, stop);
  const last = end < 0 ? bytes.length : Math.max(end, stop + 1);
  return `${tell(bytes, { start: stop, end: last })}${where}`;
}

function tell(bytes: Buffer, { start, end }: Pick<Fault, 'start' | 'end'>): string {
  const shown = bytes.toString('utf8', start, Math.min(end, start + WORD_CHARS_SHOWN));
  // oxlint-disable-next-line no-control-regex -- these are what may be wrong with a text
  return `${shown.replace(/[\0-\x1f]/g, ' ')} at byte ${start}`;
}
