/** Regions of the configuration, and how much is kept in each. */
import { Hono } from 'hono';
import { requireAllSources } from './actor.ts';

export interface RegionView {
  name: string;
  /** False: the configuration no longer names it, and its data is still there. */
  isConfigured: boolean;
  /** Host names that take only write keys of this region. */
  hosts: readonly string[];
  sources: number;
  logBytes: number;
  lakeBytes: number;
}

/** Made by serve. */
export interface RegionControl {
  regions(): Promise<RegionView[]>;
}

/** Behind the guard. */
export function regionRoutes(control: RegionControl): Hono {
  const routes = new Hono();
  routes.get('/regions', async (c) => {
    requireAllSources(c);
    return c.json(await control.regions());
  });
  return routes;
}
