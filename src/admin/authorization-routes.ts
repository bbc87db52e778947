/**
 * Signing in at the services of destinations. The service sends the person back to a page of the
 * dashboard, which hands on what came with them: the session's cookie, which no other site can
 * make a browser send, says who it is.
 */
import { Hono } from 'hono';
import {
  beginAuthorization,
  endAuthorization,
  finishAuthorization,
} from '../operate/destinations/authorize-destination.ts';
import { mustFindDestination } from '../operate/destinations/manage-destinations.ts';
import { requireDestination } from '../operate/rights/destination-rights.ts';
import type { RunningServer } from '../operate/running-server.ts';
import { actorOf, requireRole } from './actor.ts';
import { authorizationSchema, authorizedSchema } from './authorization-schema.ts';
import { parseBody } from './parse-body.ts';

type Server = Pick<RunningServer, 'store' | 'sealer' | 'net' | 'clock' | 'delivery'>;

/** The page of the dashboard that people come back to. */
const AUTHORIZED_PATH = '/app/authorized';

/** Behind the guard. */
export function authorizationRoutes(server: Server): Hono {
  const routes = new Hono();
  const sourcesOf = (slug: string) => mustFindDestination(server, slug).sources;
  routes.post('/destinations/:slug/authorization', async (c) => {
    const slug = c.req.param('slug');
    const actor = actorOf(c);
    requireDestination(actor, slug, sourcesOf, 'write');
    const { origin } = await parseBody(c, authorizationSchema);
    const redirectUrl = new URL(AUTHORIZED_PATH, origin).href;
    return c.json({ url: await beginAuthorization(server, slug, redirectUrl, actor) });
  });
  routes.delete('/destinations/:slug/authorization', async (c) => {
    const slug = c.req.param('slug');
    requireDestination(actorOf(c), slug, sourcesOf, 'write');
    await endAuthorization(server, slug, actorOf(c));
    return c.json({ deleted: true });
  });
  routes.post('/authorizations', async (c) => {
    const actor = requireRole(c, 'member');
    const { search } = await parseBody(c, authorizedSchema);
    const mayWrite = (slug: string) => requireDestination(actor, slug, sourcesOf, 'write');
    return c.json({ destination: await finishAuthorization(server, search, actor, mayWrite) });
  });
  return routes;
}
