/** A pause that can be ended early. */
import { NOT_NEEDED } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';

export interface Rest {
  /** Resolves after the time, or at the next `wake`; at once when woken since the last pause. */
  for(ms: number): Promise<void>;
  wake(): void;
}

export function createRest(clock: Clock): Rest {
  let isWoken = false;
  let end: AbortController | undefined;
  return {
    async for(ms) {
      // Even a pause of nothing lets others run.
      const pauseMs = isWoken ? 0 : Math.max(0, ms);
      end = new AbortController();
      if (isWoken) isWoken = false;
      // The only reason to reject is the wake.
      await clock.sleep(pauseMs, end.signal).catch(() => undefined);
      end = undefined;
      isWoken = false;
    },
    wake() {
      isWoken = true;
      end?.abort(NOT_NEEDED);
    },
  };
}
