/**
 * Builders of configuration fields. Each field carries, next to its rule, what people need to set
 * it: default, unit, description and the allowed values in words. Messages, environment names and
 * docs/configuration.md are all made from these, so that they cannot disagree.
 */
import { z } from 'zod';

/** What is known of a field besides its rule. */
export interface FieldNotes {
  description: string;
  /** Unit of the value, in words (`bytes`, `milliseconds`). */
  unit?: string;
  /** The allowed values, in words, as error messages and docs say it. */
  allowed?: string;
  /** Printed masked, never in messages. */
  isSecret?: boolean;
}

export interface IntegerNotes extends FieldNotes {
  min?: number;
  max?: number;
}

/** A rule for an integer, without default. */
export function integer({ min = 0, max = Number.MAX_SAFE_INTEGER, ...notes }: IntegerNotes) {
  const allowed = `integer, ${rangeText(min, max)}`;
  return z
    .int()
    .min(min)
    .max(max)
    .meta({ allowed, ...notes });
}

function rangeText(min: number, max: number): string {
  return max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `${min} to ${max}`;
}

const BYTE_UNITS: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};
const BYTES_TEXT = /^(\d+(?:\.\d+)?)\s*([kmgt]i?b|b)$/i;

/** A number of bytes: an integer, or text with a unit such as `128MiB` or `1.5 GB`. */
export function bytes({ min = 0, max = Number.MAX_SAFE_INTEGER, ...notes }: IntegerNotes) {
  return z.preprocess(parseBytes, z.int().min(min).max(max)).meta({
    unit: 'bytes',
    allowed: `bytes, ${rangeText(min, max)}, or text such as 64MiB`,
    ...notes,
  });
}

function parseBytes(value: unknown): unknown {
  const match = typeof value === 'string' ? BYTES_TEXT.exec(value.trim()) : null;
  if (!match) return value;
  return Math.round(Number(match[1]) * (BYTE_UNITS[(match[2] ?? '').toLowerCase()] ?? Number.NaN));
}

/** Text that matches a pattern; `allowed` says the pattern in words. */
export function text(pattern: RegExp, notes: FieldNotes) {
  return z
    .string()
    .regex(pattern)
    .meta({ allowed: 'text', ...notes });
}

/** One of some fixed words. */
export function choice<const Words extends readonly [string, ...string[]]>(
  words: Words,
  notes: FieldNotes,
) {
  return z.enum(words).meta({ allowed: words.join(', '), ...notes });
}

/** True or false; variables of the environment can only say it as text. */
export function flag(notes: FieldNotes) {
  return z
    .preprocess(
      (value) => (value === 'true' ? true : value === 'false' ? false : value),
      z.boolean(),
    )
    .meta({ allowed: 'true, false', ...notes });
}

/** Milliseconds that a timer can hold: setTimeout treats more as 1. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

export function milliseconds(notes: IntegerNotes) {
  return integer({ min: 1, max: TIMER_MS_MAX, unit: 'milliseconds', ...notes });
}
