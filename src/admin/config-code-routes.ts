/** Configuration as code over HTTP: what is there, and what shall be there. */
import { Hono } from 'hono';
import { z } from 'zod';
import { requireRole } from './actor.ts';
import { parseDocument } from '../operate/config-code/config-document.ts';
import { applyToServer } from '../operate/config-code/apply-to-server.ts';
import { exportConfig } from '../operate/config-code/config-export.ts';
import type { RunningServer } from '../operate/running-server.ts';
import { parseBody } from './parse-body.ts';

const applySchema = z.strictObject({
  document: z.unknown(),
  dryRun: z.boolean().default(false),
  prune: z.boolean().default(false),
});

/** Behind the guard. People are in the document, so it is for admins. */
export function configCodeRoutes(server: RunningServer): Hono {
  const routes = new Hono();
  routes.get('/export', (c) => {
    requireRole(c, 'admin');
    return c.json(exportConfig(server));
  });
  routes.post('/apply', async (c) => {
    const actor = requireRole(c, 'admin');
    const { document, dryRun, prune } = await parseBody(c, applySchema);
    const parsed = parseDocument(document);
    const options = { actor, isDryRun: dryRun, isPruning: prune };
    return c.json(await applyToServer(server, parsed, options));
  });
  return routes;
}
