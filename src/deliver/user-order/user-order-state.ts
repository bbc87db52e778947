/** What a stream in user order knows beside what all streams know. */
import type { StreamContext } from '../streams/delivery-stream.ts';
import { createRateCap } from '../streams/rate-cap.ts';
import type { RateCap } from '../streams/rate-cap.ts';
import { openStreamState } from '../streams/stream-state.ts';
import type { StreamState } from '../streams/stream-state.ts';
import { createWindow } from '../streams/stream-window.ts';
import type { Window } from '../streams/stream-window.ts';
import { createLanes } from './user-lanes.ts';
import type { Lanes } from './user-lanes.ts';
import { emptyOutbox } from './waiting-outbox.ts';
import type { WaitingOutbox } from './waiting-outbox.ts';

export interface UserOrderState extends StreamState {
  /** Events that were read and are not accounted for. */
  readonly window: Window;
  /** Of those, and of events that had waited, what may be sent. */
  readonly lanes: Lanes;
  readonly rateCap: RateCap;
  /** Emptied by each commit. */
  outbox: WaitingOutbox;
  /** Monotonic time of the last commit. */
  committedMs: number;
}

/** With nothing read yet; what waits is there. */
export function openUserOrderState(context: StreamContext): UserOrderState {
  const { pace, clock } = context;
  return {
    ...openStreamState(context),
    window: createWindow(),
    lanes: createLanes(pace.concurrency),
    rateCap: createRateCap(pace.eventsPerSecond, clock),
    outbox: emptyOutbox(),
    committedMs: clock.monotonicMs(),
  };
}

/** Whether memory and the waiting list bear more events. */
export function hasRoom({ context, window, waiting }: UserOrderState): boolean {
  const { windowEvents, windowBytes, waitingMax } = context.settings;
  return (
    window.events() < windowEvents && window.bytes() < windowBytes && waiting.size() < waitingMax
  );
}

/** How many events that waited may be brought back: not more than are sent soon. */
export function roomToRetry({ context, lanes }: UserOrderState): number {
  const { batchEvents, concurrency } = context.pace;
  return batchEvents * concurrency * 2 - lanes.queued;
}
