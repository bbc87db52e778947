/**
 * Segment's Public API on the admin listener: same paths, bodies, pages and errors. What is not
 * there says which capability is missing, and never pretends.
 */
import type { RunningServer } from '../../operate/running-server.ts';
import { Hono } from 'hono';
import type { Context } from 'hono';
import { assert } from '../../base/assert.ts';
import { MillraceError, toError } from '../../base/errors.ts';
import { actorOf } from '../actor.ts';
import type { Handler } from './ask.ts';
import { CATALOG_HANDLERS } from './catalog-operations.ts';
import { DESTINATION_HANDLERS } from './destination-operations.ts';
import { METRIC_HANDLERS } from './metric-operations.ts';
import { openApiDocument } from './openapi.ts';
import { FILTER_HANDLERS } from './filter-operations.ts';
import { OPERATIONS } from './operations.ts';
import type { Operation } from './operations.ts';
import { PEOPLE_HANDLERS } from './people-operations.ts';
import { SOURCE_HANDLERS } from './source-operations.ts';
import { SCHEMA_SETTINGS_HANDLERS } from './schema-settings.ts';
import { USAGE_HANDLERS } from './usage-operations.ts';
import { WAREHOUSE_HANDLERS } from './warehouse-operations.ts';
import { WORKSPACE_HANDLERS } from './workspace-operations.ts';

const HANDLERS: Record<string, Handler> = {
  ...WORKSPACE_HANDLERS,
  ...PEOPLE_HANDLERS,
  ...SOURCE_HANDLERS,
  ...CATALOG_HANDLERS,
  ...DESTINATION_HANDLERS,
  ...FILTER_HANDLERS,
  ...WAREHOUSE_HANDLERS,
  ...USAGE_HANDLERS,
  ...SCHEMA_SETTINGS_HANDLERS,
  ...METRIC_HANDLERS,
};
/** What Segment answers with 201; other things that are made, with 200. */
const MADE: ReadonlySet<string> = new Set([
  'addConnectionFromSourceToWarehouse',
  'createInvites',
  'createLabel',
  'createSource',
  'createWarehouse',
]);
const READ = 'public_api:read';
const READ_WRITE = 'public_api:read_write';
const VERSIONED = /application\/vnd\.segment\.v1(alpha|beta)?\+json/;

export function publicApiRoutes(server: RunningServer): Hono {
  const { logger } = server;
  const routes = new Hono();
  routes.get('/openapi.json', (c) => c.json(openApiDocument()));
  for (const operation of OPERATIONS) {
    const path = operation.path.replace(/\{(\w+)\}/g, ':$1');
    routes.on(operation.method, path, async (c) => {
      requireScope(c);
      const data = await answer(operation, c, server);
      return reply(c, MADE.has(operation.name) ? 201 : 200, { data });
    });
  }
  routes.onError((error, c) => {
    if (!(error instanceof MillraceError)) {
      logger.error({ reason: toError(error).message }, 'request of the public API failed');
      return refuse(c, new MillraceError('UNAVAILABLE', 'The request failed; see the log'));
    }
    return refuse(c, error);
  });
  return routes;
}

async function answer(
  { name, status, why }: Operation,
  c: Context,
  server: RunningServer,
): Promise<object> {
  if (status !== 'supported') {
    const message = `${name} is ${status === 'not yet' ? 'not there yet' : 'not applicable'}: ${why}`;
    throw new MillraceError('NOT_IMPLEMENTED', message);
  }
  const handler = HANDLERS[name];
  assert(handler, `the operation ${name} has a handler`);
  return await handler({ c, actor: actorOf(c), server });
}

/** A token without scopes may what its role may. @throws MillraceError FORBIDDEN */
function requireScope(c: Context): void {
  const { scopes } = actorOf(c);
  if (scopes.length === 0 || scopes.includes(READ_WRITE)) return;
  if (c.req.method === 'GET' && scopes.includes(READ)) return;
  throw new MillraceError('FORBIDDEN', `The scope ${READ_WRITE} is needed`);
}

function refuse(c: Context, error: MillraceError): Response {
  const { code, message, field, status } = error;
  const own = { type: code.toLowerCase().replaceAll('_', '-'), message, ...(field && { field }) };
  return reply(c, status, { errors: [own] });
}

/** In the version that was asked for; they are the same here. */
function reply(c: Context, status: number, body: object): Response {
  const [type = 'application/json'] = VERSIONED.exec(c.req.header('accept') ?? '') ?? [];
  return c.body(JSON.stringify(body), status as 200, { 'Content-Type': type });
}
