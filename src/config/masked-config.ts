/** The configuration as it may be printed: secrets are reduced to a hint. */
import { notesAt } from './field-tree.ts';
import type { Config } from './config-schema.ts';

const MASKED_CHARS_MIN = 12;

/** A copy in which every field that the schema marks as secret is masked. */
export function maskedConfig(config: Config): Config {
  return maskValue(config, []) as Config;
}

/** The first 4 and last 2 characters: enough to tell keys apart, useless to a thief. */
export function secretHint(secret: string): string {
  return secret.length < MASKED_CHARS_MIN ? '…' : `${secret.slice(0, 4)}…${secret.slice(-2)}`;
}

/** Recursion is as deep as the schema; objects that pass through it whole are not entered. */
function maskValue(value: unknown, path: readonly (string | number)[]): unknown {
  if (Array.isArray(value)) return value.map((item, at) => maskValue(item, [...path, at]));
  if (typeof value === 'string') return notesAt(path).notes.isSecret ? secretHint(value) : value;
  if (typeof value !== 'object' || value === null || path.at(-1) === 'httpConfig') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, maskValue(item, [...path, key])]),
  );
}
