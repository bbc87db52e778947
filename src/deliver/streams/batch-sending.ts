/** One call of a destination, with everything that can go wrong turned into outcomes. */
import { toError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type {
  DeliveryBatch,
  DeliveryOutcome,
  Destination,
} from '../../destinations/destination-contract.ts';
import type { Attempt } from '../state/delivery-rows.ts';

/** After the deadline's signal a destination gets so long to come to an end by itself. */
const GRACE_MS = 1_000;
const MESSAGE_CHARS_MAX = 1_000;

export interface Sent {
  outcomes: DeliveryOutcome[];
  atMs: number;
  elapsedMs: number;
}

/**
 * Tries the batch once. A destination that throws, or answers something that is not an outcome for
 * each event, is defective: its events are tried alone, and one that is alone again later.
 * @param stop cuts the wait as the timeout does.
 */
export async function sendBatch(
  destination: Destination,
  batch: DeliveryBatch,
  timeoutMs: number,
  clock: Clock,
  stop?: AbortSignal,
): Promise<Sent> {
  const atMs = clock.wallMs();
  const startedMs = clock.monotonicMs();
  const deadline = new AbortController();
  let giveUp: (outcomes: DeliveryOutcome[]) => void = () => undefined;
  const late = new Promise<DeliveryOutcome[]>((resolve) => {
    giveUp = resolve;
  });
  let cancel: () => void = () => undefined;
  const endTime = (): void => {
    cancel();
    deadline.abort(new Error('timeout'));
    cancel = clock.after(GRACE_MS, () => giveUp(outcomesFor(batch, TIMED_OUT)));
  };
  cancel = clock.after(timeoutMs, endTime);
  if (stop?.aborted) endTime();
  stop?.addEventListener('abort', endTime);
  const outcomes = await Promise.race([tryOnce(destination, batch, deadline.signal), late]);
  cancel();
  stop?.removeEventListener('abort', endTime);
  return { outcomes, atMs, elapsedMs: clock.monotonicMs() - startedMs };
}

const TIMED_OUT: DeliveryOutcome = {
  kind: 'retry',
  scope: 'destination',
  reason: 'TIMEOUT',
  message: 'the destination did not come to an end in time',
};

async function tryOnce(
  destination: Destination,
  batch: DeliveryBatch,
  signal: AbortSignal,
): Promise<DeliveryOutcome[]> {
  try {
    const outcomes = await destination.deliver(batch, signal);
    if (Array.isArray(outcomes) && outcomes.length === batch.events.length) return outcomes;
    return defect(batch, `returned ${outcomes?.length} outcomes for ${batch.events.length} events`);
  } catch (error) {
    return defect(batch, toError(error).message);
  }
}

function defect(batch: DeliveryBatch, text: string): DeliveryOutcome[] {
  const failure = { reason: 'DESTINATION_DEFECT', message: text.slice(0, MESSAGE_CHARS_MAX) };
  const isBatch = batch.events.length > 1;
  return outcomesFor(
    batch,
    isBatch ? { kind: 'isolate', ...failure } : { kind: 'retry', scope: 'event', ...failure },
  );
}

function outcomesFor(batch: DeliveryBatch, outcome: DeliveryOutcome): DeliveryOutcome[] {
  return batch.events.map(() => outcome);
}

/** True when nothing got through, and nothing would have. */
export function isBlocked(outcomes: readonly DeliveryOutcome[]): boolean {
  return outcomes.every((outcome) => outcome.kind === 'retry' && outcome.scope === 'destination');
}

/** The longest wait that the service asked for. */
export function askedWaitMs(outcomes: readonly DeliveryOutcome[]): number | undefined {
  const waits = outcomes.flatMap((outcome) =>
    outcome.kind === 'retry' && outcome.afterMs !== undefined ? [outcome.afterMs] : [],
  );
  return waits.length === 0 ? undefined : Math.max(...waits);
}

/** What trace will show: a row for each partition and distinct outcome of the batch. */
export function attemptsOf(batch: DeliveryBatch, sent: Sent): Attempt[] {
  const attempts = new Map<string, TracedAttempt>();
  let last: DeliveryOutcome | undefined;
  let attempt: TracedAttempt | undefined;
  for (const [at, { partition, position, index }] of batch.events.entries()) {
    const outcome = sent.outcomes[at];
    if (!outcome) continue;
    // Mostly all events of a batch share one outcome.
    if (last !== outcome || attempt?.partition !== partition) {
      attempt = attemptWith(attempts, partition, outcome, sent);
      last = outcome;
    }
    attempt.places.push({ position, index });
  }
  return [...attempts.values()];
}

interface TracedAttempt extends Attempt {
  places: { position: number; index: number }[];
}

/** The attempt of such an outcome, a new one at the first. */
function attemptWith(
  attempts: Map<string, TracedAttempt>,
  partition: string,
  outcome: DeliveryOutcome,
  { atMs, elapsedMs }: Sent,
): TracedAttempt {
  const { reason = null, message = null } = 'reason' in outcome ? outcome : {};
  const status = 'status' in outcome ? (outcome.status ?? null) : null;
  const key = JSON.stringify([partition, outcome.kind, reason, message, status]);
  const known = attempts.get(key);
  if (known) return known;
  const attempt: TracedAttempt = {
    partition,
    places: [],
    atMs,
    elapsedMs,
    outcome: outcome.kind,
    reason,
    message: message === null ? null : message.slice(0, MESSAGE_CHARS_MAX),
    status,
  };
  attempts.set(key, attempt);
  return attempt;
}
