/** One person: who they are to which app, what is known of them, and what they did. */
import { Hono } from 'hono';
import type { Context } from 'hono';
import { z } from 'zod';
import { requireRole, requireSource } from './actor.ts';
import { sourcesSeenBy } from '../operate/rights/actor-rights.ts';
import { findPeople, personProfile, personTimeline } from '../operate/people/user-lookup.ts';
import type { PeopleFound } from '../operate/people/person-shapes.ts';
import type { RunningServer } from '../operate/running-server.ts';
import { parseAs } from './parse-body.ts';

const id = z.string().min(1).max(2_000);
const kind = z.enum(['user', 'anonymous']);
const source = id.optional();
const findSchema = z.strictObject({ query: z.string().trim().min(1).max(2_000), source });
const personSchema = z.strictObject({ kind, id, source });
const timelineSchema = personSchema.extend({
  before: z.string().max(1_000).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** Behind the guard; nothing here changes anything. */
export function userLookupRoutes({ lake }: Pick<RunningServer, 'lake'>): Hono {
  const routes = new Hono();
  routes.get('/people', async (c) => {
    const asked = parseAs(findSchema, c.req.query());
    const seen = seenOf(c, asked.source);
    const matches = await findPeople(lake, asked.query, seen);
    const [best] = matches;
    const person = best ? await personProfile(lake, { ...best, seen }) : null;
    const answer: PeopleFound = { matches, person };
    return c.json(answer);
  });
  routes.get('/people/profile', async (c) => {
    const asked = parseAs(personSchema, c.req.query());
    return c.json(await personProfile(lake, { ...asked, seen: seenOf(c, asked.source) }));
  });
  routes.get('/people/timeline', async (c) => {
    const asked = parseAs(timelineSchema, c.req.query());
    return c.json(await personTimeline(lake, { ...asked, seen: seenOf(c, asked.source) }));
  });
  return routes;
}

function seenOf(c: Context, slug: string | undefined): readonly string[] | null {
  const actor = requireRole(c, 'viewer');
  if (slug === undefined) return sourcesSeenBy(actor);
  requireSource(c, slug, 'read');
  return [slug];
}
