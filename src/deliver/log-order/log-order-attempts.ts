/** Tries one batch for as long as it takes: the destination is behind, and nothing is lost. */
import type { DeliveryBatch } from '../../destinations/destination-contract.ts';
import type { Attempt } from '../state/delivery-rows.ts';
import { askedWaitMs, attemptsOf, isBlocked, sendBatch } from '../streams/batch-sending.ts';
import type { Sent } from '../streams/batch-sending.ts';
import { backoffMs, jitter } from '../streams/retry-delay.ts';
import { expiryOf, isStopping } from '../streams/stream-state.ts';
import { commitStep } from '../streams/stream-step.ts';
import { isDefective } from './log-order-outcomes.ts';
import type { LogOrderState } from './log-order-state.ts';

export type BatchEnd =
  /** Every event came to an end. */
  | { kind: 'done'; sent: Sent }
  /** The destination's code fails on it again and again. */
  | { kind: 'defective' }
  /** The log does not keep it any longer. */
  | { kind: 'expired' }
  /** The stream stops before. */
  | { kind: 'stopped' };

const REST_MS_MAX = 1_000;
const HELD_MS_MIN = 10;
/** After so many defects of the destination's code a batch is cut, to find the event. */
const DEFECTS_MAX = 3;
/** Of one call, for trace. */
const ATTEMPTS_KEPT_MAX = 1_000;

/** Tries the batch, unchanged, until it has an end. */
export async function tryUntilDone(stream: LogOrderState, batch: DeliveryBatch): Promise<BatchEnd> {
  stream.inFlight = batch.events.length;
  try {
    return await tryAgainAndAgain(stream, batch);
  } finally {
    stream.inFlight = 0;
  }
}

async function tryAgainAndAgain(stream: LogOrderState, batch: DeliveryBatch): Promise<BatchEnd> {
  for (let attempt = 1; ; attempt++) {
    await untilMayCall(stream, batch);
    if (isStopping(stream)) return { kind: 'stopped' };
    if (isExpired(stream, batch)) return { kind: 'expired' };
    const sent = await tryOnce(stream, batch);
    if (isDone(sent)) return { kind: 'done', sent };
    if (isDefective(sent.outcomes) && ++stream.defects >= DEFECTS_MAX) return { kind: 'defective' };
    await restFor(stream, retryDelayMs(stream, attempt, sent));
  }
}

/** Waits while the stream is paused or the breaker holds; not for a batch that is given up. */
async function untilMayCall(stream: LogOrderState, batch: DeliveryBatch): Promise<void> {
  const { breaker, clock } = stream.context;
  while (!isStopping(stream) && !isExpired(stream, batch)) {
    if (!stream.isPaused && breaker.mayCall()) return;
    const heldMs = breaker.heldUntilMs() - clock.monotonicMs();
    const restMs = stream.isPaused ? REST_MS_MAX : Math.max(HELD_MS_MIN, heldMs);
    await stream.rest.for(Math.min(REST_MS_MAX, restMs));
  }
}

/** A part of it went since it was fixed. A part that had gone before is in it without events. */
function isExpired(stream: LogOrderState, { ranges, events }: DeliveryBatch): boolean {
  return ranges.some(
    ({ partition, to }) =>
      to <= expiryOf(stream, partition) && events.some((event) => event.partition === partition),
  );
}

async function tryOnce(stream: LogOrderState, batch: DeliveryBatch): Promise<Sent> {
  const { destination, pace, breaker, clock } = stream.context;
  breaker.begin();
  const sent = await sendBatch(destination, batch, pace.timeoutMs, clock, stream.stopping.signal);
  tellBreaker(stream, sent);
  keepAttempts(stream, attemptsOf(batch, sent));
  return sent;
}

/** What a batch says of the service. */
function tellBreaker({ context: { breaker, meters } }: LogOrderState, sent: Sent): void {
  const { outcomes, elapsedMs } = sent;
  meters.attempt(isDone(sent) ? 'delivered' : 'failed', elapsedMs);
  if (isBlocked(outcomes)) breaker.fail(askedWaitMs(outcomes));
  else breaker.succeed();
  for (const outcome of outcomes) {
    if (outcome.kind === 'retry' || outcome.kind === 'isolate') {
      meters.retried(outcome.reason);
      break;
    }
  }
}

/** Attempts that failed are shown by trace while the batch is still being tried. */
function keepAttempts(stream: LogOrderState, attempts: Attempt[]): void {
  if (attempts.length > 0) commitStep(stream, { attempts: attempts.slice(-ATTEMPTS_KEPT_MAX) });
}

function isDone({ outcomes }: Sent): boolean {
  return outcomes.every(({ kind }) => kind !== 'retry' && kind !== 'isolate');
}

function retryDelayMs({ context }: LogOrderState, attempt: number, sent: Sent): number {
  const { settings, random } = context;
  const delayMs = backoffMs(attempt, settings.retryDelayMsMin, settings.breakerDelayMsMax);
  return Math.max(jitter(random, delayMs), askedWaitMs(sent.outcomes) ?? 0);
}

/** Rests for the whole time, whoever wakes it, but not beyond a stop. */
export async function restFor(stream: LogOrderState, ms: number): Promise<void> {
  const { clock } = stream.context;
  const untilMs = clock.monotonicMs() + ms;
  while (!isStopping(stream) && clock.monotonicMs() < untilMs) {
    await stream.rest.for(Math.min(REST_MS_MAX, untilMs - clock.monotonicMs()));
  }
}
