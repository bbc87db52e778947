/** What views of destinations need beside the routes of delivery: real events, and previews. */
import { Hono } from 'hono';
import { z } from 'zod';
import { requireRole, requireSource, sourcesSeenBy } from './actor.ts';
import { requireDestination } from './destination-rights.ts';
import { parseAs, parseBody } from './parse-body.ts';

export interface RecentEventsAsk {
  source?: string | undefined;
  type?: string | undefined;
  event?: string | undefined;
  limit: number;
  /** Slugs; null: all. */
  seen: readonly string[] | null;
}

export interface FilterPreviewAsk {
  filters: unknown;
  /** Null: recent events. */
  event: Record<string, unknown> | null;
  recent: RecentEventsAsk;
}

/** Made by serve. Everything throws MillraceError. */
export interface DestinationViewControl {
  sourcesOf(slug: string): readonly string[] | null;
  recentEvents(ask: RecentEventsAsk): Promise<unknown>;
  previewFilters(ask: FilterPreviewAsk): Promise<unknown>;
  previewTrigger(trigger: string, event: Record<string, unknown>): unknown;
  delivery(slug: string, withSamples: boolean): Promise<unknown>;
}

const name = z.string().min(1).max(500);
const limit = z.coerce.number().int().min(1).max(100).default(20);
const recentSchema = z.strictObject({
  source: name.optional(),
  type: z.enum(['track', 'identify', 'page', 'screen', 'group', 'alias']).optional(),
  event: name.optional(),
  limit,
});
const event = z.record(z.string(), z.unknown());
const filtersSchema = recentSchema.omit({ type: true, event: true }).extend({
  filters: z.array(z.unknown()),
  event: event.nullable().default(null),
});
const triggerSchema = z.strictObject({ trigger: z.string().max(10_000), event });
const deliverySchema = z.strictObject({ samples: z.enum(['true', 'false']).default('true') });

/** Behind the guard; nothing here changes anything. */
export function destinationViewRoutes(control: DestinationViewControl): Hono {
  const routes = new Hono();
  routes.get('/recent-events', async (c) => {
    const asked = parseAs(recentSchema, c.req.query());
    const actor = requireRole(c, 'viewer');
    if (asked.source !== undefined) requireSource(c, asked.source, 'read');
    return c.json((await control.recentEvents({ ...asked, seen: sourcesSeenBy(actor) })) as object);
  });
  routes.post('/filters/preview', async (c) => {
    const actor = requireRole(c, 'viewer');
    const { filters, event: given, source, limit: most } = await parseBody(c, filtersSchema);
    if (source !== undefined) requireSource(c, source, 'read');
    const recent = { source, limit: most, seen: sourcesSeenBy(actor) };
    return c.json((await control.previewFilters({ filters, event: given, recent })) as object);
  });
  routes.post('/triggers/preview', async (c) => {
    requireRole(c, 'viewer');
    const { trigger, event: given } = await parseBody(c, triggerSchema);
    return c.json(control.previewTrigger(trigger, given) as object);
  });
  routes.get('/destinations/:slug/delivery', async (c) => {
    const slug = c.req.param('slug');
    requireDestination(c, slug, (own) => control.sourcesOf(own), 'read');
    const { samples } = parseAs(deliverySchema, c.req.query());
    return c.json((await control.delivery(slug, samples === 'true')) as object);
  });
  return routes;
}
