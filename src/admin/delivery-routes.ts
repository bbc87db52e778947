/** The admin listener's routes of delivery: destinations, dead letters, replays, trace. */
import { Hono } from 'hono';
import type { z } from 'zod';
import { MillraceError } from '../base/errors.ts';
import { parseExact } from '../events/exact-json.ts';
import type { JsonObject } from '../events/json.ts';
import { actorOf, requireRole } from './actor.ts';
import {
  maySeeDestination,
  requireDestination,
  requireSourcesOf,
  seenTrace,
} from '../operate/rights/destination-rights.ts';
import {
  discardSchema,
  mappingPreviewSchema,
  pageSchema,
  replaySchema,
  retrySchema,
} from './delivery-schema.ts';
import { bodyOf, parseAs as parse } from './parse-body.ts';
import type { DeadLetterFilter } from '../deliver/dead-letter-shapes.ts';
import type { Context } from 'hono';
import {
  addDestination,
  destinationTypeOf,
  dropDestination,
  editDestination,
  listDestinationsNow,
  mustFindDestination,
} from '../operate/destinations/manage-destinations.ts';
import {
  discardDeadLetters,
  retryDeadLetters,
  startReplay,
  steerReplay,
} from '../operate/delivery/steer-delivery.ts';
import { listDestinationTypes } from '../destinations/destination-registry.ts';
import { previewMapping } from '../destinations/segment-actions/segment-type.ts';
import { traceMessage } from '../operate/trace/trace-message.ts';
import type { RunningServer } from '../operate/running-server.ts';

type Server = Pick<RunningServer, 'store' | 'sealer' | 'net' | 'config' | 'delivery' | 'lake'>;

/** Behind the guard. A destination is seen by those who may see all sources that feed it. */
export function deliveryRoutes(server: Server): Hono {
  const routes = new Hono();
  const { write } = slugsFor(server);
  routes.get('/destinations', async (c) => {
    const actor = requireRole(c, 'viewer');
    const all = await listDestinationsNow(server);
    return c.json(all.filter(({ sources }) => maySeeDestination(actor, sources)));
  });
  addTypeRoutes(routes);
  routes.post('/destinations', async (c) => {
    const actor = requireRole(c, 'member');
    const body = await bodyOf(c);
    requireSourcesOf(actor, body, 'new');
    return c.json(await addDestination(server, body, actor), 201);
  });
  routes.patch('/destinations/:slug', async (c) => {
    const slug = write(c);
    const body = await bodyOf(c);
    requireSourcesOf(actorOf(c), body, 'change');
    return c.json(await editDestination(server, slug, body, actorOf(c)));
  });
  routes.delete('/destinations/:slug', (c) => {
    dropDestination(server, write(c), actorOf(c));
    return c.json({ deleted: true });
  });
  routes.post('/destinations/:slug/test', async (c) =>
    c.json(await server.delivery.ask('test', { destination: write(c) })),
  );
  addDeadLetterRoutes(routes, server);
  addReplayRoutes(routes, server);
  routes.get('/trace/:messageId', async (c) => {
    const actor = requireRole(c, 'viewer');
    const trace = await traceMessage(c.req.param('messageId'), server.lake, server.delivery);
    return c.json(seenTrace(actor, trace, (slug) => mustFindDestination(server, slug).sources));
  });
  return routes;
}

/** The slug of the path, for those who may read the destination, or change it. */
function slugsFor(server: Server) {
  const slugOf = (c: Context, right: 'read' | 'write'): string => {
    const slug = c.req.param('slug') ?? '';
    requireDestination(actorOf(c), slug, (own) => mustFindDestination(server, own).sources, right);
    return slug;
  };
  return {
    read: (c: Context) => slugOf(c, 'read'),
    write: (c: Context) => slugOf(c, 'write'),
  };
}

function addTypeRoutes(routes: Hono): void {
  routes.get('/destinations/types', (c) => {
    requireRole(c, 'viewer');
    return c.json(listDestinationTypes());
  });
  routes.get('/destinations/types/:type', (c) => {
    requireRole(c, 'viewer');
    return c.json(destinationTypeOf(c.req.param('type')));
  });
  routes.post('/destinations/types/:type/preview', async (c) => {
    requireRole(c, 'viewer');
    const { action, mapping, event } = parse(mappingPreviewSchema, await bodyOf(c));
    return c.json(previewMapping(c.req.param('type'), action, mapping, event));
  });
}

function addDeadLetterRoutes(routes: Hono, server: Server): void {
  const path = '/destinations/:slug/dead-letters';
  const { read, write } = slugsFor(server);
  routes.get(path, async (c) => {
    const slug = read(c);
    const { after, limit, ...filter } = parse(pageSchema, c.req.query());
    const page = { afterId: after, limit };
    return c.json(
      await server.delivery.ask('dead-letters', { destination: slug, filter, ...page }),
    );
  });
  routes.get(`${path}/groups`, async (c) =>
    c.json(await server.delivery.ask('dead-letter-groups', { destination: read(c) })),
  );
  routes.get(`${path}/:id{[0-9]+}`, async (c) => {
    const asked = { destination: read(c), id: Number(c.req.param('id')) };
    const { letter, json } = await server.delivery.ask('dead-letter', asked);
    const message = json === null ? null : (parseExact(Buffer.from(json)) as JsonObject);
    return c.json({ ...letter, message });
  });
  routes.post(`${path}/retry`, async (c) => {
    const slug = write(c);
    const filter = chosen(parse(retrySchema, await bodyOf(c)));
    return c.json(await retryDeadLetters(server, slug, filter, actorOf(c)));
  });
  routes.post(`${path}/discard`, async (c) => {
    const slug = write(c);
    const { because, ...rest } = parse(discardSchema, await bodyOf(c));
    const filter = chosen(rest);
    return c.json(await discardDeadLetters(server, slug, { filter, reason: because }, actorOf(c)));
  });
}

function addReplayRoutes(routes: Hono, server: Server): void {
  const path = '/destinations/:slug/replays';
  const { read, write } = slugsFor(server);
  routes.get(path, async (c) =>
    c.json(await server.delivery.ask('replays', { destination: read(c) })),
  );
  routes.post(path, async (c) => {
    const slug = read(c);
    const { from, to, dryRun, ...rest } = parse(replaySchema, await bodyOf(c));
    const spec = { ...rest, fromMs: from, toMs: to };
    if (dryRun)
      return c.json(await server.delivery.ask('dry-run-replay', { destination: slug, spec }));
    return c.json(await startReplay(server, write(c), spec, actorOf(c)), 201);
  });
  for (const action of ['pause', 'resume', 'cancel'] as const) {
    routes.post(`${path}/:id/${action}`, async (c) => {
      const slug = write(c);
      const id = c.req.param('id');
      return c.json(await steerReplay(server, slug, { id, action }, actorOf(c)));
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
