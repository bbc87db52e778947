/** The admin listener's routes of delivery: destinations, dead letters, replays, trace. */
import { Hono } from 'hono';
import { z } from 'zod';
import { MillraceError } from '../base/errors.ts';
import { actorOf, requireRole } from './actor.ts';
import {
  maySeeDestination,
  requireDestination,
  requireSourcesOf,
  seenTrace,
} from './destination-rights.ts';
import { bodyOf, parseAs as parse } from './parse-body.ts';
import type { DeadLetterFilter } from '../deliver/dead-letters.ts';
import type { ReplaySpec } from '../deliver/replays.ts';
import type { Actor } from '../store/people/audit.ts';
import type { JsonObject } from '../events/json.ts';
import type { Context } from 'hono';
import type { TracedCopies } from './destination-rights.ts';

/** What the routes need; made by serve. Everything throws MillraceError. */
export interface DeliveryControl {
  /** Slugs of the connected sources; null: all of the region. @throws NOT_FOUND */
  sourcesOf(slug: string): readonly string[] | null;
  list(): Promise<readonly { slug: string; sources: readonly string[] | null }[]>;
  types(): unknown;
  type(name: string): unknown;
  /** What an action of a Segment destination would send of an event. */
  preview(type: string, ask: { action: string; mapping: JsonObject; event: JsonObject }): unknown;
  create(body: unknown, actor: Actor): Promise<unknown>;
  update(slug: string, body: unknown, actor: Actor): Promise<unknown>;
  remove(slug: string, actor: Actor): Promise<void>;
  test(slug: string): Promise<unknown>;
  deadLetterGroups(slug: string): Promise<unknown>;
  deadLetters(
    slug: string,
    filter: DeadLetterFilter,
    page: { afterId: number; limit: number },
  ): Promise<unknown>;
  deadLetter(slug: string, id: number): Promise<unknown>;
  retryDeadLetters(slug: string, filter: DeadLetterFilter, actor: Actor): Promise<unknown>;
  discardDeadLetters(
    slug: string,
    filter: DeadLetterFilter,
    reason: string,
    actor: Actor,
  ): Promise<unknown>;
  replays(slug: string): Promise<unknown>;
  startReplay(slug: string, spec: ReplaySpec, actor: Actor): Promise<unknown>;
  dryRunReplay(slug: string, spec: ReplaySpec): Promise<unknown>;
  steerReplay(
    slug: string,
    id: string,
    action: 'pause' | 'resume' | 'cancel',
    actor: Actor,
  ): Promise<unknown>;
  trace(messageId: string): Promise<TracedCopies>;
}

const PAGE_DEFAULT = 100;

const filterSchema = z.strictObject({
  id: z.coerce.number().int().positive().optional(),
  reason: z.string().min(1).max(100).optional(),
  status: z.coerce.number().int().optional(),
  messageId: z.string().min(1).max(500).optional(),
});
const pageSchema = filterSchema.extend({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1_000).default(PAGE_DEFAULT),
});
/** An empty body must not touch all dead letters by mistake. */
const retrySchema = filterSchema.extend({ all: z.boolean().optional() });
const discardSchema = retrySchema.extend({
  because: z.string().regex(/^[\p{L}\p{N} _.,:-]{1,100}$/u),
});
const previewSchema = z.strictObject({
  action: z.string().min(1),
  mapping: z.record(z.string(), z.unknown()).default({}),
  event: z.record(z.string(), z.unknown()),
});
const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const replaySchema = z.strictObject({
  from: time,
  to: time,
  events: z.array(z.string().min(1)).max(1_000).default([]),
  filter: z.string().min(1).nullable().default(null),
  eventsPerSecond: z.int().positive().nullable().default(null),
  dryRun: z.boolean().default(false),
});

/** Behind the guard. A destination is seen by those who may see all sources that feed it. */
export function deliveryRoutes(control: DeliveryControl): Hono {
  const routes = new Hono();
  const { write } = slugsFor(control);
  routes.get('/destinations', async (c) => {
    const actor = requireRole(c, 'viewer');
    const all = await control.list();
    return c.json(all.filter(({ sources }) => maySeeDestination(actor, sources)));
  });
  addTypeRoutes(routes, control);
  routes.post('/destinations', async (c) => {
    const actor = requireRole(c, 'member');
    const body = await bodyOf(c);
    requireSourcesOf(actor, body, 'new');
    return c.json((await control.create(body, actor)) as object, 201);
  });
  routes.patch('/destinations/:slug', async (c) => {
    const slug = write(c);
    const body = await bodyOf(c);
    requireSourcesOf(actorOf(c), body, 'change');
    return c.json((await control.update(slug, body, actorOf(c))) as object);
  });
  routes.delete('/destinations/:slug', async (c) => {
    await control.remove(write(c), actorOf(c));
    return c.json({ deleted: true });
  });
  routes.post('/destinations/:slug/test', async (c) =>
    c.json((await control.test(write(c))) as object),
  );
  addDeadLetterRoutes(routes, control);
  addReplayRoutes(routes, control);
  routes.get('/trace/:messageId', async (c) => {
    const actor = requireRole(c, 'viewer');
    const trace = await control.trace(c.req.param('messageId'));
    return c.json(seenTrace(actor, trace, (slug) => control.sourcesOf(slug)));
  });
  return routes;
}

