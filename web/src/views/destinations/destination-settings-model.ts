/** Between settings and the texts of a form. Pure, so that it can be tested without a browser. */
import { MASK } from '../../../../src/base/mask.ts';
import type { SettingField } from '../../../../src/destinations/destination-type-shapes.ts';

/** By key; absent: as it is by default. */
export type Draft = Readonly<Record<string, string | boolean>>;

/** The texts of a form. @param settings of a destination, or nothing for a new one. */
export function draftOf(
  fields: readonly SettingField[],
  settings: Record<string, unknown> = {},
): Draft {
  const entries = fields.flatMap((field): [string, string | boolean][] => {
    const value = settings[field.key] ?? field.default;
    if (value === MASK) return [[field.key, MASK]];
    if (field.type === 'boolean') return [[field.key, value === true]];
    if (value === undefined || value === null) return [];
    return [[field.key, textOf(field, value)]];
  });
  return Object.fromEntries(entries);
}

/** Lists of texts are shown a line each; whatever else is not a text is shown as JSON. */
function textOf(field: SettingField, value: unknown): string {
  if (field.type === 'list' && isTexts(value)) return value.join('\n');
  if (field.type === 'object' && isEmpty(value)) return '';
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/**
 * Settings as the server takes them. What is empty is left out, so that defaults apply.
 * @returns also what is wrong, by key of the field.
 */
export function settingsOf(
  fields: readonly SettingField[],
  draft: Draft,
): { settings: Record<string, unknown>; problems: Record<string, string> } {
  const settings: Record<string, unknown> = {};
  const problems: Record<string, string> = {};
  for (const field of fields) {
    const typed = draft[field.key];
    const { key, label, isRequired } = field;
    if (typeof typed === 'boolean') {
      if (typed !== (field.default ?? false) || isRequired) settings[key] = typed;
      continue;
    }
    const text = typed?.trim() ?? '';
    if (text === '') {
      if (isRequired) problems[key] = `${label} is required`;
      continue;
    }
    const value = valueOf(field, text);
    if (value === undefined) problems[key] = PROBLEMS[field.type] ?? 'Not readable';
    else settings[key] = value;
  }
  return { settings, problems };
}

const PROBLEMS: Partial<Record<SettingField['type'], string>> = {
  number: 'A number is needed',
  list: 'A list in JSON, or one entry a line',
  object: 'An object in JSON is needed, such as {"name": "value"}',
};

/** Undefined: it cannot be read as what the field needs. */
function valueOf(field: SettingField, text: string): unknown {
  if (text === MASK) return MASK;
  if (field.type === 'number') {
    const number = Number(text);
    return Number.isFinite(number) ? number : undefined;
  }
  if (field.type === 'object') {
    const value = parsed(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  }
  if (field.type === 'list') {
    if (!text.startsWith('[')) return linesOf(text);
    const value = parsed(text);
    return Array.isArray(value) ? value : undefined;
  }
  return text;
}

/** Lines that say something, without the space around them. */
export function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not JSON: who asks says what is needed.
    return undefined;
  }
}

/** The field of a form that a refusal is about: `subscriptions` of `subscriptions[0].mapping`. */
export function fieldOfProblem(field: string | undefined): string {
  return (field ?? '').replace(/^settings\./, '').split(/[.[]/)[0] ?? '';
}

/** A name for machines, made from one for people. */
export function slugOf(name: string): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  return slug.slice(0, 64);
}
