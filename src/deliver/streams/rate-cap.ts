/** A token bucket: one second's worth at most, so that a pause does not become a burst. */
import type { Clock } from '../../base/clock.ts';

export interface RateCap {
  /** Takes up to `wanted` tokens and returns how many there were. */
  take(wanted: number): number;
  /** Milliseconds until there is at least one. */
  waitMs(): number;
}

/** @param perSecond null: no cap. */
export function createRateCap(perSecond: number | null, clock: Clock): RateCap {
  if (perSecond === null) return { take: (wanted) => wanted, waitMs: () => 0 };
  const capacity = Math.max(1, perSecond);
  let tokens = capacity;
  let filledMs = clock.monotonicMs();
  const fill = (): void => {
    const now = clock.monotonicMs();
    tokens = Math.min(capacity, tokens + ((now - filledMs) / 1000) * perSecond);
    filledMs = now;
  };
  return {
    take(wanted) {
      fill();
      const taken = Math.min(wanted, Math.floor(tokens));
      tokens -= taken;
      return taken;
    },
    waitMs() {
      fill();
      return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) / perSecond) * 1000);
    },
  };
}
