/** Keys by which services tell a repetition. */
import { createHash } from 'node:crypto';

const KEY_HEX_DIGITS = 32;

/** The first hex digits of a SHA-256 over the parts, unambiguously joined. */
export function keyOf(parts: readonly (string | number)[]): string {
  const text = JSON.stringify(parts);
  return createHash('sha256').update(text).digest('hex').slice(0, KEY_HEX_DIGITS);
}
