/** What applying a document changes, for people and machines. No secret is in it. */

export interface FieldChange {
  field: string;
  before: unknown;
  after: unknown;
}

export interface PlannedChange {
  action: 'create' | 'change' | 'delete';
  kind: 'source' | 'write key' | 'destination' | 'user' | 'alert rule';
  /** Slug, email, name, or slug and hint of a key. */
  name: string;
  fields: FieldChange[];
}

export interface ConfigPlan {
  changes: PlannedChange[];
  /** False after a dry run. */
  applied: boolean;
}

const SIGNS = { create: '+', change: '~', delete: '-' } as const;
const VALUE_CHARS_MAX = 60;

/** The plan as lines: `+` makes, `~` changes, `-` deletes or disables. */
export function planText({ changes, applied }: ConfigPlan): string {
  if (changes.length === 0) return 'No changes: everything is as the document says.';
  const lines = changes.flatMap(({ action, kind, name, fields }) => [
    `${SIGNS[action]} ${kind} ${name}`,
    ...fields.map(({ field, before, after }) => `    ${field}: ${shown(before)} → ${shown(after)}`),
  ]);
  const count = (wanted: PlannedChange['action']) =>
    changes.filter(({ action }) => action === wanted).length;
  const sum = `${count('create')} to create, ${count('change')} to change, ${count('delete')} to delete`;
  return [
    ...lines,
    '',
    applied ? `Applied: ${sum.replaceAll(' to ', ' ')}.` : `Plan: ${sum}.`,
  ].join('\n');
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
  const safe = text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?');
  return safe.length > VALUE_CHARS_MAX ? `${safe.slice(0, VALUE_CHARS_MAX - 1)}…` : safe;
}
