/** What the first page of the dashboard shows beside metrics: disk, retention, and a recount. */
import { Hono } from 'hono';
import { diskOverview } from '../operate/overview/disk-overview.ts';
import type { RunningServer } from '../operate/running-server.ts';
import { createRecount } from '../operate/verify/recount.ts';
import { requireAllSources, requireRole } from './actor.ts';

type Server = Pick<
  RunningServer,
  'config' | 'store' | 'clock' | 'disk' | 'dataFolder' | 'snapshots'
>;

/** Behind the guard. A recount speaks of all sources, and takes a core for a while. */
export function overviewRoutes(server: Server): Hono {
  const recount = createRecount(server);
  const routes = new Hono();
  routes.get('/overview', async (c) => {
    requireRole(c, 'viewer');
    return c.json(await diskOverview(server));
  });
  routes.get('/verify', (c) => {
    requireAllSources(c);
    return c.json(recount.state());
  });
  routes.post('/verify', (c) => {
    requireRole(c, 'member');
    requireAllSources(c);
    return c.json(recount.begin(), 202);
  });
  return routes;
}
