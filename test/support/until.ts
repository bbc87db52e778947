/** Waiting for what another process or socket does, without sleeping for a guess. */
import { setTimeout as sleep } from 'node:timers/promises';

const DEADLINE_MS = 10_000;

/** Resolves when the condition holds; fails with its text after a deadline that is never met. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`not so in ${deadlineMs} ms: ${what}`);
    await sleep(5);
  }
}
