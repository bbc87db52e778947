/** One request of the Public API, and what handlers of its operations share. */
import type { Context } from 'hono';
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import type { JsonObject } from '../../events/json.ts';
import type { Actor } from '../../store/people/people-shapes.ts';
import { findSource } from '../../store/sources/sources.ts';
import type { Source } from '../../store/sources/sources.ts';
import { requireSource } from '../actor.ts';
import { maySee } from '../../operate/rights/actor-rights.ts';
import type { RunningServer } from '../../operate/running-server.ts';
import { parseAs } from '../parse-body.ts';

export interface Ask {
  c: Context;
  actor: Actor;
  server: RunningServer;
}

export type Handler = (ask: Ask) => object | Promise<object>;

/** Documented by Segment: pages of 200 at most. */
export const PAGE_MAX = 200;
export const PAGE_DEFAULT = 10;
/** The number 0, with which Segment's Terraform provider begins. Cursors of ours are not padded. */
const FIRST_OF_SEGMENT = 'MA==';

/** A part of the path. */
export function param({ c }: Ask, name: string): string {
  return decodeURIComponent(c.req.param(name) ?? '');
}

/**
 * A list in the query, in any of the ways that clients write one: `name=a&name=b`, `name[]=a`,
 * `name[0]=a`, `name.0=a`, `name=a,b`, `name=["a","b"]`.
 */
export function listParam({ c }: Ask, name: string): string[] {
  const found: string[] = [];
  for (const [key, value] of new URL(c.req.url).searchParams) {
    if (key !== name && !(key.startsWith(name) && INDEX.test(key.slice(name.length)))) continue;
    if (key !== name) found.push(value);
    else found.push(...(value.startsWith('[') ? jsonList(value, name) : value.split(',')));
  }
  return found;
}

const INDEX = /^(\[\d*\]|\.\d+)$/;

function jsonList(text: string, name: string): string[] {
  try {
    return parseAs(z.array(z.string()), JSON.parse(text));
  } catch (error) {
    const message = `${name}: not a list of texts`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field: name, cause: error });
  }
}

/**
 * The fields of a body that we know. Others are ignored, as Segment's API does: its clients send
 * some that mean nothing here, and scripts send what they have read.
 * @throws MillraceError INVALID_ARGUMENT naming the field.
 */
export async function body<Schema extends z.ZodType>(
  { c }: Ask,
  schema: Schema,
): Promise<z.output<Schema>> {
  const text = await c.req.text();
  let value: unknown = {};
  try {
    if (text !== '') value = JSON.parse(text);
  } catch (error) {
    throw new MillraceError('INVALID_ARGUMENT', 'The body is not JSON', { cause: error });
  }
  return parseAs(schema, value);
}

/** Settings are added to what there is; null takes one away. */
export function mergedSettings(before: JsonObject | undefined, change: object): JsonObject {
  const merged = Object.entries({ ...before, ...change });
  return Object.fromEntries(merged.filter(([, value]) => value !== null)) as JsonObject;
}

/** The source of the path, if the caller may see or change it. @throws MillraceError NOT_FOUND */
export function sourceOf(ask: Ask, right: 'read' | 'write', id = param(ask, 'sourceId')): Source {
  const found = findSource(ask.server.store, id);
  if (!found || !maySee(ask.actor, found.slug)) {
    throw new MillraceError('NOT_FOUND', `There is no source ${id}`, { field: 'sourceId' });
  }
  requireSource(ask.c, found.slug, right);
  return found;
}

/**
 * One page of a list, in the order of the list. A cursor is the id after which the page begins, so
 * that what is made or deleted meanwhile moves nothing.
 * @throws MillraceError INVALID_ARGUMENT
 */
export function pageOf<Item>(
  { c }: Ask,
  items: readonly Item[],
  idOf: (item: Item) => string,
): { page: Item[]; pagination: object } {
  const query = c.req.query();
  const given = query['pagination[count]'] ?? query['pagination.count'] ?? String(PAGE_DEFAULT);
  const count = Number(given);
  if (!Number.isInteger(count) || count < 1 || count > PAGE_MAX) {
    const message = `pagination.count: 1 to ${PAGE_MAX} (got ${given})`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field: 'pagination.count' });
  }
  const cursor = query['pagination[cursor]'] ?? query['pagination.cursor'];
  const start = cursor === undefined ? 0 : startAt(items, idOf, cursor);
  const page = items.slice(start, start + count);
  const last = page.at(-1);
  const before = items[start - count - 1];
  return {
    page,
    pagination: {
      current: cursor ?? encode(''),
      ...(start + count < items.length && last !== undefined && { next: encode(idOf(last)) }),
      ...(start > 0 && { previous: encode(before === undefined ? '' : idOf(before)) }),
      totalEntries: items.length,
    },
  };
}

function startAt<Item>(
  items: readonly Item[],
  idOf: (item: Item) => string,
  cursor: string,
): number {
  if (cursor === FIRST_OF_SEGMENT) return 0;
  const id = Buffer.from(cursor, 'base64url').toString();
  if (id === '') return 0;
  const at = items.findIndex((item) => idOf(item) === id);
  if (at >= 0) return at + 1;
  throw new MillraceError('INVALID_ARGUMENT', 'pagination.cursor: unknown', {
    field: 'pagination.cursor',
  });
}

function encode(id: string): string {
  return Buffer.from(id).toString('base64url');
}
