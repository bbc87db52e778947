/** Documents of an event that the batch and Millrace add to, member by member, as they were sent. */
import { COLON, QUOTE, skipSpace } from './json-bytes.ts';
import { isObject } from './json.ts';
import type { JsonObject } from './json.ts';
import { endOfValue, stringAt } from './raw-items.ts';
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

/** A value that may be an object as one. */
export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : NO_OBJECT;
}
