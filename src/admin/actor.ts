/** Who asks the admin listener. What each role may is in `operate/rights`. */
import type { Context } from 'hono';
import { MillraceError } from '../base/errors.ts';
import { hasAllSources, requireRoleOf, requireSourceOf } from '../operate/rights/actor-rights.ts';
import type { Actor, Role } from '../store/people/people-shapes.ts';

const KEY = 'actor';

/** Set by the guard before any route is reached. */
export function setActor(c: Context, actor: Actor): void {
  c.set(KEY, actor);
}

/** @throws MillraceError UNAUTHORIZED when no guard has let the request through. */
export function actorOf(c: Context): Actor {
  const actor = c.get(KEY) as Actor | undefined;
  if (actor) return actor;
  throw new MillraceError('UNAUTHORIZED', 'Sign in, or send Authorization: Bearer <token>');
}

/** As `requireRoleOf`, of whoever asks. */
export function requireRole(c: Context, needed: Role): Actor {
  return requireRoleOf(actorOf(c), needed);
}

/** As `requireSourceOf`, of whoever asks. */
export function requireSource(c: Context, slug: string, right: 'read' | 'write'): Actor {
  return requireSourceOf(actorOf(c), slug, right);
}

/** What shows all sources at once, such as SQL, is for those who may see all of them. */
export function requireAllSources(c: Context): Actor {
  const actor = actorOf(c);
  if (hasAllSources(actor)) return actor;
  throw new MillraceError('FORBIDDEN', 'This needs an account that may see all sources');
}
