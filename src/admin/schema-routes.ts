/** Events and properties as they were seen, what is odd about them, and what is written on them. */
import { Hono } from 'hono';
import { z } from 'zod';
import { listSources } from '../store/sources/sources.ts';
import { requireRole, requireSource } from './actor.ts';
import { sourcesSeenBy } from '../operate/rights/actor-rights.ts';
import { parseAs, parseBody } from './parse-body.ts';
import { noteSchema } from './note-schema.ts';
import { schemaMarkdown } from '../operate/schema/schema-export.ts';
import { createSeenSchema } from '../operate/schema/seen-schema.ts';
import { writeEventNote } from '../operate/schema/write-note.ts';
import type { RunningServer } from '../operate/running-server.ts';

const askSchema = z.strictObject({
  source: z.string().max(2_000).optional(),
  days: z.coerce.number().int().min(1).max(90).default(7),
});
const exportSchema = askSchema.extend({ format: z.enum(['markdown', 'json']).default('markdown') });

/** Behind the guard. */
export function schemaRoutes(server: Pick<RunningServer, 'store' | 'clock' | 'lake'>): Hono {
  const { store } = server;
  const schemas = createSeenSchema(server);
  const routes = new Hono();
  const answer = async (c: Parameters<typeof requireRole>[0], ask: z.infer<typeof askSchema>) => {
    const actor = requireRole(c, 'viewer');
    if (ask.source !== undefined) requireSource(c, ask.source, 'read');
    const seen = sourcesSeenBy(actor) ?? listSources(store).map(({ slug }) => slug);
    return schemas.of({ sources: ask.source === undefined ? seen : [ask.source], ...ask });
  };
  routes.get('/schema', async (c) => c.json(await answer(c, parseAs(askSchema, c.req.query()))));
  routes.get('/schema/export', async (c) => {
    const { format, ...ask } = parseAs(exportSchema, c.req.query());
    const schema = await answer(c, ask);
    const isJson = format === 'json';
    c.header('Content-Disposition', `attachment; filename="events.${isJson ? 'json' : 'md'}"`);
    if (isJson) return c.body(JSON.stringify(schema, null, 2), 200, { 'Content-Type': JSON_TYPE });
    const text = schemaMarkdown('Tracked events', schema.events);
    return c.body(text, 200, { 'Content-Type': 'text/markdown; charset=utf-8' });
  });
  routes.put('/schema/notes', async (c) => {
    const { text, ...place } = await parseBody(c, noteSchema);
    const actor = requireSource(c, place.source, 'write');
    writeEventNote(store, place, text, actor);
    return c.json({ ...place, text });
  });
  return routes;
}

const JSON_TYPE = 'application/json; charset=utf-8';
