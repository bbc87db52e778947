/** JSON as it comes from outside: bytes to values, and what can be asked of an unknown value. */

export type JsonObject = Record<string, unknown>;

const BYTE_ORDER_MARK = 0xfeff;

/** As JSON.parse takes it. */
export type Reviver = (this: unknown, key: string, value: unknown) => unknown;

/**
 * Parses a body. A byte order mark is skipped (RFC 8259 §8.1 lets parsers ignore it); bytes that
 * are not UTF-8 become U+FFFD, while the log keeps them as they came.
 * @throws SyntaxError when it is not JSON.
 */
export function parseJson(bytes: Buffer, reviver?: Reviver): unknown {
  const text = bytes.toString('utf8');
  const json = text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
  return JSON.parse(json, reviver) as unknown;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** SDKs send `null` for what they do not have (Segment docs: null and absent are equal). */
export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** A string that says something, or null. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
