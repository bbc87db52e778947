/** Configuration as code over HTTP: what is there, and what shall be there. */
import { Hono } from 'hono';
import { z } from 'zod';
import type { Actor } from '../store/people/audit.ts';
import { requireRole } from './actor.ts';
import { parseDocument } from '../operate/config-code/config-document.ts';
import type { ConfigDocument } from '../operate/config-code/config-document.ts';
import type { ConfigPlan } from '../operate/config-code/config-plan.ts';
import { parseBody } from './parse-body.ts';

/** Made by serve. Everything throws MillraceError. */
export interface ConfigCodeControl {
  export(): ConfigDocument;
  apply(
    document: ConfigDocument,
    options: { actor: Actor; isDryRun: boolean; isPruning: boolean },
  ): Promise<ConfigPlan>;
}

const applySchema = z.strictObject({
  document: z.unknown(),
  dryRun: z.boolean().default(false),
  prune: z.boolean().default(false),
});

/** Behind the guard. People are in the document, so it is for admins. */
export function configCodeRoutes(control: ConfigCodeControl): Hono {
  const routes = new Hono();
  routes.get('/export', (c) => {
    requireRole(c, 'admin');
    return c.json(control.export());
  });
  routes.post('/apply', async (c) => {
    const actor = requireRole(c, 'admin');
    const { document, dryRun, prune } = await parseBody(c, applySchema);
    const parsed = parseDocument(document);
    const options = { actor, isDryRun: dryRun, isPruning: prune };
    return c.json(await control.apply(parsed, options));
  });
  return routes;
}
