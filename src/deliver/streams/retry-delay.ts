/** How long to wait before another attempt. */
import type { Random } from '../../base/random.ts';

/** Doubles from `minMs` with each attempt, up to `maxMs`. */
export function backoffMs(attempt: number, minMs: number, maxMs: number): number {
  return Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 40));
}

/** Anything from 0 to `ms`: many that failed together must not come back together. */
export function jitter(random: Random, ms: number): number {
  return random.below(Math.max(1, Math.ceil(ms)));
}
