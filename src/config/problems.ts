/** Turns what the schema refuses into lines for people: `path: problem (allowed: …)`. */
import type { z } from 'zod';
import { didYouMean } from './did-you-mean.ts';
import { notesAt } from './field-tree.ts';

const SHOWN_CHARS_MAX = 80;

/**
 * One line per problem, in the order of the file. Secrets are never quoted.
 * @param origins where a value was given, by dotted path, when not in the file.
 */
export function problemsOf(
  error: z.ZodError,
  raw: unknown,
  origins: ReadonlyMap<string, string>,
): string[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') return unknownKeys(issue.path, issue.keys);
    const path = pathText(issue.path);
    if (issue.code === 'invalid_key') {
      const { notes } = notesAt(issue.path.slice(0, -1));
      return [`${path}: not a valid name${allowedText(notes.allowed)}`];
    }
    const { notes, keys } = notesAt(issue.path);
    const allowed = notes.allowed ?? (keys.length > 0 ? `keys ${keys.join(', ')}` : undefined);
    const origin = origins.get(path);
    const from = origin === undefined ? '' : ` from ${origin}`;
    const value = valueAt(raw, issue.path);
    if (value === undefined) return [`${path}: is required${allowedText(allowed)}`];
    const shown = notes.isSecret === true ? 'the value' : shownValue(value);
    return [`${path}: ${shown}${from} is not allowed${allowedText(allowed)}`];
  });
}

/** `sources[0].writeKeys[1]` */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    const name = String(key).slice(0, SHOWN_CHARS_MAX);
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

function unknownKeys(path: readonly PropertyKey[], unknown: readonly string[]): string[] {
  const { keys } = notesAt(path);
  return unknown.map((key) => {
    const near = didYouMean(key, keys);
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    return `${pathText([...path, key])}: unknown key${hint}${allowedText(keys.join(', '))}`;
  });
}

function allowedText(allowed: string | undefined): string {
  return allowed === undefined ? '' : ` (allowed: ${allowed})`;
}

function shownValue(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}
