/**
 * Decides when a destination may be called at all. Closed: always. Open, after several batches in
 * a row that could not get through: not until a pause has passed, which grows. Half open: one
 * batch is let through as a probe, and its outcome decides.
 */
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { backoffMs, jitter } from './retry-delay.ts';

export interface BreakerSettings {
  /** Failures in a row that open it. */
  breakerFailures: number;
  retryDelayMsMin: number;
  breakerDelayMsMax: number;
}

export interface Breaker {
  /** True when a batch may go now. */
  mayCall(): boolean;
  /** A batch goes: while half open, it is the only one. */
  begin(): void;
  /** The batch got an answer that shows that the service works. @returns how long it was open. */
  succeed(): number;
  /** The batch did not get through; `afterMs` is what the service asked for. */
  fail(afterMs?: number): void;
  state(): 'closed' | 'open' | 'half-open';
  /** Monotonic time before which nothing goes; 0 when nothing holds. */
  heldUntilMs(): number;
}

/** Closed at first; both times and chance come from outside, so that tests can hold them. */
export function createBreaker(settings: BreakerSettings, clock: Clock, random: Random): Breaker {
  let failures = 0;
  let openings = 0;
  let openedMs = 0;
  let heldUntilMs = 0;
  let isProbing = false;
  const isOpen = () => failures >= settings.breakerFailures;

  return {
    mayCall() {
      if (clock.monotonicMs() < heldUntilMs) return false;
      return !(isOpen() && isProbing);
    },
    begin() {
      isProbing = isOpen();
    },
    succeed() {
      const openMs = isOpen() ? clock.monotonicMs() - openedMs : 0;
      failures = 0;
      openings = 0;
      isProbing = false;
      heldUntilMs = 0;
      return openMs;
    },
    fail(afterMs) {
      const now = clock.monotonicMs();
      const wasOpen = isOpen();
      failures++;
      isProbing = false;
      if (isOpen()) {
        if (!wasOpen) openedMs = now;
        openings++;
        const delayMs = backoffMs(openings, settings.retryDelayMsMin, settings.breakerDelayMsMax);
        heldUntilMs = Math.max(heldUntilMs, now + delayMs / 2 + jitter(random, delayMs / 2));
      }
      if (afterMs !== undefined) heldUntilMs = Math.max(heldUntilMs, now + afterMs);
    },
    state: () => (!isOpen() ? 'closed' : isProbing ? 'half-open' : 'open'),
    heldUntilMs: () => heldUntilMs,
  };
}
