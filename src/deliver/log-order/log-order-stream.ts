/**
 * Delivers one batch after the other, in log order. A batch is fixed before it is tried: its place
 * in the log is durable first, so that after a crash the same events come again under the same
 * token, and a service that remembers tokens stores each event exactly once. A batch that fails is
 * tried again as it is, for as long as it takes: the destination is behind, and nothing is lost.
 */
import { assert } from '../../base/assert.ts';
import type { JsonObject } from '../../events/json.ts';
import type { StoredEvent } from '../../events/raw-event.ts';
import { backoffMs, jitter } from '../streams/retry-delay.ts';
import type {
  DeliveryBatch,
  DeliveryEvent,
  DeliveryOutcome,
} from '../../destinations/destination-contract.ts';
import { unpackEvent } from '../packed-event.ts';
import { countedOf, newDeadLetter } from '../streams/event-rows.ts';
import type { FeedRecord } from '../feed/event-feed.ts';
import { keyOf } from '../idempotency-key.ts';
import { createRest } from '../streams/wakeable-rest.ts';
import { deliveryEventOf } from '../routing/routed-event.ts';
import { route } from '../routing/event-router.ts';
import { askedWaitMs, attemptsOf, isBlocked, sendBatch } from '../streams/batch-sending.ts';
import type { Sent } from '../streams/batch-sending.ts';
import type { Attempt, Cursor, Intent, WaitingEvent } from '../state/delivery-rows.ts';
import { isAtEnd, streamStatus } from '../streams/stream-status.ts';
import type { DeliveryStream, StreamContext } from '../streams/delivery-stream.ts';
import { createWaitingList } from '../streams/waiting-list.ts';
import { sumCounts } from '../streams/stream-window.ts';
import type { Counted, NewDeadLetter } from '../streams/stream-window.ts';

/** Records that were read and will go together. */
interface Gathering {
  records: { partition: string; record: FeedRecord }[];
  /** End of what was read, by partition; may lie behind the last record. */
  ends: Map<string, number>;
  events: number;
  bytes: number;
  sinceMs: number;
}

interface Routed {
  sends: { event: StoredEvent; delivery: DeliveryEvent }[];
  counts: Counted[];
}

const REST_MS_MAX = 1_000;
/** After so many defects of the destination's code a batch is cut, to find the event. */
const DEFECTS_MAX = 3;
const CUT = 10;

