/** What the SQL editor needs beside `POST /sql`: saved queries, and names to complete. */
import { Hono } from 'hono';
import { z } from 'zod';
import { recordAudit } from '../store/people/audit.ts';
import type { Actor } from '../store/people/audit.ts';
import {
  changeSavedQuery,
  createSavedQuery,
  deleteSavedQuery,
  getSavedQuery,
  listSavedQueries,
} from '../store/workspace/saved-queries.ts';
import type { SavedQuery } from '../store/workspace/saved-queries.ts';
import { inStoreTransaction } from '../store/store.ts';
import type { Store } from '../store/store.ts';
import { requireAllSources, requireRole } from './actor.ts';
import { parseBody } from './parse-body.ts';

export interface SqlTable {
  /** `main`, or the schema of a source. */
  schema: string;
  name: string;
  columns: { name: string; type: string }[];
}

/** Made by serve. */
export interface SavedQueryControl {
  store: Store;
  /** All that a query may name. */
  tables(): Promise<SqlTable[]>;
}

const name = z.string().trim().min(1).max(200);
const sql = z.string().trim().min(1).max(100_000);
const newSchema = z.strictObject({ name, sql });
const changeSchema = newSchema.partial();

/** Behind the guard; like SQL itself, for those who may see all sources. */
export function savedQueryRoutes({ store, tables }: SavedQueryControl): Hono {
  const routes = new Hono();
  routes.get('/sql/tables', async (c) => {
    requireAllSources(c);
    return c.json({ tables: await tables() });
  });
  routes.get('/saved-queries', (c) => {
    requireAllSources(c);
    return c.json(listSavedQueries(store).map(viewOf));
  });
  routes.post('/saved-queries', async (c) => {
    requireAllSources(c);
    const actor = requireRole(c, 'member');
    const given = await parseBody(c, newSchema);
    const made = inStoreTransaction(store, () => {
      const query = createSavedQuery(store, { ...given, createdBy: actor.name });
      audit(store, actor, 'Saved Query Created', null, query);
      return query;
    });
    return c.json(viewOf(made), 201);
  });
  routes.patch('/saved-queries/:id', async (c) => {
    requireAllSources(c);
    const actor = requireRole(c, 'member');
    const change = await parseBody(c, changeSchema);
    const changed = inStoreTransaction(store, () => {
      const before = getSavedQuery(store, c.req.param('id'));
      const query = changeSavedQuery(store, before.id, change);
      audit(store, actor, 'Saved Query Modified', before, query);
      return query;
    });
    return c.json(viewOf(changed));
  });
  routes.delete('/saved-queries/:id', (c) => {
    requireAllSources(c);
    const actor = requireRole(c, 'member');
    inStoreTransaction(store, () => {
      audit(store, actor, 'Saved Query Deleted', deleteSavedQuery(store, c.req.param('id')), null);
    });
    return c.json({ deleted: true });
  });
  return routes;
}

function viewOf({ createdAtMs, updatedAtMs, ...query }: SavedQuery) {
  const [createdAt, updatedAt] = [createdAtMs, updatedAtMs].map((ms) => new Date(ms).toISOString());
  return { ...query, createdAt, updatedAt };
}

function audit(
  store: Store,
  actor: Actor,
  action: string,
  before: SavedQuery | null,
  after: SavedQuery | null,
): void {
  const about = after ?? before;
  if (!about) return;
  const resource = { type: 'saved query', id: about.id, name: about.name };
  recordAudit(store, actor, {
    action,
    resource,
    before: before && viewOf(before),
    after: after && viewOf(after),
  });
}
