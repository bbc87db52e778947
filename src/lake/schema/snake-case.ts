/**
 * Segment's way to make names for SQL (the public go-snakecase package). Its scan over bytes comes
 * down to one rule: a name is cut into words, each as many capitals and digits as there are and
 * then as many small letters and digits as there are; everything else only separates.
 */

/** The rule as a regular expression, in the syntax that JavaScript and the SQL engine share. */
export const WORD_PATTERN = '[A-Z0-9]+[a-z0-9]*|[a-z0-9]+';

const WORD = new RegExp(WORD_PATTERN, 'g');

/** `Order Completed` → `order_completed`. Empty when the name has no ASCII letter or digit. */
export function snakeCase(name: string): string {
  return (name.match(WORD) ?? []).join('_').toLowerCase();
}