/** The slug of the path, for those who may read the destination, or change it. */
function slugsFor(control: DeliveryControl) {
  const slugOf = (c: Context, right: 'read' | 'write'): string => {
    const slug = c.req.param('slug') ?? '';
    requireDestination(c, slug, (own) => control.sourcesOf(own), right);
    return slug;
  };
  return {
    read: (c: Context) => slugOf(c, 'read'),
    write: (c: Context) => slugOf(c, 'write'),
  };
}

function addTypeRoutes(routes: Hono, control: DeliveryControl): void {
  routes.get('/destinations/types', (c) => {
    requireRole(c, 'viewer');
    return c.json(control.types() as object);
  });
  routes.get('/destinations/types/:type', (c) => {
    requireRole(c, 'viewer');
    return c.json(control.type(c.req.param('type')) as object);
  });
  routes.post('/destinations/types/:type/preview', async (c) => {
    requireRole(c, 'viewer');
    const asked = parse(previewSchema, await bodyOf(c));
    return c.json(control.preview(c.req.param('type'), asked) as object);
  });
}

function addDeadLetterRoutes(routes: Hono, control: DeliveryControl): void {
  const path = '/destinations/:slug/dead-letters';
  const { read, write } = slugsFor(control);
  routes.get(path, async (c) => {
    const slug = read(c);
    const { after, limit, ...filter } = parse(pageSchema, c.req.query());
    const page = { afterId: after, limit };
    return c.json((await control.deadLetters(slug, filter, page)) as object);
  });
  routes.get(`${path}/groups`, async (c) =>
    c.json((await control.deadLetterGroups(read(c))) as object),
  );
  routes.get(`${path}/:id{[0-9]+}`, async (c) =>
    c.json((await control.deadLetter(read(c), Number(c.req.param('id')))) as object),
  );
  routes.post(`${path}/retry`, async (c) => {
    const slug = write(c);
    const filter = chosen(parse(retrySchema, await bodyOf(c)));
    return c.json((await control.retryDeadLetters(slug, filter, actorOf(c))) as object);
  });
  routes.post(`${path}/discard`, async (c) => {
    const slug = write(c);
    const { because, ...rest } = parse(discardSchema, await bodyOf(c));
    const filter = chosen(rest);
    return c.json((await control.discardDeadLetters(slug, filter, because, actorOf(c))) as object);
  });
}

function addReplayRoutes(routes: Hono, control: DeliveryControl): void {
  const path = '/destinations/:slug/replays';
  const { read, write } = slugsFor(control);
  routes.get(path, async (c) => c.json((await control.replays(read(c))) as object));
  routes.post(path, async (c) => {
    read(c);
    const { from, to, dryRun, ...rest } = parse(replaySchema, await bodyOf(c));
    const spec = { ...rest, fromMs: from, toMs: to };
    if (dryRun) return c.json((await control.dryRunReplay(read(c), spec)) as object);
    return c.json((await control.startReplay(write(c), spec, actorOf(c))) as object, 201);
  });
  for (const action of ['pause', 'resume', 'cancel'] as const) {
    routes.post(`${path}/:id/${action}`, async (c) => {
      const slug = write(c);
      const id = c.req.param('id');
      return c.json((await control.steerReplay(slug, id, action, actorOf(c))) as object);
    });
  }
}

/** @throws MillraceError INVALID_ARGUMENT when nothing is chosen and `all` is not said. */
function chosen({ all, ...filter }: z.output<typeof retrySchema>): DeadLetterFilter {
  const isChosen = Object.values(filter).some((value) => value !== undefined);
  if (isChosen || all === true) return filter;
  const message = 'Name an id, reason, status or messageId, or say all: true';
  throw new MillraceError('INVALID_ARGUMENT', message, { field: 'all' });
}
