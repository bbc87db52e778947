/**
 * Destination filters, as Segment has them: an FQL condition and what to do with events that meet
 * it. All conditions see the event as it came; then, over all filters that match, samples are
 * drawn, events dropped, properties dropped, properties allowed, in this order. A condition that
 * has no answer on an event keeps the event from the destination, because the filter may be there
 * to protect people.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import { isRawNumber } from '../../events/exact-json.ts';
import { isObject } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';
import type { DeliveryReason } from '../../destinations/delivery-reasons.ts';
import { compileFql, valueAt } from '../../fql/fql.ts';
import type { FqlPredicate } from '../../fql/fql.ts';
import { FqlRunError } from '../../fql/fql-functions.ts';
import { ACTIONS_MAX, filterActionSchema, filterSchema } from './filter-schema.ts';

export const FILTERS_MAX = 10;

/** Segment's Public API writes the types in capitals. */
const anyCaseSchema = filterSchema.extend({
  actions: z.array(z.preprocess(lowerType, filterActionSchema)).min(1).max(ACTIONS_MAX),
});

export type FilterAction = z.output<typeof filterActionSchema>;
export type DestinationFilter = z.output<typeof filterSchema>;

/** Opaque: filters, ready to be applied. */
export interface CompiledFilters {
  readonly rules: readonly {
    name: string;
    matches: FqlPredicate;
    actions: readonly FilterAction[];
  }[];
}

export type FilterResult =
  /** `cut` takes the same away from another reading of the message. */
  | { kind: 'pass'; message: JsonObject; cut(message: JsonObject): JsonObject }
  /** `filter`: the title of the filter, or its place such as `filters[2]`. */
  | { kind: 'dropped'; reason: DeliveryReason; filter: string };

/**
 * Checks filters of a configuration.
 * @throws MillraceError DESTINATION_INVALID naming the field, such as `filters[2].if`
 */
export function parseFilters(input: unknown): DestinationFilter[] {
  const result = z
    .array(anyCaseSchema)
    .max(FILTERS_MAX)
    .safeParse(input ?? []);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw invalid(fieldName(issue?.path ?? []), issue?.message ?? 'invalid');
  }
  for (const [at, filter] of result.data.entries()) {
    try {
      compileFql(filter.if);
    } catch (error) {
      throw invalid(`filters[${at}].if`, error instanceof Error ? error.message : String(error));
    }
  }
  return result.data;
}

function invalid(field: string, problem: string): MillraceError {
  return new MillraceError('DESTINATION_INVALID', `${field}: ${problem}`, { field });
}

function fieldName(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (name, key) => name + (typeof key === 'number' ? `[${key}]` : `.${String(key)}`),
    'filters',
  );
}

function lowerType(action: unknown): unknown {
  if (!isObject(action) || typeof action['type'] !== 'string') return action;
  return { ...action, type: action['type'].toLowerCase() };
}

/** @param filters as returned by `parseFilters`. */
export function compileFilters(filters: readonly DestinationFilter[]): CompiledFilters {
  const named = filters.map((filter, at) => ({
    ...filter,
    name: filter.title ?? `filters[${at}]`,
  }));
  return {
    rules: named
      .filter(({ enabled }) => enabled)
      .map(({ name, if: query, actions }) => ({ name, matches: compileFql(query), actions })),
  };
}

/** What the filters make of an event. Never changes `message`: what is cut is a copy. */
export function applyFilters({ rules }: CompiledFilters, message: JsonObject): FilterResult {
  const matching: { name: string; action: FilterAction }[] = [];
  for (const { name, matches, actions } of rules) {
    try {
      if (matches(message)) matching.push(...actions.map((action) => ({ name, action })));
    } catch (error) {
      if (!(error instanceof FqlRunError)) throw error;
      return { kind: 'dropped', reason: 'FILTER_INVALID', filter: name };
    }
  }
  for (const { name, action } of matching) {
    if (action.type === 'sample' && !isSampled(message, action.percent, action.path)) {
      return { kind: 'dropped', reason: 'SAMPLED_OUT', filter: name };
    }
  }
  const drop = matching.find(({ action }) => action.type === 'drop');
  if (drop) {
    return { kind: 'dropped', reason: 'FILTERED_BY_DESTINATION_FILTER', filter: drop.name };
  }
  const actions = matching.map(({ action }) => action);
  const cut = (whole: JsonObject): JsonObject => cutFields(whole, actions);
  return { kind: 'pass', message: cut(message), cut };
}

function cutFields(message: JsonObject, actions: readonly FilterAction[]): JsonObject {
  let passed = message;
  for (const action of actions) {
    if (action.type !== 'drop_properties') continue;
    passed = keepFields(passed, action.fields, (key, names) => !names.has(key));
  }
  for (const action of actions) {
    if (action.type !== 'allow_properties') continue;
    passed = keepFields(passed, action.fields, (key, names) => names.has(key));
  }
  return passed;
}

/**
 * Segment's draw, so that both sides send the same events: the first 64 bits of the MD5 of the
 * value's JSON, as a number from 0 to 1. (Its npm package means the same but reads hexadecimal
 * digits as bytes, so that everything is in every sample.)
 */
function isSampled(message: JsonObject, percent: number, path: string): boolean {
  const json = JSON.stringify(valueAt(message, path.split('.')) ?? null);
  const first = createHash('md5').update(json).digest().readBigUInt64BE(0);
  return percent >= 1 || Number(first) / 2 ** 64 < percent;
}

type IsKept = (key: string, names: ReadonlySet<string>) => boolean;

/** The event with fewer fields in the objects at these paths. */
function keepFields(
  message: JsonObject,
  fields: Readonly<Record<string, readonly string[]>>,
  isKept: IsKept,
): JsonObject {
  return Object.entries(fields).reduce<JsonObject>((cut, [path, names]) => {
    const keys = path === '' ? [] : path.split('.');
    const wanted = new Set(names);
    const result = changeAt(cut, keys, (value) => keepIn(value, (key) => isKept(key, wanted)));
    return isObject(result) ? result : cut;
  }, message);
}

/** Of a list, each object in it. */
function keepIn(value: unknown, isKept: (key: string) => boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => keepInObject(item, isKept));
  return keepInObject(value, isKept);
}

function keepInObject(value: unknown, isKept: (key: string) => boolean): unknown {
  if (!isObject(value) || isRawNumber(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => isKept(key)));
}

/**
 * A copy with another value at a path of own fields; the same object where there is none. Made
 * from entries, so that a field called `__proto__` stays a field.
 */
function changeAt(
  value: unknown,
  path: readonly string[],
  change: (value: unknown) => unknown,
): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return change(value);
  if (!isObject(value) || isRawNumber(value) || !Object.hasOwn(value, key)) return value;
  const inner = changeAt(value[key], rest, change);
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, name === key ? inner : field]),
  );
}
