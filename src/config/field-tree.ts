/**
 * Reads the schema as a tree of fields: what error messages, environment variables, masking and
 * docs need to know. The schema stays the only place where a field is declared.
 */
import { z } from 'zod';
import type { FieldNotes } from './fields.ts';
import { configSchema } from './config-schema.ts';

/** How a value looks: `list` holds text, `json` anything nested that one variable cannot hold. */
export type FieldKind = 'integer' | 'text' | 'list' | 'json' | 'section';

export interface Field {
  path: readonly string[];
  /** Name of the environment variable. */
  env: string;
  kind: FieldKind;
  notes: Partial<FieldNotes>;
  defaultValue: unknown;
  isRequired: boolean;
  isNullable: boolean;
}

interface Unwrapped {
  schema: z.core.$ZodType;
  notes: Partial<FieldNotes>;
  defaultValue: unknown;
  isRequired: boolean;
  isNullable: boolean;
}

/** Every field that is set as a whole, depth first in the order of declaration. */
export function fieldsOf(
  schema: z.core.$ZodType = configSchema,
  prefix: readonly string[] = [],
): Field[] {
  const { schema: inner } = unwrap(schema);
  if (!(inner instanceof z.ZodObject)) return [];
  return Object.entries(inner.shape as Record<string, z.core.$ZodType>).flatMap(([key, member]) => {
    const path = [...prefix, key];
    const unwrapped = unwrap(member);
    const kind = kindOf(unwrapped.schema);
    if (kind === 'section') return fieldsOf(member, path);
    const { notes, defaultValue, isRequired, isNullable } = unwrapped;
    return [{ path, env: envName(path), kind, notes, defaultValue, isRequired, isNullable }];
  });
}

/** The environment variable of a path: `collector.publicUrl` → `MILLRACE_COLLECTOR_PUBLIC_URL`. */
export function envName(path: readonly string[]): string {
  const words = path.map((key) => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase());
  return ['MILLRACE', ...words].join('_');
}

/** Notes of the nearest declared thing at a path of a value, and the keys it knows, if any. */
export function notesAt(path: readonly PropertyKey[]): {
  notes: Partial<FieldNotes>;
  keys: string[];
} {
  let current = unwrap(configSchema);
  for (const key of path) {
    const next = memberOf(current.schema, key);
    if (next === undefined) return { notes: current.notes, keys: [] };
    current = unwrap(next);
  }
  const { schema, notes } = current;
  return { notes, keys: schema instanceof z.ZodObject ? Object.keys(schema.shape) : [] };
}

/** True for a section that may be written empty (`collector:` alone on its line). */
export function isSectionAt(key: string): boolean {
  const member = memberOf(configSchema, key);
  if (member === undefined) return false;
  const { schema, isNullable } = unwrap(member);
  return !isNullable && kindOf(schema) === 'section';
}

function memberOf(schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodObject) {
    return typeof key === 'string' && Object.hasOwn(schema.shape, key)
      ? (schema.shape[key] as z.core.$ZodType)
      : undefined;
  }
  if (schema instanceof z.ZodArray) return schema.element;
  if (schema instanceof z.ZodRecord) return schema.valueType;
  return undefined;
}

/** Takes off wrappers (default, nullable, …); the outermost word on each note counts. */
function unwrap(outer: z.core.$ZodType): Unwrapped {
  const found: Unwrapped = {
    schema: outer,
    notes: {},
    defaultValue: undefined,
    isRequired: true,
    isNullable: false,
  };
  for (;;) {
    const { schema } = found;
    found.notes = { ...(z.globalRegistry.get(schema) as Partial<FieldNotes>), ...found.notes };
    if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
      found.defaultValue ??= schema.def.defaultValue;
      found.isRequired = false;
    } else if (schema instanceof z.ZodOptional) {
      found.isRequired = false;
    } else if (schema instanceof z.ZodNullable) {
      found.isNullable = true;
    } else if (schema instanceof z.ZodPipe) {
      found.schema = schema.def.out;
      continue;
    } else {
      return found;
    }
    found.schema = schema.def.innerType;
  }
}

function kindOf(schema: z.core.$ZodType): FieldKind {
  if (schema instanceof z.ZodObject) return 'section';
  if (schema instanceof z.ZodNumber) return 'integer';
  if (schema instanceof z.ZodRecord) return 'json';
  if (schema instanceof z.ZodArray) {
    return kindOf(unwrap(schema.element).schema) === 'section' ? 'json' : 'list';
  }
  if (schema instanceof z.ZodUnion) {
    const kinds = schema.options.map(kindOf);
    return kinds.find((kind) => kind !== 'text') ?? 'text';
  }
  return 'text';
}
