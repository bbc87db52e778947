/** Whose turn it is: so many queries of people run at once, and so many more wait in a row. */
import { MillraceError } from '../base/errors.ts';

export interface QueryTurns {
  runningMax: number;
  waitingMax: number;
  /** Queries that have a process, or are about to. */
  running: number;
  /** In the order in which they came; each is called when it is its turn. */
  waiting: Set<() => void>;
}

export function createTurns(runningMax: number, waitingMax: number): QueryTurns {
  return { runningMax, waitingMax, running: 0, waiting: new Set() };
}

/**
 * Resolves when it is the caller's turn, which is then given on with `giveTurn`.
 * @throws MillraceError SQL_BUSY when too many wait, SQL_CANCELLED when `cancelled` aborts before.
 */
export async function takeTurn(
  turns: QueryTurns,
  cancelled: AbortSignal | undefined,
): Promise<void> {
  if (turns.running < turns.runningMax) {
    turns.running++;
    return;
  }
  if (turns.waiting.size >= turns.waitingMax) {
    throw new MillraceError('SQL_BUSY', `${turns.waitingMax} queries wait already; try again`);
  }
  await new Promise<void>((resolve, reject) => {
    const leave = (): void => {
      turns.waiting.delete(take);
      reject(new MillraceError('SQL_CANCELLED', 'The query was cancelled'));
    };
    const take = (): void => {
      cancelled?.removeEventListener('abort', leave);
      resolve();
    };
    turns.waiting.add(take);
    if (cancelled?.aborted) leave();
    else cancelled?.addEventListener('abort', leave, { once: true });
  });
}

/** To the one that waits longest. */
export function giveTurn(turns: QueryTurns): void {
  const [next] = turns.waiting;
  if (next === undefined) {
    turns.running--;
    return;
  }
  turns.waiting.delete(next);
  next();
}
