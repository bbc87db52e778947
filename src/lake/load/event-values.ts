/**
 * The columns of one event as values: the way of every event that `event-lines.ts` cannot copy.
 * Documents stay the text that was sent; only what cannot be said otherwise is written anew.
 */
import { COLON, QUOTE, skipSpace } from '../../events/json-bytes.ts';
import { isObject, textOf } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';
import { endOfValue, FIELD, FIELD_COUNT, stringAt } from '../../events/raw-items.ts';
import { correctedTimestamp } from '../../events/normalise.ts';
import { parseTimestamp } from '../../events/timestamp.ts';
import { isEmptyObject, LINE_COLUMNS } from './event-lines.ts';
import type { LineColumn, LineShared } from './event-lines.ts';
import { LINE_END, putByte, putText, reserve } from './line-buffer.ts';
import type { LineBuffer } from './line-buffer.ts';

export type LineValues = Record<LineColumn, string | number | null>;

const COLUMN_NAMES = Object.keys(LINE_COLUMNS) as LineColumn[];
const NO_OBJECT: JsonObject = Object.freeze({});

/**
 * @param hasRepeats true when a key of its documents is repeated: the last value of each counts.
 */
export function eventValues(shared: LineShared, item: number, hasRepeats: boolean): LineValues {
  const { partition, position, envelope, route, body, items } = shared.record;
  const rawOf = (field: number): string | null => {
    const at = item * FIELD_COUNT + field;
    const start = items.starts[at] ?? -1;
    const text = start < 0 ? 'null' : body.toString('utf8', start, items.ends[at]);
    return text === 'null' ? null : text;
  };
  const jsonOf = (field: number): unknown => JSON.parse(rawOf(field) ?? 'null') as unknown;
  const textAt = (field: number): string | null => textOf(jsonOf(field))?.toWellFormed() ?? null;
  const documentAt = (field: number): string | null => clean(rawOf(field), hasRepeats);
  const type = route.eventType ?? textAt(FIELD.type);
  const isView = type === 'page' || type === 'screen';
  const properties = isView ? objectOf(jsonOf(FIELD.properties)) : NO_OBJECT;
  const viewText = (key: string): string | null => textOf(properties[key])?.toWellFormed() ?? null;
  const context = contextText(shared, documentAt(FIELD.context), hasRepeats);
  const integrations = documentAt(FIELD.integrations);
  return {
    partition,
    position,
    index: item,
    received_ms: envelope.receivedAtMs,
    source_number: envelope.sourceNumber,
    type,
    event: textAt(FIELD.event),
    name: textAt(FIELD.name) ?? viewText('name'),
    category: textAt(FIELD.category) ?? viewText('category'),
    user_id: textAt(FIELD.userId),
    anonymous_id: textAt(FIELD.anonymousId),
    group_id:
      textAt(FIELD.groupId) ??
      textOf((JSON.parse(context) as JsonObject)['groupId'])?.toWellFormed() ??
      null,
    previous_id: textAt(FIELD.previousId),
    message_id: textAt(FIELD.messageId) ?? `millrace-${partition}-${position}-${item}`,
    ...timesOf(shared, jsonOf),
    channel: textAt(FIELD.channel) ?? shared.channel,
    properties: documentAt(FIELD.properties),
    traits: documentAt(FIELD.traits),
    context,
    integrations: overlaid(clean(shared.integrations, hasRepeats), integrations),
    metadata: documentAt(FIELD['_metadata']),
    extra: extraText(shared, item, hasRepeats),
  };
}

function timesOf(
  shared: LineShared,
  jsonOf: (field: number) => unknown,
): Pick<LineValues, 'timestamp_ms' | 'original_timestamp_ms' | 'sent_at_ms'> {
  const { receivedAtMs } = shared.record.envelope;
  const sent = parseTimestamp(jsonOf(FIELD.sentAt)) ?? shared.sentAtMs;
  const original =
    parseTimestamp(jsonOf(FIELD.timestamp)) ?? parseTimestamp(jsonOf(FIELD.originalTimestamp));
  return {
    timestamp_ms: correctedTimestamp(original, sent, receivedAtMs),
    original_timestamp_ms: original ?? receivedAtMs,
    sent_at_ms: sent,
  };
}

/** The context with what Millrace fills in; `contextOf` of normalise.ts says when. */
function contextText(shared: LineShared, own: string | null, hasRepeats: boolean): string {
  const { envelope, route } = shared.record;
  const text = overlaid(clean(shared.context, hasRepeats), own);
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
function overlaid(under: string | null, over: string | null): string {
  const isUnder = under !== null && under.startsWith('{') && !isEmptyObject(under);
  const isOver = over !== null && over.startsWith('{') && !isEmptyObject(over);
  if (!isUnder) return isOver ? over : '{}';
  if (!isOver) return under;
  const members = new Map([...membersOf(under), ...membersOf(over)]);
  return `{${[...members.values()].join(',')}}`;
}

/** Members of an object as text, by their keys. */
function membersOf(text: string): Map<string, string> {
  const bytes = Buffer.from(text);
  const members = new Map<string, string>();
  let at = 1;
  for (;;) {
    at = bytes.indexOf(QUOTE, at);
    if (at < 0) return members;
    const keyEnd = endOfValue(bytes, at);
    const key = stringAt(bytes, at, keyEnd);
    const start = skipSpace(bytes, bytes.indexOf(COLON, keyEnd) + 1);
    const end = endOfValue(bytes, start);
    members.set(key, bytes.toString('utf8', at, end));
    at = end;
  }
}

function extraText(shared: LineShared, item: number, hasRepeats: boolean): string | null {
  const { body, items } = shared.record;
  const members = new Map<string, string>();
  for (const extra of items.extras) {
    if (extra.item !== item) continue;
    const key = body.toString('utf8', extra.keyStart, extra.keyEnd);
    const value = body.toString('utf8', extra.start, extra.end);
    members.set(JSON.parse(key) as string, `${key}:${value}`);
  }
  return members.size === 0 ? null : clean(`{${[...members.values()].join(',')}}`, hasRepeats);
}

function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : NO_OBJECT;
}

/** A document that the SQL engine accepts: well-formed, and without repeated keys if asked for. */
function clean(text: string | null, hasRepeats: boolean): string | null {
  if (text === null) return null;
  const own = hasRepeats ? JSON.stringify(JSON.parse(text)) : text;
  return /\\u[dD][89a-fA-F]/.test(own) ? own.replace(ESCAPES, wellFormedEscape) : own;
}

/** A pair, a lone surrogate, or any other escape, so that none is taken for the end of another. */
const ESCAPES = /\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u[dD][89a-fA-F]..|.)/g;

function wellFormedEscape(escape: string): string {
  return escape.length === 6 && /^\\u[dD]/.test(escape) ? '\\ufffd' : escape;
}

/** What fields of a line cannot hold. */
// oxlint-disable-next-line no-control-regex -- these are the characters in question
const UNSAYABLE = /[\0\n\r\x1f]/;

/**
 * Appends the values as a line.
 * @returns null, or the values as a line of JSON when no line of fields can hold them.
 */
export function putValues(lines: LineBuffer, values: LineValues): string | null {
  const texts = COLUMN_NAMES.map((name) => values[name]?.toString() ?? '');
  if (texts.some((text) => UNSAYABLE.test(text))) return JSON.stringify(values);
  putText(lines, texts.join('\x1f'));
  reserve(lines, 1);
  putByte(lines, LINE_END);
  return null;
}
