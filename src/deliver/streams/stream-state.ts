/**
 * What every stream knows of itself, whatever its order, and how that changes. An order adds fields
 * of its own to this value; these fields change by the functions of this file and of
 * `stream-step.ts` alone.
 */
import type { Cursor, WaitingEvent } from '../state/delivery-rows.ts';
import type { StreamContext } from './delivery-stream.ts';
import { createWaitingList } from './waiting-list.ts';
import type { WaitingList } from './waiting-list.ts';
import { createRest } from './wakeable-rest.ts';
import type { Rest } from './wakeable-rest.ts';

export interface StreamState {
  readonly context: StreamContext;
  /** What keys of its events belong to: the destination, and the replay if it is one. */
  readonly scope: string;
  /** As they are durable: everything below is accounted for. */
  readonly cursors: Map<string, Cursor>;
  /** What is read next, by partition: at its cursor, or ahead of it. */
  readonly readTo: Map<string, number>;
  /** Events below are given up, by partition. */
  readonly expiredTo: Map<string, number>;
  readonly waiting: WaitingList;
  readonly rest: Rest;
  readonly stopping: AbortController;
  isPaused: boolean;
  /** Why it cannot go on, or null. */
  failure: Error | null;
  /** Receipt time of the newest event that is accounted for; 0: none yet. */
  newestMs: number;
}

/** A stream as the last one left it: at its durable cursors, with what waited. */
export function openStreamState(context: StreamContext): StreamState {
  const { stream, state, clock } = context;
  const cursors = state.cursors(stream);
  return {
    context,
    scope: `${context.destinationId}/${context.replayId ?? ''}`,
    cursors,
    readTo: new Map([...cursors].map(([partition, { position }]) => [partition, position])),
    expiredTo: new Map(),
    waiting: createWaitingList(state.waiting(stream)),
    rest: createRest(clock),
    stopping: new AbortController(),
    isPaused: false,
    failure: null,
    newestMs: 0,
  };
}

/** Nothing more is read or sent from here on. */
export function stop(stream: StreamState): void {
  stream.stopping.abort();
  stream.rest.wake();
}

export function isStopping(stream: StreamState): boolean {
  return stream.stopping.signal.aborted;
}

export function pause(stream: StreamState, isPaused: boolean): void {
  stream.isPaused = isPaused;
  stream.rest.wake();
}

/** It cannot go on. What is not durable is done again by the stream that is started next. */
export function fail(stream: StreamState, error: Error): void {
  stream.failure = error;
  stream.rest.wake();
}

/** Gives up what is below the position: the log does not keep it any longer. */
export function expireBefore(stream: StreamState, partition: string, position: number): void {
  stream.expiredTo.set(partition, Math.max(position, expiryOf(stream, partition)));
  stream.rest.wake();
}

/** Events of the partition below this are given up; 0: none. */
export function expiryOf(stream: StreamState, partition: string): number {
  return stream.expiredTo.get(partition) ?? 0;
}

/** Takes over rows that are in the state already: dead letters that are tried again. */
export function adoptRetried(stream: StreamState, rows: readonly WaitingEvent[]): void {
  for (const row of rows) stream.waiting.add(row);
  stream.rest.wake();
}

/** Everything of the partition below the position was read. */
export function moveReadTo(stream: StreamState, partition: string, position: number): void {
  stream.readTo.set(partition, position);
}

/** Events received up to the time are accounted for. */
export function accountUpTo(stream: StreamState, receivedAtMs: number): void {
  stream.newestMs = Math.max(stream.newestMs, receivedAtMs);
}
