/**
 * A body as values, of which the texts of some numbers are known: JSON.parse rounds what has more
 * digits than a double, and an id must keep all of them.
 */
import { assert } from '../base/assert.ts';
import { isObject, parseJson } from './json.ts';
import type { JsonObject } from './json.ts';

/** Fields whose text is kept when it is a number. */
const KEYS: ReadonlySet<string> = new Set([
  'userId',
  'anonymousId',
  'groupId',
  'previousId',
  'messageId',
  'timestamp',
]);

/** The text of a number as it was sent. @param holder the object that it is a member of. */
export type NumberText = (holder: JsonObject, key: string) => string;

export interface SentJson {
  value: unknown;
  numberText: NumberText;
}

/**
 * Parses a body as `parseJson` does. Texts are known for the fields that an event may have as
 * numbers, of itself and of its context.
 * @throws SyntaxError when it is not JSON.
 */
export function parseSent(bytes: Buffer): SentJson {
  const value = parseJson(bytes);
  if (!mayHaveNumbers(value)) return { value, numberText: textOfNothing };
  // A second time with a reviver, which costs several times as much.
  const texts = new WeakMap<object, Map<string, string>>();
  const noting = function (this: unknown, key: string, own: unknown, context?: Source): unknown {
    if (typeof own === 'number' && KEYS.has(key) && isObject(this)) {
      assert(context?.source !== undefined, 'a number has a text');
      const known = texts.get(this) ?? new Map<string, string>();
      texts.set(this, known.set(key, context.source));
    }
    return own;
  };
  return {
    value: parseJson(bytes, noting),
    numberText(holder, key) {
      const text = texts.get(holder)?.get(key);
      assert(text !== undefined, 'the text of a number is asked for where the number is');
      return text;
    },
  };
}

/** What the engine tells of a value that is no object or array. */
interface Source {
  source?: string;
}

function textOfNothing(): string {
  throw new Error('there are no numbers');
}

function mayHaveNumbers(body: unknown): boolean {
  if (!isObject(body)) return false;
  const { batch } = body;
  return hasNumber(body) || (Array.isArray(batch) && batch.some(hasNumber));
}

function hasNumber(item: unknown): boolean {
  if (!isObject(item)) return false;
  for (const key of KEYS) if (typeof item[key] === 'number') return true;
  const { context } = item;
  return isObject(context) && typeof context['groupId'] === 'number';
}
