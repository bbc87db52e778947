/** What the state of a destination holds, as plain values. */
import type { DeadLetterView, EventPlace, FailureText } from '../dead-letter-shapes.ts';

export const LIVE_STREAM = 'live';

export interface Cursor {
  /** Where the stream began; what is below was never its business. */
  start: number;
  position: number;
  /** Where it ends (replays); null: it does not. */
  end: number | null;
}

export type CountedOutcome = 'delivered' | 'filtered' | 'discarded' | 'dead';

export interface DeliveryCount {
  outcome: CountedOutcome;
  /** Empty for delivered. */
  reason: string;
  sourceNumber: number;
  hour: number;
  count: number;
}

/** An event that waits for another attempt, or behind one of the same user that does. */
export interface WaitingEvent extends EventPlace {
  id: number;
  messageId: string;
  orderKey: string;
  /** 0 for one that waits behind another. */
  attempts: number;
  firstFailedMs: number | null;
  /** Wall time. */
  nextMs: number;
  failure: FailureText | null;
  progress: string | null;
  /** Set for an event that came back from the dead letters; else it is read from the log. */
  body: Uint8Array | null;
}

export interface DeadLetter extends Omit<DeadLetterView, 'message'> {
  /** The event, compressed: the log may be gone before anyone looks. */
  body: Uint8Array;
}

/** One call of the service, with the events of one partition that were in it. */
export interface Attempt {
  partition: string;
  places: readonly { position: number; index: number }[];
  atMs: number;
  elapsedMs: number;
  outcome: string;
  reason: string | null;
  message: string | null;
  status: number | null;
}

export interface Intent {
  token: string;
  ranges: { partition: string; from: number; to: number }[];
}

/** One durable step of a stream. */
export interface StreamStep {
  cursors: ReadonlyMap<string, number>;
  counts: readonly DeliveryCount[];
  /** New ones, in log order; they get their ids. */
  waiting: WaitingEvent[];
  /** Ids of those that are settled. */
  resolved: readonly number[];
  /** Those that failed again. */
  rescheduled: readonly WaitingEvent[];
  dead: readonly Omit<DeadLetter, 'id' | 'stream'>[];
  attempts: readonly Attempt[];
  /** The batch that was under way has come to its end (`order: 'log'`). */
  endsIntent: boolean;
}
