/** A bar that fills, or a line that counts when the end is not known; on a terminal only. */
import type { Clock } from '../base/clock.ts';

export interface Progress {
  /** @param share how much of the work is done, 0 to 1; undefined when nobody knows. */
  show(accepted: number, refused: number, share?: number): void;
  end(): void;
}

const REDRAW_MS = 100;
const BAR_CHARS = 24;

/** Draws on the stream at most ten times a second. */
export function createProgress(
  stream: NodeJS.WriteStream,
  clock: Pick<Clock, 'monotonicMs'>,
): Progress {
  const startedMs = clock.monotonicMs();
  let drawnMs = Number.NEGATIVE_INFINITY;
  let isDrawn = false;
  return {
    show(accepted, refused, share) {
      const nowMs = clock.monotonicMs();
      if (!stream.isTTY || nowMs - drawnMs < REDRAW_MS) return;
      drawnMs = nowMs;
      isDrawn = true;
      const perSecond = Math.round(accepted / Math.max(0.001, (nowMs - startedMs) / 1000));
      stream.write(`\r${barText(share)}${accepted} accepted, ${refused} refused, ${perSecond}/s `);
    },
    end() {
      if (isDrawn) stream.write('\n');
    },
  };
}

/** `[██████──────]  50 %  ` */
export function barText(share: number | undefined): string {
  if (share === undefined) return '';
  const part = Math.min(1, Math.max(0, share));
  const filled = Math.round(part * BAR_CHARS);
  const percent = String(Math.round(part * 100)).padStart(3);
  return `[${'█'.repeat(filled)}${'─'.repeat(BAR_CHARS - filled)}] ${percent} %  `;
}
