/** What each role may, and which sources somebody may see or change. */
import { MillraceError } from '../../base/errors.ts';
import type { Actor, Role } from '../../store/people/people-shapes.ts';

/** From the least to the most. */
const ROLES: readonly Role[] = ['viewer', 'member', 'admin', 'owner'];

/**
 * Viewers read; members also change sources, destinations and what belongs to them; admins also
 * people and tokens; owners everything.
 * @throws MillraceError FORBIDDEN naming the role that is needed.
 */
export function requireRoleOf(actor: Actor, needed: Role): Actor {
  if (ROLES.indexOf(actor.role) >= ROLES.indexOf(needed)) return actor;
  throw new MillraceError('FORBIDDEN', `The role ${needed} is needed; this is ${actor.role}`);
}

/**
 * Members and viewers can be kept to some sources; admins and owners have all of them.
 * @throws MillraceError NOT_FOUND, as for a source that is not there; FORBIDDEN when it may be
 *   seen but not changed.
 */
export function requireSourceOf(actor: Actor, slug: string, right: 'read' | 'write'): Actor {
  requireRoleOf(actor, right === 'write' ? 'member' : 'viewer');
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

export function hasAllSources({ role, sources }: Actor): boolean {
  return sources === null || role === 'admin' || role === 'owner';
}
