/** Who asks the admin listener, and what each role may. */
import type { Context } from 'hono';
import { MillraceError } from '../base/errors.ts';
import type { Actor, Role } from '../store/people/audit.ts';

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

/**
 * Members and viewers can be kept to some sources; admins and owners have all of them.
 * @throws MillraceError NOT_FOUND, as for a source that is not there; FORBIDDEN when it may be
 *   seen but not changed.
 */
export function requireSource(c: Context, slug: string, right: 'read' | 'write'): Actor {
  const actor = requireRole(c, right === 'write' ? 'member' : 'viewer');
  if (!maySee(actor, slug)) {
    throw new MillraceError('NOT_FOUND', `There is no source ${slug}`, { field: 'source' });
  }
  if (right === 'read' || hasAllSources(actor) || actor.sources?.write.includes(slug)) return actor;
  throw new MillraceError('FORBIDDEN', `The source ${slug} may only be read with this account`);
}

export function maySee(actor: Actor, slug: string): boolean {
  if (hasAllSources(actor)) return true;
  const { read = [], write = [] } = actor.sources ?? {};
  return read.includes(slug) || write.includes(slug);
}

/** Slugs of the sources that somebody may see; null: all. */
export function sourcesSeenBy(actor: Actor): readonly string[] | null {
  if (hasAllSources(actor)) return null;
  const { read = [], write = [] } = actor.sources ?? {};
  return [...new Set([...read, ...write])];
}

/** What shows all sources at once, such as SQL, is for those who may see all of them. */
export function requireAllSources(c: Context): Actor {
  const actor = actorOf(c);
  if (hasAllSources(actor)) return actor;
  throw new MillraceError('FORBIDDEN', 'This needs an account that may see all sources');
}

export function hasAllSources({ role, sources }: Actor): boolean {
  return sources === null || role === 'admin' || role === 'owner';
}
