/**
 * Sources that Millrace makes for itself. Their events take the way of all events into log and
 * lake, and are nobody's: no destination gets them, and they are no part of usage, of people, of
 * Live or of the schema. The slug is the mark, because it is what metrics and rows carry; it is
 * reserved, so that nobody's events can bear it.
 */
export const CANARY_SLUG = 'millrace-canary';

export const INTERNAL_SLUGS: readonly string[] = [CANARY_SLUG];

/** Why destinations do not get them: a code of `DELIVERY_REASONS`. */
export const INTERNAL_REASON = 'INTERNAL_SOURCE';

export function isInternalSlug(slug: string | undefined): boolean {
  return slug !== undefined && INTERNAL_SLUGS.includes(slug);
}
