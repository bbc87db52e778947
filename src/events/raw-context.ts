/** Documents of an event, member by member, as sent: added to, or without what does not count. */
import {
  CLOSE_BRACKET,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
} from './json-bytes.ts';
import { isObject, textOf } from './json.ts';
import type { JsonObject } from './json.ts';
import { endOfValue, stringAt } from './json-values.ts';
import { CONTEXT_TRAITS } from './document-shape.ts';
import { FIELD, FIELD_COUNT } from './raw-items.ts';
import { isEmptyObject } from './raw-record.ts';
import type { RawRecord } from './raw-record.ts';

const NO_OBJECT: JsonObject = Object.freeze({});

/**
 * The context with what Millrace fills in; `contextOf` of normalise.ts says when.
 * @param under the batch's own, @param own the event's; null: none.
 */
export function contextText(
  { envelope, route }: RawRecord,
  under: string | null,
  own: string | null,
): string {
  const text = overlaid(under, own);
  const context = objectOf(JSON.parse(text));
  const filled: JsonObject = {};
  const isOwnAddress = envelope.isClient || context['direct'] === true;
  if (isOwnAddress && envelope.ip !== '' && context['ip'] === undefined) {
    filled['ip'] = envelope.ip;
  }
  if (route.isPixel && envelope.userAgent !== '' && context['userAgent'] === undefined) {
    filled['userAgent'] = envelope.userAgent;
  }
  return overlaid(text, JSON.stringify(filled));
}

/** One object's members over another's, each as it is written there; no object has no members. */
export function overlaid(under: string | null, over: string | null): string {
  const isUnder = under !== null && under.startsWith('{') && !isEmptyObject(under);
  const isOver = over !== null && over.startsWith('{') && !isEmptyObject(over);
  if (!isUnder) return isOver ? over : '{}';
  if (!isOver) return under;
  const members = new Map([...membersOf(under), ...membersOf(over)]);
  return `{${[...members.values()].map(({ text }) => text).join(',')}}`;
}

interface Member {
  /** With its key. */
  text: string;
  value: string;
}

/** Members of an object as text, by their keys. */
function membersOf(object: string): Map<string, Member> {
  const bytes = Buffer.from(object);
  const members = new Map<string, Member>();
  let at = 1;
  for (;;) {
    at = bytes.indexOf(QUOTE, at);
    if (at < 0) return members;
    const keyEnd = endOfValue(bytes, at);
    const key = stringAt(bytes, at, keyEnd);
    const start = skipSpace(bytes, bytes.indexOf(COLON, keyEnd) + 1);
    const end = endOfValue(bytes, start);
    const value = bytes.toString('utf8', start, end);
    members.set(key, { text: bytes.toString('utf8', at, end), value });
    at = end;
  }
}

/** An id that a document holds: its text, or the digits of a number as they were sent. */
export function idOfDocument(document: string, key: string): string | null {
  const value = objectOf(JSON.parse(document))[key];
  if (typeof value !== 'number') return textOf(value);
  return membersOf(document).get(key)?.value ?? null;
}

/** Traits that a context holds, as they were sent, or null. */
export function traitsOfContext(context: string): string | null {
  const traits = membersOf(context).get('traits')?.value;
  return traits?.startsWith('{') === true ? traits : null;
}

/**
 * True when an identify may have its traits in its context: it has none of its own. The context's
 * keys are those of the event alone; those of a batch's are not known here.
 */
export function mayTakeTraits({ route, body, items, context }: RawRecord, item: number): boolean {
  const base = item * FIELD_COUNT;
  const start = items.starts[base + FIELD.traits] as number;
  const isGiven = start >= 0 && (body[start] === OPEN_BRACE || body[start] === OPEN_BRACKET);
  if (isGiven) return false;
  if (context === null && ((items.contextKeys[item] as number) & CONTEXT_TRAITS) === 0)
    return false;
  if (route.eventType !== undefined) return route.eventType === 'identify';
  const type = items.starts[base + FIELD.type] as number;
  return stringAt(body, type, items.ends[base + FIELD.type] as number) === 'identify';
}

/** The values of an object's members as they are written there, by their keys. */
export function valuesOf(object: string): Map<string, string> {
  return new Map([...membersOf(object)].map(([key, { value }]) => [key, value]));
}

/** A value that may be an object as one. */
export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : NO_OBJECT;
}

/**
 * A document in which no key is twice: of several values the last one stays, as for JSON.parse. All
 * else is as it was; a document without repeated keys is returned as it is.
 */
export function withoutRepeats(text: string): string {
  const bytes = Buffer.from(text);
  const rewriting = { bytes, at: 0, hasDropped: false };
  const rewritten = rewrite(rewriting);
  return rewriting.hasDropped ? rewritten : text;
}

/** Rewrites the value at `at`, which then is behind it. */
function rewrite(state: { bytes: Buffer; at: number; hasDropped: boolean }): string {
  const { bytes } = state;
  state.at = skipSpace(bytes, state.at);
  const start = state.at;
  if (bytes[start] === OPEN_BRACE) return rewriteObject(state);
  if (bytes[start] === OPEN_BRACKET) return rewriteArray(state);
  state.at = endOfValue(bytes, start);
  return bytes.toString('utf8', start, state.at);
}

function rewriteObject(state: Parameters<typeof rewrite>[0]): string {
  const { bytes } = state;
  const members = new Map<string, string>();
  state.at = skipSpace(bytes, state.at + 1);
  while (bytes[state.at] === QUOTE) {
    const start = state.at;
    const end = endOfValue(bytes, start);
    const key = stringAt(bytes, start, end);
    state.at = bytes.indexOf(COLON, end) + 1;
    if (members.has(key)) state.hasDropped = true;
    members.set(key, `${bytes.toString('utf8', start, end)}:${rewrite(state)}`);
    state.at = skipSpace(bytes, state.at);
    if (bytes[state.at] === COMMA) state.at = skipSpace(bytes, state.at + 1);
  }
  state.at++;
  return `{${[...members.values()].join(',')}}`;
}

function rewriteArray(state: Parameters<typeof rewrite>[0]): string {
  const { bytes } = state;
  const items: string[] = [];
  state.at = skipSpace(bytes, state.at + 1);
  while (bytes[state.at] !== CLOSE_BRACKET) {
    items.push(rewrite(state));
    state.at = skipSpace(bytes, state.at);
    if (bytes[state.at] === COMMA) state.at = skipSpace(bytes, state.at + 1);
  }
  state.at++;
  return `[${items.join(',')}]`;
}
