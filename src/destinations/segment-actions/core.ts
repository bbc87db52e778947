/**
 * The parts of Segment's core that need no network, for settings and mappings in our own threads.
 * CommonJS, whose names Node cannot see; loaded when first asked for.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { JsonObject } from '../../events/json.ts';
import type { SegmentField } from './segment-shapes.ts';

export interface SegmentCore {
  fieldsToJsonSchema(fields: Readonly<Record<string, SegmentField>>): object;
  /** Checks and coerces in place. @throws AggregateAjvError */
  validateSchema(value: JsonObject, schema: object, options: { exempt: string[] }): boolean;
  /** Applies a mapping (`@path`, `@template`, …) to an event. */
  transform(mapping: JsonObject, event: JsonObject): JsonObject;
  /** @throws Error for a mapping with wrong directives */
  validateMapping(mapping: JsonObject): void;
  removeEmptyValues(value: JsonObject, schema: object, isRoot: boolean): JsonObject;
}

let core: SegmentCore | undefined;

/** The one instance of this thread. */
export function segmentCore(): SegmentCore {
  if (core) return core;
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('@segment/actions-core'));
  const load = (file: string): Record<string, unknown> =>
    require(join(folder, file)) as Record<string, unknown>;
  core = {
    ...load('destination-kit/fields-to-jsonschema.js'),
    ...load('schema-validation.js'),
    ...load('mapping-kit/index.js'),
    ...load('remove-empty-values.js'),
    validateMapping: load('mapping-kit/validate.js')['default'],
  } as unknown as SegmentCore;
  return core;
}

/** What Segment's schema check throws. */
export function isSchemaError(error: unknown): error is Error & {
  errors: readonly { path: string; message: string }[];
} {
  return error instanceof Error && error.name === 'AggregateAjvError' && 'errors' in error;
}
