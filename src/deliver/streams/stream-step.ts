/** One durable step of a stream: outcomes and cursors together, so that none is counted twice. */
import type { Cursor, StreamStep } from '../state/delivery-rows.ts';
import type { StreamState } from './stream-state.ts';

const NO_CURSORS: ReadonlyMap<string, number> = new Map();

/**
 * Commits what changed; cursors of the stream move when that is durable.
 * @throws Error when the state cannot be kept.
 */
export function commitStep(stream: StreamState, changed: Partial<StreamStep>): void {
  const { context, cursors } = stream;
  const step: StreamStep = {
    cursors: NO_CURSORS,
    counts: [],
    waiting: [],
    resolved: [],
    rescheduled: [],
    dead: [],
    attempts: [],
    endsIntent: false,
    ...changed,
  };
  context.state.commit(context.stream, step);
  for (const [partition, position] of step.cursors) {
    cursors.set(partition, { ...(cursors.get(partition) as Cursor), position });
  }
}
