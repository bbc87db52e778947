/** Bounds guessing before anything slow is done: by address and by name, forgetting with time. */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';

export interface SignInLimit {
  /** @throws MillraceError TOO_MANY_ATTEMPTS */
  take(address: string, email: string): void;
  /** A right password: that name may err again. */
  succeed(email: string): void;
}

/** Attempts a minute. */
export interface SignInSettings {
  perAddress: number;
  perName: number;
}

const MINUTE_MS = 60_000;
/** More strangers than these share the oldest's place; an attack must not fill memory. */
const ENTRIES_MAX = 10_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

export function createSignInLimit(settings: SignInSettings, clock: Clock): SignInLimit {
  const addresses = new Map<string, Bucket>();
  const names = new Map<string, Bucket>();
  const take = (buckets: Map<string, Bucket>, key: string, most: number): boolean => {
    const now = clock.monotonicMs();
    const known = buckets.get(key) ?? { tokens: most, atMs: now };
    const filled = known.tokens + ((now - known.atMs) / MINUTE_MS) * most;
    const tokens = Math.min(most, filled) - 1;
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
      const isAllowed = take(addresses, address, settings.perAddress);
      if (take(names, email.toLowerCase(), settings.perName) && isAllowed) return;
      throw new MillraceError('TOO_MANY_ATTEMPTS', 'Too many attempts; wait a minute');
    },
    succeed: (email) => void names.delete(email.toLowerCase()),
  };
}
