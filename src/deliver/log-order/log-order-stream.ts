/**
 * Delivers one batch after the other, in log order. A batch is fixed before it is tried: its place
 * in the log is durable first, so that after a crash the same events come again under the same
 * token, and a service that remembers tokens stores each event exactly once. A batch that fails is
 * tried again as it is, for as long as it takes: the destination is behind, and nothing is lost.
 */
import type { DeliveryStream, StreamContext } from '../streams/delivery-stream.ts';
import { streamInOrder } from '../streams/stream-lifecycle.ts';
import type { StreamOrder } from '../streams/stream-lifecycle.ts';
import { isAtEnd } from '../streams/stream-status.ts';
import { resumeBatch, sendGathered } from './log-order-batch.ts';
import { readMore } from './log-order-reading.ts';
import { sendRetried } from './log-order-retrying.ts';
import { isFull, openLogOrderState } from './log-order-state.ts';
import type { LogOrderState } from './log-order-state.ts';

const REST_MS_MAX = 1_000;

/** Begins at the cursors of the state, or with the batch that was under way. */
export function createLogOrderStream(context: StreamContext): DeliveryStream {
  return streamInOrder(LOG_ORDER, openLogOrderState(context));
}

const LOG_ORDER: StreamOrder<LogOrderState> = {
  resume: resumeBatch,
  takeTurn,
  isDone: ({ waiting, gathering, ahead, cursors }) =>
    waiting.size() === 0 &&
    gathering.records.length === 0 &&
    ahead.length === 0 &&
    isAtEnd(cursors),
  // A call that is under way ends with the stop, and its batch is tried again under its token.
  drain: () => Promise.resolve(),
  inFlight: ({ inFlight }) => inFlight,
};

async function takeTurn(stream: LogOrderState): Promise<number> {
  if (!stream.isPaused) await sendRetried(stream);
  const mayRead = !stream.isPaused || stream.expiredTo.size > 0;
  const hasRead = mayRead && (await readMore(stream));
  if (isBatchDue(stream)) await sendGathered(stream, null);
  return hasRead ? 0 : restMs(stream);
}

function isBatchDue(stream: LogOrderState): boolean {
  const { context, gathering } = stream;
  if (gathering.records.length === 0) return false;
  if (isFull(stream)) return true;
  const ageMs = context.clock.monotonicMs() - gathering.sinceMs;
  return isReadToEnd(stream) || ageMs >= context.pace.batchAgeMs;
}

/** Of a replay: no company comes any more. */
function isReadToEnd({ cursors, readTo }: LogOrderState): boolean {
  return [...cursors].every(([name, { end }]) => end !== null && (readTo.get(name) ?? 0) >= end);
}

/** How long nothing will be due. */
function restMs(stream: LogOrderState): number {
  const { context, ahead, gathering } = stream;
  if (ahead.length > 0 || isFull(stream)) return 0;
  if (gathering.records.length === 0) return REST_MS_MAX;
  const dueMs = gathering.sinceMs + context.pace.batchAgeMs - context.clock.monotonicMs();
  return Math.min(REST_MS_MAX, Math.max(1, dueMs));
}
