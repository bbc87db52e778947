/** JSON bodies of the admin listener, checked. */
import type { Context } from 'hono';
import type { z } from 'zod';
import { MillraceError } from '../base/errors.ts';

/** An empty body is an empty object. @throws MillraceError INVALID_ARGUMENT when it is not JSON. */
export async function bodyOf(c: Context): Promise<unknown> {
  const text = await c.req.text();
  if (text === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new MillraceError('INVALID_ARGUMENT', 'The body is not JSON', { cause: error });
  }
}

/** @throws MillraceError INVALID_ARGUMENT naming the field. */
export function parseAs<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const keys = issue?.code === 'unrecognized_keys' ? issue.keys : [];
  const field = [...(issue?.path ?? []), ...keys].map(String).join('.') || 'body';
  const message = `${field}: ${issue?.message ?? 'invalid'}`;
  throw new MillraceError('INVALID_ARGUMENT', message, { field });
}

/** @throws MillraceError INVALID_ARGUMENT */
export async function parseBody<Schema extends z.ZodType>(
  c: Context,
  schema: Schema,
): Promise<z.output<Schema>> {
  return parseAs(schema, await bodyOf(c));
}
