/**
 * Settings of a native destination from one strict schema: the check, and the list of fields that
 * documentation, API and forms are made from. Labels and the like stand in the fields' `meta`.
 */
import { z } from 'zod';
import { MillraceError } from '../base/errors.ts';
import type { SettingField } from './destination-type-shapes.ts';

/** What stands in `.meta()` of a field. */
export interface SettingNotes {
  label: string;
  description: string;
  /** The allowed values in words, for messages. */
  allowed?: string;
  isSecret?: boolean;
}

export interface Settings<T> {
  fields: readonly SettingField[];
  /** @throws MillraceError DESTINATION_INVALID naming the field, never the value. */
  parse(settings: unknown): T;
}

/** @param schema a strict object; each field carries `SettingNotes` in its `meta`. */
export function defineSettings<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
): Settings<z.output<z.ZodObject<Shape>>> {
  return {
    fields: Object.entries(schema.shape).map(([key, field]) => fieldOf(key, field as z.ZodType)),
    parse(settings) {
      const result = schema.safeParse(settings ?? {});
      if (result.success) return result.data;
      const { issues } = result.error;
      // A misspelt key explains why another one is missing.
      const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
      const isUnknownKey = issue?.code === 'unrecognized_keys';
      const path = isUnknownKey ? issue.keys.slice(0, 1) : (issue?.path ?? []);
      const field = path.join('.') || 'settings';
      const notes = notesOf(schema.shape[String(path[0])] as z.ZodType | undefined);
      const problem = isUnknownKey
        ? `unknown (allowed: ${Object.keys(schema.shape).join(', ')})`
        : (issue?.message ?? 'invalid') + (notes?.allowed ? ` (allowed: ${notes.allowed})` : '');
      throw new MillraceError('DESTINATION_INVALID', `${field}: ${problem}`, { field });
    },
  };
}

function notesOf(field: z.ZodType | undefined): Partial<SettingNotes> | undefined {
  for (let at = field; at !== undefined;) {
    const notes = at.meta();
    if (notes) return notes as Partial<SettingNotes>;
    at = innerOf(at);
  }
  return undefined;
}

function innerOf(field: z.ZodType): z.ZodType | undefined {
  const { def } = field as unknown as { def: { innerType?: z.ZodType; in?: z.ZodType } };
  return def.innerType ?? def.in;
}

function fieldOf(key: string, field: z.ZodType): SettingField {
  const notes = notesOf(field) ?? {};
  const absent = field.safeParse(undefined);
  let core = field;
  for (let inner = innerOf(core); inner !== undefined; inner = innerOf(core)) core = inner;
  return {
    key,
    label: notes.label ?? key,
    description: notes.description ?? '',
    type: typeOf(core),
    isRequired: !absent.success,
    isSecret: notes.isSecret === true,
    ...(core instanceof z.ZodEnum ? { choices: core.options.map(String) } : {}),
    ...(absent.success && absent.data !== undefined ? { default: absent.data } : {}),
  };
}

function typeOf(core: z.ZodType): SettingField['type'] {
  if (core instanceof z.ZodEnum) return 'choice';
  if (core instanceof z.ZodNumber) return 'number';
  if (core instanceof z.ZodBoolean) return 'boolean';
  if (core instanceof z.ZodArray) return 'list';
  if (core instanceof z.ZodObject || core instanceof z.ZodRecord) return 'object';
  return 'text';
}
