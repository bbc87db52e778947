/**
 * What accounts that are kept to some sources may see of delivery. A destination shows events of
 * all the sources that are connected to it, in its counts, samples and dead letters; so it is seen
 * by those who may see each of them.
 */
import { MillraceError } from '../../base/errors.ts';
import { isObject } from '../../events/json.ts';
import type { Actor } from '../../store/people/people-shapes.ts';
import { hasAllSources, maySee, requireRoleOf } from './actor-rights.ts';

/** Slugs; null: all sources of the region. */
type Connected = readonly string[] | null;

/** What rights need to know of a trace. */
export interface TracedCopies {
  messageId: string;
  copies: readonly { source: string; destinations: readonly { slug: string }[] }[];
}

export function maySeeDestination(actor: Actor, connected: Connected): boolean {
  if (hasAllSources(actor)) return true;
  return isSome(connected) && connected.every((slug) => maySee(actor, slug));
}

/**
 * @throws MillraceError NOT_FOUND, also for one that may not be seen; FORBIDDEN when it may be
 *   seen but not changed.
 */
export function requireDestination(
  actor: Actor,
  slug: string,
  sourcesOf: (slug: string) => Connected,
  right: 'read' | 'write',
): Actor {
  requireRoleOf(actor, right === 'write' ? 'member' : 'viewer');
  const connected = sourcesOf(slug);
  if (!maySeeDestination(actor, connected)) {
    throw new MillraceError('NOT_FOUND', `There is no destination ${slug}`, { field: 'slug' });
  }
  if (right === 'write') requireWritable(actor, connected);
  return actor;
}

/**
 * The sources that a new destination names, or that a change connects.
 * @throws MillraceError FORBIDDEN when they are more than this account may change.
 */
export function requireSourcesOf(actor: Actor, body: unknown, kind: 'new' | 'change'): void {
  const given = isObject(body) ? body['sources'] : undefined;
  if (given === undefined && kind === 'change') return;
  // What is no list of texts is refused by those who check the body.
  requireWritable(actor, Array.isArray(given) ? given.map(String) : null);
}

/** @throws MillraceError FORBIDDEN when this account may not change all of these sources. */
export function requireWritable(actor: Actor, connected: Connected): void {
  if (hasAllSources(actor)) return;
  const write = actor.sources?.write ?? [];
  if (isSome(connected) && connected.every((slug) => write.includes(slug))) return;
  const allowed = write.length > 0 ? write.join(', ') : 'none';
  throw new MillraceError('FORBIDDEN', `This account changes only its own sources: ${allowed}`, {
    field: 'sources',
  });
}

/** A trace without copies and destinations that may not be seen. */
export function seenTrace<Trace extends TracedCopies>(
  actor: Actor,
  trace: Trace,
  sourcesOf: (slug: string) => Connected,
): Trace {
  if (hasAllSources(actor)) return trace;
  const copies = trace.copies
    .filter(({ source }) => maySee(actor, source))
    .map((copy) => ({
      ...copy,
      destinations: copy.destinations.filter(({ slug }) =>
        maySeeDestination(actor, sourcesOf(slug)),
      ),
    }));
  return { ...trace, copies };
}

/** One that has no source belongs to none of those who are kept to some. */
function isSome(connected: Connected): connected is readonly string[] {
  return connected !== null && connected.length > 0;
}
