/** Who asks the admin listener, and what each role may. */
import type { Context } from 'hono';
import { MillraceError } from '../base/errors.ts';
import type { Actor, Role } from '../store/audit.ts';

/** From the least to the most. */
const ROLES: readonly Role[] = ['viewer', 'member', 'admin', 'owner'];
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

/**
 * Viewers read; members also change sources, destinations and what belongs to them; admins also
 * people and tokens; owners everything.
 * @throws MillraceError FORBIDDEN naming the role that is needed.
 */
export function requireRole(c: Context, needed: Role): Actor {
  const actor = actorOf(c);
  if (ROLES.indexOf(actor.role) >= ROLES.indexOf(needed)) return actor;
  throw new MillraceError('FORBIDDEN', `The role ${needed} is needed; this is ${actor.role}`);
}
