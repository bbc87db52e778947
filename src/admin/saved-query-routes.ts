/** What the SQL editor needs beside `POST /sql`: saved queries, and names to complete. */
import { Hono } from 'hono';
import type { RunningServer } from '../operate/running-server.ts';
import {
  addSavedQuery,
  dropSavedQuery,
  editSavedQuery,
  savedQueryView,
} from '../operate/sql/manage-saved-queries.ts';
import type { SqlTablesAnswer } from '../operate/sql/sql-shapes.ts';
import { sqlTables } from '../operate/sql/sql-tables.ts';
import { listSavedQueries } from '../store/workspace/saved-queries.ts';
import { requireAllSources, requireRole } from './actor.ts';
import { parseBody } from './parse-body.ts';
import { newQuerySchema, queryChangeSchema } from './sql-schema.ts';

/** Behind the guard; like SQL itself, for those who may see all sources. */
export function savedQueryRoutes({ store, lake }: Pick<RunningServer, 'store' | 'lake'>): Hono {
  const routes = new Hono();
  routes.get('/sql/tables', async (c) => {
    requireAllSources(c);
    const answer: SqlTablesAnswer = { tables: await sqlTables(lake) };
    return c.json(answer);
  });
  routes.get('/saved-queries', (c) => {
    requireAllSources(c);
    return c.json(listSavedQueries(store).map(savedQueryView));
  });
  routes.post('/saved-queries', async (c) => {
    requireAllSources(c);
    const actor = requireRole(c, 'member');
    return c.json(addSavedQuery(store, await parseBody(c, newQuerySchema), actor), 201);
  });
  routes.patch('/saved-queries/:id', async (c) => {
    requireAllSources(c);
    const actor = requireRole(c, 'member');
    const change = await parseBody(c, queryChangeSchema);
    return c.json(editSavedQuery(store, c.req.param('id'), change, actor));
  });
  routes.delete('/saved-queries/:id', (c) => {
    requireAllSources(c);
    dropSavedQuery(store, c.req.param('id'), requireRole(c, 'member'));
    return c.json({ deleted: true });
  });
  return routes;
}
