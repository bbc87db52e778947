/** Walks JSON objects to their leaves: what is neither null nor an object. */
import { isRawNumber, textOfNumber } from '../../events/exact-json.ts';
import { isObject } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';
import { columnNumber } from '../../events/number-kinds.ts';
import { timeOfProperty } from '../../events/timestamp.ts';

/** Types of warehouse columns; an array is `varchar`, as JSON text. */
export type ColumnType = 'timestamp' | 'integer' | 'float' | 'boolean' | 'varchar';

export interface Leaf {
  path: string[];
  value: unknown;
}

/** The type that a leaf gives to its column. */
export function typeOf(leaf: unknown): ColumnType {
  if (typeof leaf === 'boolean') return 'boolean';
  if (typeof leaf === 'number' || isRawNumber(leaf)) return columnNumber(textOfNumber(leaf)).type;
  if (typeof leaf !== 'string') return 'varchar';
  return timeOfProperty(leaf) === null ? 'varchar' : 'timestamp';
}

/** True for null, and for what JSON writes as null. */
export function isNullLeaf(value: unknown): boolean {
  return value === null || value === undefined || value === Infinity || value === -Infinity;
}

/** All leaves below a value, with their whole paths as the SQL engine sees them. */
export function leavesOf(value: unknown, path: readonly string[]): Leaf[] {
  const leaves: Leaf[] = [];
  const pending: Leaf[] = [{ path: [...path], value }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (isNullLeaf(next.value)) continue;
    if (!isObject(next.value) || isRawNumber(next.value)) {
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
