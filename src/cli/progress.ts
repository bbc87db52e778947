/** A line that counts, on a terminal only. */
import type { Clock } from '../base/clock.ts';

export interface Progress {
  show(accepted: number, refused: number): void;
  end(): void;
}

const REDRAW_MS = 100;

export function createProgress(
  stream: NodeJS.WriteStream,
  clock: Pick<Clock, 'monotonicMs'>,
): Progress {
  const startedMs = clock.monotonicMs();
  let drawnMs = Number.NEGATIVE_INFINITY;
  let isDrawn = false;
  return {
    show(accepted, refused) {
      const nowMs = clock.monotonicMs();
      if (!stream.isTTY || nowMs - drawnMs < REDRAW_MS) return;
      drawnMs = nowMs;
      isDrawn = true;
      const perSecond = Math.round(accepted / Math.max(0.001, (nowMs - startedMs) / 1000));
      stream.write(`\r${accepted} accepted, ${refused} refused, ${perSecond}/s `);
    },
    end() {
      if (isDrawn) stream.write('\n');
    },
  };
}
