/** Sources and their write keys, for the dashboard. */
import { Hono } from 'hono';
import { deleteSource } from '../operate/sources/delete-source.ts';
import { latestEvent } from '../operate/sources/latest-event.ts';
import {
  addKey,
  addSource,
  editSource,
  endKey,
  keyView,
  lastUseOf,
  replaceKey,
  sourceView,
  timeText,
} from '../operate/sources/manage-sources.ts';
import type { Publishing } from '../operate/publish-store.ts';
import { maySee } from '../operate/rights/actor-rights.ts';
import type {
  LatestEventAnswer,
  ListedSource,
  SourceDetail,
} from '../operate/sources/source-shapes.ts';
import type { RunningServer } from '../operate/running-server.ts';
import { getSource, listSources } from '../store/sources/sources.ts';
import type { Source } from '../store/sources/sources.ts';
import { listKeys } from '../store/sources/write-keys.ts';
import { requireRole, requireSource } from './actor.ts';
import { parseBody } from './parse-body.ts';
import { newSourceSchema, rotateSchema, sourceChangeSchema } from './source-schema.ts';

type Server = Publishing & Pick<RunningServer, 'net' | 'clock' | 'collectorUrl'>;

/** Behind the guard. */
export function sourceRoutes(server: Server): Hono {
  const { store } = server;
  const routes = new Hono();
  routes.get('/sources', (c) => {
    const actor = requireRole(c, 'viewer');
    const seen = listSources(store).filter(({ slug }) => maySee(actor, slug));
    const keys = listKeys(store);
    const view = (source: Source): ListedSource => ({
      ...sourceView(server, source),
      lastSeenAt: timeText(lastUseOf(keys.filter((key) => key.sourceNumber === source.number))),
    });
    return c.json(seen.map(view));
  });
  routes.post('/sources', async (c) => {
    const actor = requireRole(c, 'member');
    return c.json(addSource(server, await parseBody(c, newSourceSchema), actor), 201);
  });
  routes.get('/sources/:slug', (c) => {
    const slug = c.req.param('slug');
    requireSource(c, slug, 'read');
    const source = getSource(store, slug);
    const keys = listKeys(store, slug);
    const answer: SourceDetail = {
      ...sourceView(server, source),
      lastSeenAt: timeText(lastUseOf(keys)),
      keys: keys.map(keyView),
      collectorUrl: server.collectorUrl(),
    };
    return c.json(answer);
  });
  routes.get('/sources/:slug/latest-event', async (c) => {
    const slug = c.req.param('slug');
    requireSource(c, slug, 'read');
    const source = getSource(store, slug);
    const lastSeenMs = lastUseOf(listKeys(store, slug));
    const answer: LatestEventAnswer = { latest: await latestEvent(server, source, lastSeenMs) };
    return c.json(answer);
  });
  routes.patch('/sources/:slug', async (c) => {
    const slug = c.req.param('slug');
    const actor = requireSource(c, slug, 'write');
    const { enabled, ...rest } = await parseBody(c, sourceChangeSchema);
    const change = Object.fromEntries(
      Object.entries({ ...rest, isEnabled: enabled }).filter(([, value]) => value !== undefined),
    );
    return c.json(editSource(server, slug, change, actor));
  });
  routes.delete('/sources/:slug', async (c) => {
    const slug = c.req.param('slug');
    requireSource(c, slug, 'write');
    // It changes destinations, too, that others may own.
    const actor = requireRole(c, 'admin');
    await deleteSource(server, slug, actor);
    return c.json({ deleted: true });
  });
  addKeyRoutes(routes, server);
  return routes;
}

function addKeyRoutes(routes: Hono, server: Server): void {
  routes.post('/sources/:slug/keys', (c) => {
    const slug = c.req.param('slug');
    return c.json(addKey(server, slug, requireSource(c, slug, 'write')), 201);
  });
  routes.post('/sources/:slug/keys/:id/rotate', async (c) => {
    const { slug, id } = c.req.param();
    const actor = requireSource(c, slug, 'write');
    const { overlapSeconds } = await parseBody(c, rotateSchema);
    return c.json(replaceKey(server, { slug, id, overlapMs: overlapSeconds * 1000 }, actor), 201);
  });
  routes.post('/sources/:slug/keys/:id/disable', (c) => {
    const { slug, id } = c.req.param();
    return c.json(endKey(server, { slug, id }, requireSource(c, slug, 'write')));
  });
}
