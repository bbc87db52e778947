/**
 * The life of a stream, the same for both orders: it resumes, takes turns until it is done or told
 * to stop, and drains. What a turn does is the order's own.
 */
import type { DeliveryStream } from './delivery-stream.ts';
import { adoptRetried, expireBefore, isStopping, pause, stop } from './stream-state.ts';
import type { StreamState } from './stream-state.ts';
import { streamStatus } from './stream-status.ts';

/** What an order does by itself, on its own state. */
export interface StreamOrder<State extends StreamState> {
  /** Before the first turn: ends what a crash left half done. */
  resume(stream: State): Promise<void>;
  /** Reads, sends and commits what is due. @returns how long to rest when nobody wakes it. */
  takeTurn(stream: State): Promise<number>;
  /** Of a replay: everything up to its end is accounted for. */
  isDone(stream: State): boolean;
  /** After a stop, in bounded time: what is under way comes to an end. */
  drain(stream: State): Promise<void>;
  /** Events that are read and not accounted for. */
  inFlight(stream: State): number;
}

/** The stream of such an order; `run` starts it. */
export function streamInOrder<State extends StreamState>(
  order: StreamOrder<State>,
  stream: State,
): DeliveryStream {
  return {
    run: () => run(order, stream),
    wake: stream.rest.wake,
    stop: () => stop(stream),
    pause: (isPaused) => pause(stream, isPaused),
    expireBefore: (partition, position) => expireBefore(stream, partition, position),
    adopt: (rows) => adoptRetried(stream, rows),
    status() {
      const { context, cursors, newestMs, waiting } = stream;
      const now = { newestMs, inFlight: order.inFlight(stream), waiting: waiting.size() };
      return streamStatus(cursors, context.judgedEnd, context.clock, now);
    },
  };
}

async function run<State extends StreamState>(
  order: StreamOrder<State>,
  stream: State,
): Promise<'stopped' | 'done'> {
  await order.resume(stream);
  while (!isStopping(stream)) {
    if (stream.failure) throw stream.failure;
    const restMs = await order.takeTurn(stream);
    if (order.isDone(stream)) return 'done';
    await stream.rest.for(restMs);
  }
  await order.drain(stream);
  return 'stopped';
}