/** Begins at the cursors of the state, or with the batch that was under way. */
export function createLogOrderStream(context: StreamContext): DeliveryStream {
  const { stream, state, feed, pace, settings, plan, breaker, clock, meters } = context;
  const scope = `${context.destinationId}/${context.replayId ?? ''}`;
  const cursors = state.cursors(stream);
  const waiting = createWaitingList(state.waiting(stream));
  const rest = createRest(clock);
  const stopping = new AbortController();
  const readTo = new Map([...cursors].map(([partition, { position }]) => [partition, position]));
  const expireTo = new Map<string, number>();
  /** Read and not yet gathered: what did not fit into the last batch. */
  let ahead: { partition: string; record: FeedRecord }[] = [];
  let gathering = emptyGathering(0);
  let recordsMax = Number.POSITIVE_INFINITY;
  let defects = 0;
  let inFlight = 0;
  let newestMs = 0;
  let isStopping = false;
  let isPaused = false;

  const isFull = (): boolean =>
    gathering.events >= pace.batchEvents ||
    gathering.bytes >= pace.batchBytes ||
    gathering.records.length >= recordsMax;
  const gather = (partition: string, record: FeedRecord): void => {
    if (gathering.records.length === 0) gathering.sinceMs = clock.monotonicMs();
    gathering.records.push({ partition, record });
    gathering.ends.set(partition, record.next);
    gathering.events += record.events.length;
    gathering.bytes += record.bytes;
  };
  const takeAhead = (): void => {
    const rests: typeof ahead = [];
    for (const entry of ahead) {
      if (isFull()) rests.push(entry);
      else gather(entry.partition, entry.record);
    }
    ahead = rests;
  };
  /** Reads a chunk of each partition; returns false when there is nothing new. */
  const readMore = async (): Promise<boolean> => {
    takeAhead();
    let hasRead = false;
    for (const [partition, from] of readTo) {
      if (isFull() || ahead.length > 0) break;
      const end = cursors.get(partition)?.end ?? Number.POSITIVE_INFINITY;
      const chunk = await feed.read(partition, from, Math.min(context.judgedEnd(partition), end));
      if (!chunk) continue;
      hasRead = true;
      readTo.set(partition, chunk.next);
      for (const record of chunk.records) {
        if (isFull()) ahead.push({ partition, record });
        else gather(partition, record);
      }
      const last = chunk.records.at(-1)?.next;
      if (ahead.length === 0 && last !== chunk.next) gathering.ends.set(partition, chunk.next);
    }
    return hasRead;
  };
  const routeAll = (records: Gathering['records']): Routed => {
    const routed: Routed = { sends: [], counts: [] };
    for (const { partition, record } of records) {
      const isExpired = record.position < (expireTo.get(partition) ?? 0);
      for (const event of record.events) {
        if (isExpired) {
          routed.counts.push(countedOf(event, 'dead', 'LOG_EXPIRED'));
          meters.dead('LOG_EXPIRED');
          continue;
        }
        routeOne(event, null, routed);
      }
    }
    return routed;
  };
  const routeOne = (event: StoredEvent, row: WaitingEvent | null, routed: Routed): void => {
    const source = context.source(event.sourceNumber);
    const toDelivery = (changed: JsonObject | null) =>
      deliveryEventOf(event, changed, source, scope, row);
    const result = route(event, plan, toDelivery);
    if (result.kind === 'send') {
      routed.sends.push({ event, delivery: toDelivery(result.changed) });
      return;
    }
    routed.counts.push(countedOf(event, 'filtered', result.reason));
    meters.filtered(result.reason);
  };

  const isExpired = ({ ranges }: DeliveryBatch): boolean =>
    ranges.some(({ partition, to }) => to <= (expireTo.get(partition) ?? 0));
  /** Tries the batch until it has an end; null when the stream stops before. */
  const sendUntilDone = async (
    batch: DeliveryBatch,
  ): Promise<Sent | 'defective' | 'expired' | null> => {
    inFlight = batch.events.length;
    const attempts: Attempt[] = [];
    try {
      for (let attempt = 1; !isStopping; attempt++) {
        while (!isStopping && !isExpired(batch) && (isPaused || !breaker.mayCall())) {
          const heldMs = breaker.heldUntilMs() - clock.monotonicMs();
          await rest.for(isPaused ? REST_MS_MAX : Math.min(REST_MS_MAX, Math.max(10, heldMs)));
        }
        if (isStopping) break;
        if (isExpired(batch)) return 'expired';
        breaker.begin();
        const sent = await sendBatch(
          context.destination,
          batch,
          pace.timeoutMs,
          clock,
          stopping.signal,
        );
        attempts.push(...attemptsOf(batch, sent));
        if (attempts.length > 1_000) attempts.shift();
        if (judge(sent)) return sent;
        keepAttempts(attempts);
        if (isDefective(sent.outcomes) && ++defects >= DEFECTS_MAX) return 'defective';
        const delayMs = backoffMs(attempt, settings.retryDelayMsMin, settings.breakerDelayMsMax);
        await pause(Math.max(jitter(context.random, delayMs), askedWaitMs(sent.outcomes) ?? 0));
      }
      return null;
    } finally {
      inFlight = 0;
      keepAttempts(attempts);
    }
  };
  /** Attempts that failed are shown by trace while the batch is still being tried. */
  const keepAttempts = (attempts: Attempt[]): void => {
    if (attempts.length === 0) return;
    state.commit(stream, { ...NOTHING, cursors: new Map(), attempts: attempts.splice(0) });
  };
  const pause = async (ms: number): Promise<void> => {
    const untilMs = clock.monotonicMs() + ms;
    while (!isStopping && clock.monotonicMs() < untilMs) {
      await rest.for(Math.min(REST_MS_MAX, untilMs - clock.monotonicMs()));
    }
  };
  /** Returns true when every event of the batch has come to an end. */
  const judge = ({ outcomes, elapsedMs }: Sent): boolean => {
    const areDone = outcomes.every(({ kind }) => kind !== 'retry' && kind !== 'isolate');
    meters.attempt(areDone ? 'delivered' : 'failed', elapsedMs);
    if (isBlocked(outcomes)) breaker.fail(askedWaitMs(outcomes));
    else breaker.succeed();
    for (const outcome of outcomes) {
      if (outcome.kind === 'retry' || outcome.kind === 'isolate') {
        meters.retried(outcome.reason);
        break;
      }
    }
    return areDone;
  };
  /** What the outcomes of a finished batch mean for counts and dead letters. */
  const settle = (sends: Routed['sends'], outcomes: readonly DeliveryOutcome[]) => {
    const counts: Counted[] = [];
    const dead: NewDeadLetter[] = [];
    sends.forEach(({ event, delivery }, at) => {
      const outcome = outcomes[at];
      assert(outcome && outcome.kind !== 'retry', 'a finished batch has final outcomes');
      if (outcome.kind === 'delivered') {
        counts.push(countedOf(event, 'delivered', ''));
        meters.delivered(1);
      } else if (outcome.kind === 'filtered') {
        counts.push(countedOf(event, 'filtered', outcome.reason));
        meters.filtered(outcome.reason);
      } else {
        const { reason, message, status = null, response = null } = outcome;
        const diedAtMs = clock.wallMs();
        const failure = { reason, message, status, response };
        const attempts = delivery.attempts + 1;
        const failed = { attempts, firstFailedMs: diedAtMs, diedAtMs, failure };
        dead.push(newDeadLetter(event, `${event.sourceNumber}`, failed));
        meters.dead(reason);
      }
    });
    return { counts, dead };
  };

  const commit = (
    ends: ReadonlyMap<string, number>,
    counts: readonly Counted[],
    dead: readonly NewDeadLetter[],
    resolved: readonly number[],
  ): void => {
    const summed = sumCounts(counts);
    const endsIntent = ends.size > 0;
    state.commit(stream, { ...NOTHING, cursors: ends, counts: summed, dead, resolved, endsIntent });
    for (const [partition, position] of ends) {
      cursors.set(partition, { ...(cursors.get(partition) as Cursor), position });
    }
  };
  /** Sends what was gathered, or what a crash interrupted. */
  const sendGathered = async (intent: Intent | null): Promise<void> => {
    const gathered = gathering;
    const routed = routeAll(gathered.records);
    const newest = gathered.records.at(-1)?.record.events.at(-1)?.receivedAtMs ?? 0;
    if (routed.sends.length > 0) {
      const ranges = intent?.ranges ?? rangesOf(gathered, cursors);
      const token = intent?.token ?? keyOf([scope, JSON.stringify(ranges)]);
      if (!intent) state.setIntent(stream, { token, ranges });
      const events = routed.sends.map(({ delivery }) => delivery);
      const sent = await sendUntilDone({ events, token, replayId: context.replayId, ranges });
      if (sent === null) return;
      if (sent === 'expired') return gatherAgain(gathered);
      if (sent === 'defective') return cutBatch(gathered, routed);
      const settled = settle(routed.sends, sent.outcomes);
      commit(gathered.ends, [...routed.counts, ...settled.counts], settled.dead, []);
    } else {
      commit(gathered.ends, routed.counts, [], []);
    }
    newestMs = Math.max(newestMs, newest);
    recordsMax = Number.POSITIVE_INFINITY;
    defects = 0;
    gathering = emptyGathering(clock.monotonicMs());
    if (pace.eventsPerSecond !== null) {
      await pause((routed.sends.length / pace.eventsPerSecond) * 1000);
    }
  };
  /** Smaller and smaller batches find the record that the destination cannot bear. */
  const cutBatch = (gathered: Gathering, routed: Routed): void => {
    defects = 0;
    if (gathered.records.length === 1) {
      const failure = { kind: 'dead', ...DEFECTIVE } as const;
      const settled = settle(
        routed.sends,
        routed.sends.map(() => failure),
      );
      commit(gathered.ends, [...routed.counts, ...settled.counts], settled.dead, []);
      gathering = emptyGathering(clock.monotonicMs());
      return;
    }
    recordsMax = Math.max(1, Math.floor(gathered.records.length / CUT));
    gatherAgain(gathered);
  };
  const gatherAgain = (gathered: Gathering): void => {
    state.setIntent(stream, null);
    ahead = [...gathered.records, ...ahead];
    gathering = emptyGathering(clock.monotonicMs());
  };
  /** Dead letters that were sent back: they have no place in the order any more. */
  const sendWaiting = async (): Promise<void> => {
    const rows = waiting.takeDue(clock.wallMs(), pace.batchEvents);
    if (rows.length === 0) return;
    const routed: Routed = { sends: [], counts: [] };
    const resolved: number[] = [];
    for (const row of rows) {
      resolved.push(row.id);
      const event =
        row.body === null
          ? await feed.event(row.partition, row.position, row.index)
          : unpackEvent(row.body);
      assert(event, 'a dead letter keeps its event');
      routeOne(event, row, routed);
    }
    let settled: ReturnType<typeof settle> = { counts: [], dead: [] };
    if (routed.sends.length > 0) {
      const events = routed.sends.map(({ delivery }) => delivery);
      const token = keyOf([scope, 'again', ...resolved]);
      const batch = { events, token, replayId: context.replayId, ranges: [] };
      const sent = await sendUntilDone(batch);
      if (sent === null || sent === 'expired') return;
      const defective = { kind: 'dead', ...DEFECTIVE } as const;
      const outcomes = sent === 'defective' ? routed.sends.map(() => defective) : sent.outcomes;
      settled = settle(routed.sends, outcomes);
      defects = 0;
    }
    commit(new Map(), [...routed.counts, ...settled.counts], settled.dead, resolved);
    for (const row of rows) waiting.settle(row);
  };
  /** After a crash: the batch that was under way, exactly as it was. */
  const resume = async (): Promise<void> => {
    const intent = state.intent(stream);
    if (!intent) return;
    for (const { partition, from, to } of intent.ranges) {
      let at = from;
      while (at < to) {
        const chunk = await feed.read(partition, at, to);
        if (!chunk) break;
        for (const record of chunk.records) if (record.next <= to) gather(partition, record);
        at = chunk.next;
      }
      gathering.ends.set(partition, to);
      readTo.set(partition, to);
    }
    await sendGathered(intent);
  };
  const isDue = (hasRead: boolean): boolean => {
    if (gathering.ends.size === 0) return false;
    if (isFull()) return true;
    if (gathering.records.length === 0) return !hasRead;
    const isEnd = [...cursors].every(([name, { end }]) => {
      return end !== null && (readTo.get(name) ?? 0) >= end;
    });
    return isEnd || clock.monotonicMs() - gathering.sinceMs >= pace.batchAgeMs;
  };
  const isDone = (): boolean =>
    waiting.size() === 0 && gathering.ends.size === 0 && ahead.length === 0 && isAtEnd(cursors);

  return {
    async run() {
      await resume();
      while (!isStopping) {
        if (!isPaused) await sendWaiting();
        const hasRead = isPaused && expireTo.size === 0 ? false : await readMore();
        if (isDue(hasRead)) await sendGathered(null);
        if (isDone()) return 'done';
        const isBusy = hasRead || ahead.length > 0 || isFull();
        const ageMs = gathering.sinceMs + pace.batchAgeMs - clock.monotonicMs();
        const ms = gathering.records.length > 0 ? Math.max(1, ageMs) : REST_MS_MAX;
        await rest.for(isBusy ? 0 : Math.min(REST_MS_MAX, ms));
      }
      return 'stopped';
    },
    wake: rest.wake,
    stop() {
      isStopping = true;
      stopping.abort();
      rest.wake();
    },
    pause(paused) {
      isPaused = paused;
      rest.wake();
    },
    expireBefore(partition, position) {
      expireTo.set(partition, Math.max(position, expireTo.get(partition) ?? 0));
      rest.wake();
    },
    adopt(rows) {
      for (const row of rows) waiting.add(row);
      rest.wake();
    },
    status() {
      const now = { newestMs, inFlight: inFlight, waiting: waiting.size() };
      return streamStatus(cursors, context.judgedEnd, clock, now);
    },
  };
}

const DEFECTIVE = {
  reason: 'DESTINATION_DEFECT',
  message: 'the code of the destination fails on this event again and again',
} as const;

const NOTHING = {
  counts: [],
  waiting: [],
  resolved: [],
  rescheduled: [],
  dead: [],
  attempts: [],
  endsIntent: false,
};

function emptyGathering(nowMs: number): Gathering {
  return { records: [], ends: new Map(), events: 0, bytes: 0, sinceMs: nowMs };
}

function isDefective(outcomes: readonly DeliveryOutcome[]): boolean {
  return outcomes.every((outcome) => 'reason' in outcome && outcome.reason === DEFECTIVE.reason);
}

function rangesOf({ ends }: Gathering, cursors: ReadonlyMap<string, Cursor>): Intent['ranges'] {
  return [...ends].map(([partition, to]) => {
    return { partition, from: cursors.get(partition)?.position ?? 0, to };
  });
}
