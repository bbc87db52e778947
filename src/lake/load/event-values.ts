/**
 * The columns of one event as values: the way of every event that `event-lines.ts` cannot copy.
 * Documents stay the text that was sent; only what cannot be said otherwise is written anew.
 */
import { putByte, putText, reserve } from '../../base/byte-buffer.ts';
import type { ByteBuffer } from '../../base/byte-buffer.ts';
import { textOf } from '../../events/json.ts';
import { correctedTimestamp } from '../../events/normalise.ts';
import { beginsNumber } from '../../events/json-bytes.ts';
import {
  contextText,
  idOfDocument,
  objectOf,
  overlaid,
  traitsOfContext,
  withoutRepeats,
} from '../../events/raw-context.ts';
import { FIELD, FIELD_COUNT } from '../../events/raw-items.ts';
import { assignedId } from '../../events/raw-record.ts';
import { repairsText } from '../../events/raw-repairs.ts';
import { timesAt } from '../../events/raw-times.ts';
import { REPAIRS_KEY } from '../../events/repairs.ts';
import { writableOrNull } from '../../events/writable-id.ts';
import { LINE_COLUMNS, LINE_END } from './event-lines.ts';
import type { LineColumn, LineShared } from './event-lines.ts';

export type LineValues = Record<LineColumn, string | number | null>;

const COLUMN_NAMES = Object.keys(LINE_COLUMNS) as LineColumn[];

/**
 * @param mayRepeat true when a key of its documents may be repeated: the last value of each counts,
 *   which SQL engines do not know.
 */
export function eventValues(shared: LineShared, item: number, mayRepeat: boolean): LineValues {
  const { partition, position, envelope, route, body, items } = shared.record;
  const rawOf = (field: number): string | null => {
    const at = item * FIELD_COUNT + field;
    const start = items.starts[at] ?? -1;
    const text = start < 0 ? 'null' : body.toString('utf8', start, items.ends[at]);
    return text === 'null' ? null : text;
  };
  const jsonOf = (field: number): unknown => JSON.parse(rawOf(field) ?? 'null') as unknown;
  const textAt = (field: number): string | null => textOf(jsonOf(field))?.toWellFormed() ?? null;
  const idAt = (field: number): string | null => {
    const text = rawOf(field);
    if (text !== null && beginsNumber(text.charCodeAt(0))) return text;
    return writableOrNull(textOf(jsonOf(field)));
  };
  const documentAt = (field: number): string | null => clean(rawOf(field), mayRepeat);
  const objectAt = (field: number): string | null => readAsObject(documentAt(field));
  const type = route.eventType ?? textAt(FIELD.type);
  const isView = type === 'page' || type === 'screen';
  const properties = isView ? objectOf(jsonOf(FIELD.properties)) : {};
  const viewText = (key: string): string | null => textOf(properties[key])?.toWellFormed() ?? null;
  const under = clean(shared.record.context, mayRepeat);
  const context = contextText(shared.record, under, documentAt(FIELD.context));
  const integrations = documentAt(FIELD.integrations);
  const groupOfContext = (): string | null => {
    const sent = overlaid(shared.record.context, rawOf(FIELD.context));
    return writableOrNull(idOfDocument(sent, 'groupId'));
  };
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
    user_id: idAt(FIELD.userId),
    anonymous_id: idAt(FIELD.anonymousId),
    group_id: idAt(FIELD.groupId) ?? groupOfContext(),
    previous_id: idAt(FIELD.previousId),
    message_id: idAt(FIELD.messageId) ?? assignedId(shared.record, item),
    ...timesOf(shared, item),
    channel: textAt(FIELD.channel) ?? shared.record.channel,
    properties: objectAt(FIELD.properties),
    traits: objectAt(FIELD.traits) ?? (type === 'identify' ? traitsOfContext(context) : null),
    context,
    integrations: overlaid(clean(shared.record.integrations, mayRepeat), integrations),
    metadata: documentAt(FIELD['_metadata']),
    extra: extraText(shared, item, mayRepeat),
  };
}

/** An empty list is an object without members, an empty text is none. */
function readAsObject(document: string | null): string | null {
  if (document === null || document === '""') return null;
  return document.startsWith('[') ? '{}' : document;
}

function timesOf(
  { record }: LineShared,
  item: number,
): Pick<LineValues, 'timestamp_ms' | 'original_timestamp_ms' | 'sent_at_ms'> {
  const { receivedAtMs } = record.envelope;
  const { originalMs, sentAtMs } = timesAt(record, item);
  return {
    timestamp_ms: correctedTimestamp(originalMs, sentAtMs, receivedAtMs),
    original_timestamp_ms: originalMs ?? receivedAtMs,
    sent_at_ms: sentAtMs,
  };
}

function extraText(shared: LineShared, item: number, mayRepeat: boolean): string | null {
  const { body, items } = shared.record;
  const members = new Map<string, string>();
  for (const extra of items.extras) {
    if (extra.item !== item) continue;
    const key = body.toString('utf8', extra.keyStart, extra.keyEnd);
    const value = body.toString('utf8', extra.start, extra.end);
    members.set(JSON.parse(key) as string, `${key}:${value}`);
  }
  const { isUnreadable } = timesAt(shared.record, item);
  const repairs = repairsText(shared.record, item, isUnreadable);
  if (repairs !== null) members.set(REPAIRS_KEY, `"${REPAIRS_KEY}":${repairs}`);
  return members.size === 0 ? null : clean(`{${[...members.values()].join(',')}}`, mayRepeat);
}

/** A document that the SQL engine accepts: well-formed, and without repeated keys if asked for. */
function clean(text: string | null, mayRepeat: boolean): string | null {
  if (text === null) return null;
  const own = mayRepeat ? withoutRepeats(text) : text;
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
export function putValues(lines: ByteBuffer, values: LineValues): string | null {
  const texts = COLUMN_NAMES.map((name) => values[name]?.toString() ?? '');
  if (texts.some((text) => UNSAYABLE.test(text))) return JSON.stringify(values);
  putText(lines, texts.join('\x1f'));
  reserve(lines, 1);
  putByte(lines, LINE_END);
  return null;
}
