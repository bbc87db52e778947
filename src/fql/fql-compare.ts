/**
 * Comparisons of FQL and what they make of types: those of different types are false. Where one
 * side is a literal, it says what is meant, as in Segment's own evaluator: a number that is unlike
 * (`!= 5`) must be a number, what is less than `"5"` is so by its number, and an id or a name is a
 * text whichever way the literal is written (`userId = 42`).
 */
import { isDeepStrictEqual } from 'node:util';
import { isAbsent } from '../events/json.ts';
import type { JsonObject } from '../events/json.ts';
import { FqlRunError } from './fql-functions.ts';

export type Expression = (message: JsonObject) => unknown;

/** A part of a query that has a value. */
export interface Operand {
  value: Expression;
  /** Of what stands in the query as it is; `value` gives the same for every event. */
  literal?: { value: unknown };
  /** Where in the event it is, of a field. */
  path?: readonly string[];
  /** What `!` before it gives, where that is not the inverse: `contains` and `match`. */
  unlike?: Expression;
}

type Compare = (left: unknown, right: unknown) => boolean;

const ORDERS: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
};

export const COMPARISONS: readonly string[] = ['=', '!=', ...Object.keys(ORDERS), 'in'];

/** Fields that are texts in every event, so that no number or constant can be meant. */
const TEXT_FIELDS = new Set(['type', 'event', 'name', 'userId']);

/** The test that a comparison describes. @param sign one of COMPARISONS. */
export function comparison(left: Operand, sign: string, right: Operand): Expression {
  const first = meant(left, right, sign);
  const second = meant(right, left, sign);
  const compare = compareBy(sign, first, second);
  return (message) => compare(first.value(message), second.value(message));
}

/** A literal as it is meant beside the other side; all else as it is. */
function meant(operand: Operand, other: Operand, sign: string): Operand {
  if (!operand.literal) return operand;
  const [field = '', ...deeper] = other.path ?? [];
  const isOfText = deeper.length === 0 && TEXT_FIELDS.has(field);
  const { value: written } = operand.literal;
  const value = isOfText && !isAbsent(written) ? String(written) : written;
  return literalOf(Object.hasOwn(ORDERS, sign) ? numberIn(value) : value);
}

/** A literal, which is the same for every event. */
export function literalOf(value: unknown): Operand {
  return { value: () => value, literal: { value } };
}

/** NaN, which compares with nothing, for what has none. */
function numberIn(value: unknown): number {
  return isAbsent(value) ? Number.NaN : Number(value);
}

function compareBy(sign: string, left: Operand, right: Operand): Compare {
  const order = Object.hasOwn(ORDERS, sign) ? ORDERS[sign] : undefined;
  if (order) return (one, other) => isNumber(one) && isNumber(other) && order(one, other);
  if (sign === 'in') return isIn;
  if (sign === '=') return isEqual;
  const isOfNumbers = [left, right].some(({ literal }) => isNumber(literal?.value));
  if (!isOfNumbers) return (one, other) => !isEqual(one, other);
  return (one, other) => isNumber(one) && isNumber(other) && one !== other;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

function isEqual(left: unknown, right: unknown): boolean {
  if (isNumber(left)) return left === right;
  return isAbsent(left) ? isAbsent(right) : isDeepStrictEqual(left, right);
}

function isIn(value: unknown, list: unknown): boolean {
  if (isAbsent(list)) return false;
  if (!Array.isArray(list)) throw new FqlRunError('the right side of in is not a list');
  return list.some((item) => isEqual(item, value));
}
