/** Waiting for what another process or socket does, without sleeping for a guess. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Never met by what works, on a machine that does ten things at once either. */
const DEADLINE_MS = 60_000;
const PAUSE_MS_MIN = 5;
/** What takes long is looked at less often: most conditions are questions to a busy server. */
const PAUSE_MS_MAX = 100;

/** Resolves when the condition holds; fails with its text after a deadline that is never met. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  for (let pauseMs = PAUSE_MS_MIN; !(await isSo());) {
    if (performance.now() > endMs) throw new Error(`not so in ${deadlineMs} ms: ${what}`);
    await sleep(pauseMs);
    pauseMs = Math.min(pauseMs * 1.25, PAUSE_MS_MAX);
  }
}
