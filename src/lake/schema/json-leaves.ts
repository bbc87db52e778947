/** Walks JSON objects to their leaves: what is neither null nor an object. */
import { isObject } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';

/** Types of warehouse columns; an array is `varchar`, as JSON text. */
export type ColumnType = 'timestamp' | 'integer' | 'float' | 'boolean' | 'varchar';

export interface Leaf {
  path: string[];
  value: unknown;
}

/**
 * A date and a time of ISO 8601, to the microsecond, that both JavaScript and the SQL engine read
 * in the same way. In the syntax that both share.
 */
export const TIMESTAMP_PATTERN =
  '\\d{4}-\\d{2}-\\d{2}[T ]\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,6})?(Z|[+-]\\d{2}:\\d{2})?';

const TIMESTAMP = new RegExp(`^${TIMESTAMP_PATTERN}$`);
/** Doubles closer to zero than this are written in digits that a BIGINT can hold. */
const INTEGER_END = 2 ** 63;

/** The type that a leaf gives to its column. */
export function typeOf(leaf: unknown): ColumnType {
  if (typeof leaf === 'boolean') return 'boolean';
  if (typeof leaf === 'number') return isInteger(leaf) ? 'integer' : 'float';
  if (typeof leaf !== 'string') return 'varchar';
  return TIMESTAMP.test(leaf) && !Number.isNaN(Date.parse(leaf)) ? 'timestamp' : 'varchar';
}

export function isInteger(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) < INTEGER_END;
}

/** True for null, and for numbers beyond a double, which JSON writes as null. */
export function isNullLeaf(value: unknown): boolean {
  return value === null || value === undefined || value === Infinity || value === -Infinity;
}

/** All leaves below a value, with their whole paths as the SQL engine sees them. */
export function leavesOf(value: unknown, path: readonly string[]): Leaf[] {
  const leaves: Leaf[] = [];
  const pending: Leaf[] = [{ path: [...path], value }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (isNullLeaf(next.value)) continue;
    if (!isObject(next.value)) {
      leaves.push(next);
      continue;
    }
    const object: JsonObject = next.value;
    for (const key of Object.keys(object).toReversed()) {
      pending.push({ path: [...next.path, key.toWellFormed()], value: object[key] });
    }
  }
  return leaves;
}
