/** One person: who they are to which app, what is known of them, and what they did. */
import { Hono } from 'hono';
import type { Context } from 'hono';
import { z } from 'zod';
import { requireRole, requireSource, sourcesSeenBy } from './actor.ts';
import { parseAs } from './parse-body.ts';

export type PersonKind = 'user' | 'anonymous';

/** Of whom something is asked, and in which sources; null: in all. */
export interface PersonAsk {
  kind: PersonKind;
  id: string;
  seen: readonly string[] | null;
}

export interface TimelineAsk extends PersonAsk {
  /** `next` of the page before. */
  before?: string | undefined;
  limit: number;
}

/** Made by serve. Ids are anything that somebody sent. */
export interface UserLookupControl {
  /** By user id, anonymous id or the trait `email`; the best match first. */
  find(query: string, seen: readonly string[] | null): Promise<PersonMatch[]>;
  profile(ask: PersonAsk): Promise<object>;
  timeline(ask: TimelineAsk): Promise<object>;
}

export interface PersonMatch {
  kind: PersonKind;
  id: string;
  by: 'id' | 'email';
  events: number;
  lastSeenAt: string | null;
}

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
export function userLookupRoutes(control: UserLookupControl): Hono {
  const routes = new Hono();
  routes.get('/people', async (c) => {
    const asked = parseAs(findSchema, c.req.query());
    const seen = seenOf(c, asked.source);
    const matches = await control.find(asked.query, seen);
    const [best] = matches;
    return c.json({ matches, person: best ? await control.profile({ ...best, seen }) : null });
  });
  routes.get('/people/profile', async (c) => {
    const asked = parseAs(personSchema, c.req.query());
    return c.json(await control.profile({ ...asked, seen: seenOf(c, asked.source) }));
  });
  routes.get('/people/timeline', async (c) => {
    const asked = parseAs(timelineSchema, c.req.query());
    return c.json(await control.timeline({ ...asked, seen: seenOf(c, asked.source) }));
  });
  return routes;
}

function seenOf(c: Context, slug: string | undefined): readonly string[] | null {
  const actor = requireRole(c, 'viewer');
  if (slug === undefined) return sourcesSeenBy(actor);
  requireSource(c, slug, 'read');
  return [slug];
}
