/** Bounds guessing before anything slow is done: by address and by name, forgetting with time. */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';

export interface SignInLimit {
  /** @throws MillraceError TOO_MANY_ATTEMPTS */
  take(address: string, email: string): void;
  /** A right password: that name may err again. */
  succeed(email: string): void;
}

const BY_ADDRESS = { most: 30, perMs: 60_000 };
const BY_NAME = { most: 8, perMs: 60_000 };
/** More strangers than these share the oldest's place; an attack must not fill memory. */
const ENTRIES_MAX = 10_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

export function createSignInLimit(clock: Clock): SignInLimit {
  const addresses = new Map<string, Bucket>();
  const names = new Map<string, Bucket>();
  const take = (buckets: Map<string, Bucket>, key: string, limit: typeof BY_NAME): boolean => {
    const now = clock.monotonicMs();
    const known = buckets.get(key) ?? { tokens: limit.most, atMs: now };
    const filled = known.tokens + ((now - known.atMs) / limit.perMs) * limit.most;
    const tokens = Math.min(limit.most, filled) - 1;
    buckets.delete(key);
    buckets.set(key, { tokens: Math.max(0, tokens), atMs: now });
    for (const oldest of buckets.keys()) {
      if (buckets.size <= ENTRIES_MAX) break;
      buckets.delete(oldest);
    }
    return tokens >= 0;
  };
  return {
    take(address, email) {
      const isAllowed = take(addresses, address, BY_ADDRESS);
      if (take(names, email.toLowerCase(), BY_NAME) && isAllowed) return;
      throw new MillraceError('TOO_MANY_ATTEMPTS', 'Too many attempts; wait a minute');
    },
    succeed: (email) => void names.delete(email.toLowerCase()),
  };
}
