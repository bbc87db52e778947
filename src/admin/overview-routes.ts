/** What the first page of the dashboard shows beside metrics: disk, retention, and a recount. */
import { Hono } from 'hono';
import { requireAllSources, requireRole } from './actor.ts';

export interface OverviewAnswer {
  disk: { freeBytes: number | null; minFreeBytes: number; logBytes: number; lakeBytes: number };
  retention: {
    logHours: number;
    /** Of each partition; null: no limit. */
    logBytesMax: number | null;
    /** When the oldest part of the log began; null: there is none. */
    logFrom: string | null;
    rejectedRowsMax: number;
  };
}

/** A recount of everything, as `millrace verify` makes it. */
export interface VerifyState {
  state: 'never' | 'running' | 'done' | 'failed';
  /** 0 to 1. */
  share: number;
  startedAt: string | null;
  finishedAt: string | null;
  report: object | null;
  failure: string | null;
}

export interface OverviewControl {
  overview(): Promise<OverviewAnswer>;
  verified(): VerifyState;
  /** Begins a recount unless one runs. */
  verify(): VerifyState;
}

/** Behind the guard. A recount speaks of all sources, and takes a core for a while. */
export function overviewRoutes(control: OverviewControl): Hono {
  const routes = new Hono();
  routes.get('/overview', async (c) => {
    requireRole(c, 'viewer');
    return c.json(await control.overview());
  });
  routes.get('/verify', (c) => {
    requireAllSources(c);
    return c.json(control.verified());
  });
  routes.post('/verify', (c) => {
    requireRole(c, 'member');
    requireAllSources(c);
    return c.json(control.verify(), 202);
  });
  return routes;
}
