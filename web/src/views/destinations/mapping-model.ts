/**
 * Between the mapping of one of Segment's actions and the texts of a form. `$.userId` is the value
 * at a path, a text with `{{event}}` in it a template, JSON whatever else Segment can say; all
 * else is meant as it is written. Pure, so that it can be tested without a browser.
 */
import type {
  SegmentAction,
  SegmentField,
  SegmentPreset,
  WrittenSubscription,
} from '../../../../src/destinations/segment-actions/segment-shapes.ts';

export function textOfValue(value: unknown): string {
  if (value === undefined || value === null) return '';
  const directive = soleEntry(value);
  if (directive?.[0] === '@path' && isPath(directive[1])) return String(directive[1]);
  if (directive?.[0] === '@template' && isTemplate(directive[1])) return String(directive[1]);
  if (typeof value !== 'string') return JSON.stringify(value);
  // A text that would be read as something else says so.
  const isPlain = !isPath(value) && !isTemplate(value) && !/^\s*[{[]/.test(value);
  return isPlain ? value : JSON.stringify({ '@literal': value });
}

function soleEntry(value: unknown): [string, unknown] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  return entries.length === 1 ? entries[0] : undefined;
}

function isPath(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('$.');
}

function isTemplate(value: unknown): boolean {
  return typeof value === 'string' && value.includes('{{');
}

/** @returns the value, or why the text cannot be read. */
export function valueOfText(
  text: string,
  field: Pick<SegmentField, 'type'>,
): { value: unknown } | { problem: string } {
  const trimmed = text.trim();
  if (isPath(trimmed)) return { value: { '@path': trimmed } };
  if (/^[{[]/.test(trimmed) && !trimmed.startsWith('{{')) {
    try {
      return { value: JSON.parse(trimmed) as unknown };
    } catch {
      // A person is typing: the form says so, and sends nothing.
      return { problem: 'Not readable as JSON' };
    }
  }
  if (isTemplate(text)) return { value: { '@template': text } };
  if (field.type === 'number' || field.type === 'integer') {
    const number = Number(trimmed);
    return Number.isFinite(number) ? { value: number } : { problem: 'A number is needed' };
  }
  if (field.type === 'boolean') {
    if (trimmed === 'true' || trimmed === 'false') return { value: trimmed === 'true' };
    return { problem: 'true or false is needed' };
  }
  return { value: text };
}

/**
 * A mapping with another text for one field. Empty takes a default away; the text of the default
 * brings it back.
 * @returns the mapping, or why the text cannot be read.
 */
export function withText(
  mapping: Record<string, unknown>,
  key: string,
  field: SegmentField,
  text: string,
): { mapping: Record<string, unknown> } | { problem: string } {
  const { [key]: _, ...rest } = mapping;
  const hasDefault = field.default !== undefined && field.default !== null;
  if (text.trim() === '') return { mapping: hasDefault ? { ...rest, [key]: null } : rest };
  if (hasDefault && text === textOfValue(field.default)) return { mapping: rest };
  const read = valueOfText(text, field);
  return 'problem' in read ? read : { mapping: { ...rest, [key]: read.value } };
}

/** What a form shows in a field. */
export function shownText(
  mapping: Record<string, unknown>,
  key: string,
  field: SegmentField,
): string {
  return textOfValue(Object.hasOwn(mapping, key) ? mapping[key] : field.default);
}

/** Presets that events can cause; some are for actions in browsers, which are not here. */
export function usablePresets(type: {
  presets?: readonly SegmentPreset[];
  actions?: Readonly<Record<string, SegmentAction>>;
}): SegmentPreset[] {
  const { presets = [], actions = {} } = type;
  return presets.filter(
    ({ partnerAction, type: kind, subscribe }) =>
      kind === 'automatic' && subscribe !== undefined && Object.hasOwn(actions, partnerAction),
  );
}

/**
 * What a preset says beyond the defaults of its action; a default that it does not have is taken
 * away, because the server adds the defaults of what is not named.
 */
export function subscriptionOfPreset(
  preset: SegmentPreset,
  action: SegmentAction,
): WrittenSubscription {
  const { name, partnerAction, subscribe, mapping: given } = preset;
  const mapping: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    const standard = action.fields[key]?.default;
    if (JSON.stringify(value) !== JSON.stringify(standard)) mapping[key] = value;
  }
  for (const [key, field] of Object.entries(action.fields)) {
    const hasDefault = field.default !== undefined && field.default !== null;
    if (hasDefault && !Object.hasOwn(given, key)) mapping[key] = null;
  }
  const subscription: WrittenSubscription = { name, partnerAction, mapping, enabled: true };
  return subscribe === undefined ? subscription : { ...subscription, subscribe };
}

export function subscriptionOfAction(
  partnerAction: string,
  action: SegmentAction,
): WrittenSubscription {
  const subscribe = action.defaultSubscription ?? 'type = "track"';
  return { name: action.title, partnerAction, subscribe, mapping: {}, enabled: true };
}

/** Keys of fields: those to be filled in or already changed, and the others. */
export function groupedFields(
  action: SegmentAction,
  mapping: Record<string, unknown>,
): { first: string[]; rest: string[] } {
  const keys = Object.keys(action.fields);
  const isFirst = (key: string): boolean =>
    action.fields[key]?.required === true || Object.hasOwn(mapping, key);
  return { first: keys.filter(isFirst), rest: keys.filter((key) => !isFirst(key)) };
}
