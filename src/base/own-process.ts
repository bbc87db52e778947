/** What a process asks of the system for itself. */
import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** The highest: where memory ends, the kernel takes this process before all others. */
const OOM_SCORE = '1000';

/**
 * Puts this process behind others: it gets the processor when they leave it, and goes first when
 * memory ends. Where the system does not allow it, nothing changes.
 * @param niceness as of nice(1).
 */
export function stepBack(niceness: number): void {
  try {
    setPriority(niceness);
  } catch {
    // Not allowed everywhere.
  }
  try {
    writeFileSync('/proc/self/oom_score_adj', OOM_SCORE);
  } catch {
    // Only Linux has it.
  }
}
