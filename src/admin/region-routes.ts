/** Regions of the configuration, and how much is kept in each. */
import { Hono } from 'hono';
import { createRegionSizes } from '../operate/overview/region-sizes.ts';
import type { RunningServer } from '../operate/running-server.ts';
import { requireAllSources } from './actor.ts';

type Server = Pick<RunningServer, 'config' | 'disk' | 'dataFolder' | 'store' | 'clock'>;

/** Behind the guard. */
export function regionRoutes(server: Server): Hono {
  const regionSizes = createRegionSizes(server);
  const routes = new Hono();
  routes.get('/regions', async (c) => {
    requireAllSources(c);
    return c.json(await regionSizes());
  });
  return routes;
}
