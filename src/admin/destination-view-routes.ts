/** What views of destinations need beside the routes of delivery: real events, and previews. */
import { Hono } from 'hono';
import { actorOf, requireRole, requireSource } from './actor.ts';
import { sourcesSeenBy } from '../operate/rights/actor-rights.ts';
import { requireDestination } from '../operate/rights/destination-rights.ts';
import {
  destinationDelivery,
  previewFilters,
  previewTrigger,
  recentEvents,
} from '../operate/destinations/destination-view.ts';
import { mustFindDestination } from '../operate/destinations/manage-destinations.ts';
import type { RunningServer } from '../operate/running-server.ts';
import {
  deliveryAskSchema,
  filterPreviewSchema,
  recentEventsSchema,
  triggerPreviewSchema,
} from './destination-view-schema.ts';
import { parseAs, parseBody } from './parse-body.ts';

type Server = Pick<RunningServer, 'store' | 'sealer' | 'clock' | 'lake' | 'delivery'>;

/** Behind the guard; nothing here changes anything. */
export function destinationViewRoutes(server: Server): Hono {
  const routes = new Hono();
  routes.get('/recent-events', async (c) => {
    const asked = parseAs(recentEventsSchema, c.req.query());
    const actor = requireRole(c, 'viewer');
    if (asked.source !== undefined) requireSource(c, asked.source, 'read');
    return c.json(await recentEvents(server, { ...asked, seen: sourcesSeenBy(actor) }));
  });
  routes.post('/filters/preview', async (c) => {
    const actor = requireRole(c, 'viewer');
    const { filters, event: given, source, limit: most } = await parseBody(c, filterPreviewSchema);
    if (source !== undefined) requireSource(c, source, 'read');
    const recent = { source, limit: most, seen: sourcesSeenBy(actor) };
    return c.json(await previewFilters(server, { filters, event: given, recent }));
  });
  routes.post('/triggers/preview', async (c) => {
    requireRole(c, 'viewer');
    const { trigger, event: given } = await parseBody(c, triggerPreviewSchema);
    return c.json(previewTrigger(trigger, given));
  });
  routes.get('/destinations/:slug/delivery', async (c) => {
    const slug = c.req.param('slug');
    requireDestination(actorOf(c), slug, (own) => mustFindDestination(server, own).sources, 'read');
    const { samples } = parseAs(deliveryAskSchema, c.req.query());
    return c.json(await destinationDelivery(server, slug, samples === 'true'));
  });
  return routes;
}
