/**
 * Delivers in batches that run side by side, while the events of a user keep their order: a user
 * belongs to one lane, and a lane has one batch under way. An event that fails steps aside and is
 * tried again later, its user's next events wait behind it, and everybody else goes on.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../base/assert.ts';
import type { JsonObject } from '../events/json.ts';
import type { StoredEvent } from '../events/raw-event.ts';
import { backoffMs, jitter } from './breaker.ts';
import type { DeliveryOutcome } from '../destinations/destination-contract.ts';
import {
  countedOf,
  newDeadLetter,
  newWaiting,
  orderKeyOf,
  packEvent,
  unpackEvent,
} from './delivery-item.ts';
import type { DeliveryItem } from './delivery-item.ts';
import { EXPIRED, failureOf, UNREADABLE } from './delivery-failures.ts';
import type { FeedChunk } from './event-feed.ts';
import { createRateCap } from './rate-cap.ts';
import { keyOf } from './order-keys.ts';
import { createRest } from './rest.ts';
import { deliveryEventOf } from './routed-event.ts';
import { route } from './routing/event-router.ts';
import { askedWaitMs, attemptsOf, isBlocked, sendBatch } from './sending.ts';
import type { Attempt, Cursor, WaitingEvent } from './state/delivery-rows.ts';
import type { FailureText } from './dead-letter-shapes.ts';
import { isAtEnd, streamStatus } from './stream-status.ts';
import type { DeliveryStream, StreamContext } from './stream.ts';
import { createWaitingList } from './waiting-list.ts';
import { createWindow, sumCounts } from './window.ts';
import type { Counted, NewDeadLetter, OpenRecord, Settled } from './window.ts';

interface Lane {
  queue: DeliveryItem[];
  bytes: number;
  isBusy: boolean;
}

/** What befell events that had waited; committed with the next step. */
interface Outbox {
  counts: Counted[];
  resolved: number[];
  rescheduled: Set<WaitingEvent>;
  dead: NewDeadLetter[];
  attempts: Attempt[];
}

/** Commits are gathered, because each waits for the disk. */
const COMMIT_MS = 50;
const REST_MS_MAX = 1_000;
/** In-flight batches get so long when the stream stops. */
const STOP_MS = 5_000;
const ALONE_AFTER_ATTEMPTS = 3;

/** Begins at the cursors of the state; `run` does the rest. */
export function createUserOrderStream(context: StreamContext): DeliveryStream {
  const { stream, state, feed, pace, settings, plan, breaker, clock, meters } = context;
  const scope = `${context.destinationId}/${context.replayId ?? ''}`;
  const window = createWindow();
  const waiting = createWaitingList(state.waiting(stream));
  const rateCap = createRateCap(pace.eventsPerSecond, clock);
  const lanes = Array.from({ length: pace.concurrency }, emptyLane);
  const cursors = state.cursors(stream);
  const readTo = new Map([...cursors].map(([partition, { position }]) => [partition, position]));
  const expireTo = new Map<string, number>();
  const rest = createRest(clock);
  let outbox = emptyOutbox();
  let [queued, nextLane, newestMs] = [0, 0, 0];
  let committedMs = clock.monotonicMs();
  let isStopping = false;
  let isPaused = false;

  const settle = (item: DeliveryItem, settled: Settled): void => {
    if (item.record) {
      window.settle(item.record, settled);
      return;
    }
    assert(item.waiting && settled.kind !== 'waiting', 'an item without a record has waited');
    outbox.resolved.push(item.waiting.id);
    outbox.rescheduled.delete(item.waiting);
    if (settled.kind === 'counted') outbox.counts.push(settled.count);
    else outbox.dead.push(settled.letter);
    waiting.settle(item.waiting);
  };
  const enqueue = (item: DeliveryItem): void => {
    const lane = lanes[crc32(item.orderKey) % lanes.length];
    assert(lane, 'every key has a lane');
    lane.queue.push(item);
    lane.bytes += item.bytes;
    queued++;
  };
  const wait = (item: DeliveryItem, failed: Parameters<typeof newWaiting>[2]): void => {
    if (item.waiting) {
      Object.assign(item.waiting, failed);
      outbox.rescheduled.add(item.waiting);
      waiting.putBack(item.waiting);
      return;
    }
    const row = newWaiting(item.event, item.orderKey, failed);
    assert(item.record, 'an item that has not waited has a record');
    window.settle(item.record, { kind: 'waiting', row });
    waiting.add(row);
  };
  /** It was not tried: it stands behind another of its user. */
  const waitBehind = (item: DeliveryItem): void => {
    const { attempts, firstFailedMs, failure, progress } = item.waiting ?? UNTRIED;
    wait(item, { attempts, firstFailedMs, nextMs: clock.wallMs(), failure, progress });
  };
  const die = (item: DeliveryItem, attempts: number, failure: FailureText): void => {
    const diedAtMs = clock.wallMs();
    const firstFailedMs = item.waiting?.firstFailedMs ?? diedAtMs;
    const failed = { attempts, firstFailedMs, diedAtMs, failure };
    settle(item, { kind: 'dead', letter: newDeadLetter(item.event, item.orderKey, failed) });
    meters.dead(failure.reason);
  };
  const filter = (item: DeliveryItem, reason: string): void => {
    settle(item, { kind: 'counted', count: countedOf(item.event, 'filtered', reason) });
    meters.filtered(reason);
  };

  /** Routes an event; what passes is an item to send. */
  const itemOf = (
    event: StoredEvent,
    record: OpenRecord | null,
    row: WaitingEvent | null,
    bytes: number,
  ): DeliveryItem | { reason: string } => {
    const source = context.source(event.sourceNumber);
    const toDelivery = (changed: JsonObject | null) =>
      deliveryEventOf(event, changed, source, scope, row);
    const routed = route(event, plan, toDelivery);
    if (routed.kind === 'filtered') return { reason: routed.reason };
    return {
      event,
      delivery: toDelivery(routed.changed),
      orderKey: row?.orderKey ?? orderKeyOf(event, pace.keepOrder),
      record,
      waiting: row,
      // What failed often may be what its batches failed of.
      isAlone: (row?.attempts ?? 0) >= ALONE_AFTER_ATTEMPTS,
      queuedMs: clock.monotonicMs(),
      bytes,
    };
  };
  const takeEvent = (event: StoredEvent, record: OpenRecord, bytes: number): void => {
    const item = itemOf(event, record, null, bytes);
    if ('reason' in item) {
      const count = countedOf(event, 'filtered', item.reason);
      window.settle(record, { kind: 'counted', count });
      meters.filtered(item.reason);
    } else if (waiting.has(item.orderKey)) {
      waitBehind(item);
    } else {
      enqueue(item);
    }
  };
  const takeChunk = (partition: string, chunk: FeedChunk): void => {
    const expired = expireTo.get(partition) ?? 0;
    for (const { position, next, events, bytes } of chunk.records) {
      const receivedAtMs = events[0]?.receivedAtMs ?? 0;
      const open = events.length;
      const record = window.add({ partition, next, bytes, receivedAtMs, open });
      const share = Math.ceil(bytes / Math.max(1, open));
      for (const event of events) {
        if (position >= expired) {
          takeEvent(event, record, share);
          continue;
        }
        window.settle(record, { kind: 'counted', count: countedOf(event, 'dead', 'LOG_EXPIRED') });
        meters.dead('LOG_EXPIRED');
      }
    }
    // Behind the last record there may be damage, which is nobody's event.
    const last = chunk.records.at(-1)?.next;
    if (last !== chunk.next) {
      window.add({ partition, next: chunk.next, bytes: 0, receivedAtMs: 0, open: 0 });
    }
    readTo.set(partition, chunk.next);
  };
  const hasRoom = (): boolean =>
    window.events() < settings.windowEvents &&
    window.bytes() < settings.windowBytes &&
    waiting.size() < settings.waitingMax;
  /**
   * While little gets through nothing is read in advance; but a probe must not consist of the very
   * events that failed before, or one that always fails would keep the others out.
   */
  const mayReadForProbe = (): boolean =>
    breaker.state() === 'closed' || (breaker.mayCall() && window.events() === 0);
  const readMore = async (): Promise<boolean> => {
    let hasRead = false;
    for (const [partition, from] of readTo) {
      const isExpiring = from < (expireTo.get(partition) ?? 0);
      const isHeld = isPaused || !mayReadForProbe();
      if (isStopping || !hasRoom() || (isHeld && !isExpiring)) continue;
      const end = cursors.get(partition)?.end ?? Number.POSITIVE_INFINITY;
      const chunk = await feed.read(partition, from, Math.min(context.judgedEnd(partition), end));
      if (!chunk) continue;
      takeChunk(partition, chunk);
      hasRead = true;
    }
    return hasRead;
  };

  const roomToRevive = (): number => pace.batchEvents * pace.concurrency * 2 - queued;
  /** Brings back what is due for another attempt. */
  const revive = async (): Promise<void> => {
    for (const [partition, position] of expireTo) await expireWaiting(partition, position);
    if (isPaused || isStopping || !breaker.mayCall()) return;
    for (const row of waiting.takeDue(clock.wallMs(), roomToRevive())) {
      const { partition, position, index } = row;
      const event =
        row.body === null ? await feed.event(partition, position, index) : unpackEvent(row.body);
      if (!event) {
        bury(row, null, UNREADABLE);
        continue;
      }
      const item = itemOf(event, null, row, event.json.length);
      if (!('reason' in item)) {
        enqueue(item);
        continue;
      }
      outbox.resolved.push(row.id);
      outbox.counts.push(countedOf(event, 'filtered', item.reason));
      meters.filtered(item.reason);
      waiting.settle(row);
    }
  };
  const bury = (row: WaitingEvent, event: StoredEvent | null, failure: FailureText): void => {
    outbox.resolved.push(row.id);
    outbox.dead.push({
      ...row,
      type: event?.type ?? '',
      event: event?.event ?? null,
      diedAtMs: clock.wallMs(),
      failure,
      body: event ? packEvent(event) : new Uint8Array(),
    });
    meters.dead(failure.reason);
    waiting.settle(row);
  };
  const expireWaiting = async (partition: string, before: number): Promise<void> => {
    const rows = waiting.takeAll(
      (row) => row.body === null && row.partition === partition && row.position < before,
    );
    for (const row of rows) {
      const event = await feed.event(partition, row.position, row.index);
      bury(row, event, row.failure ?? EXPIRED);
    }
  };

  const isBatchDue = ({ queue, bytes }: Lane): boolean => {
    const [first] = queue;
    if (!first) return false;
    if (queue.length >= pace.batchEvents || bytes >= pace.batchBytes || first.isAlone) return true;
    // Nothing more can be read, so no company comes.
    if (!hasRoom()) return true;
    return clock.monotonicMs() - first.queuedMs >= pace.batchAgeMs;
  };
  const batchLength = ({ queue }: Lane): number => {
    if (queue[0]?.isAlone) return 1;
    let bytes = 0;
    let length = 0;
    for (const item of queue) {
      bytes += item.bytes;
      const isFull = length >= pace.batchEvents || (length > 0 && bytes > pace.batchBytes);
      if (isFull || item.isAlone) break;
      length++;
    }
    return length;
  };
  const sendDue = (): void => {
    for (let turn = 0; turn < lanes.length; turn++) {
      if (isPaused || isStopping || !breaker.mayCall()) return;
      // Each turn begins at another lane, so that a probe is not always of the same one.
      const lane = lanes[nextLane++ % lanes.length];
      assert(lane, 'there are lanes');
      if (lane.isBusy || !isBatchDue(lane)) continue;
      const length = rateCap.take(batchLength(lane));
      if (length === 0) return;
      const items = lane.queue.splice(0, length);
      for (const { bytes } of items) lane.bytes -= bytes;
      queued -= length;
      breaker.begin();
      lane.isBusy = true;
      void send(lane, items);
    }
  };
  const send = async (lane: Lane, items: DeliveryItem[]): Promise<void> => {
    const events = items.map(({ delivery }) => delivery);
    const batch = {
      events,
      get token() {
        return keyOf([
          scope,
          ...items.map(({ event }) => `${event.sourceNumber}/${event.messageId}`),
        ]);
      },
      replayId: context.replayId,
      ranges: [],
    };
    const sent = await sendBatch(context.destination, batch, pace.timeoutMs, clock);
    outbox.attempts.push(...attemptsOf(batch, sent));
    judge(sent.outcomes, sent.elapsedMs);
    const failedKeys = new Set<string>();
    const alone: DeliveryItem[] = [];
    items.forEach((item, at) => {
      const outcome = sent.outcomes[at];
      assert(outcome, 'every event has an outcome');
      if (outcome.kind === 'isolate' && items.length > 1) alone.push({ ...item, isAlone: true });
      else if (apply(item, outcome)) failedKeys.add(item.orderKey);
    });
    requeue(lane, alone, failedKeys);
    lane.isBusy = false;
    waiting.recheck();
    rest.wake();
  };
  const judge = (outcomes: readonly DeliveryOutcome[], elapsedMs: number): void => {
    const areDelivered = outcomes.filter(({ kind }) => kind === 'delivered').length;
    const isAll = areDelivered === outcomes.length;
    meters.attempt(isAll ? 'delivered' : areDelivered === 0 ? 'failed' : 'mixed', elapsedMs);
    if (isBlocked(outcomes)) {
      breaker.fail(askedWaitMs(outcomes));
      return;
    }
    const openMs = Math.round(breaker.succeed());
    if (openMs === 0) return;
    // Time in which nothing could be tried is not taken from the time in which to try.
    state.shiftWaiting(stream, openMs);
    for (const row of waiting.rows()) if (row.firstFailedMs !== null) row.firstFailedMs += openMs;
    waiting.hurry(clock.wallMs());
  };
  /** Returns true when the event waits for another attempt. */
  const apply = (item: DeliveryItem, outcome: DeliveryOutcome): boolean => {
    if (outcome.kind === 'delivered') {
      settle(item, { kind: 'counted', count: countedOf(item.event, 'delivered', '') });
      meters.delivered(1);
      return false;
    }
    if (outcome.kind === 'filtered') {
      filter(item, outcome.reason);
      return false;
    }
    const failure = failureOf(outcome);
    // While nothing gets through, an attempt says nothing of the event.
    const isBlockedNow =
      outcome.kind === 'retry' && outcome.scope === 'destination' && breaker.state() !== 'closed';
    const attempts = item.delivery.attempts + (isBlockedNow ? 0 : 1);
    const now = clock.wallMs();
    const firstFailedMs = item.waiting?.firstFailedMs ?? now;
    const isOverdue = attempts >= pace.attemptsMax || now - firstFailedMs >= pace.retryMs;
    const isLast = isOverdue && !isBlockedNow;
    if (outcome.kind !== 'retry' || isLast) {
      die(item, attempts, failure);
      return false;
    }
    const delayMs = backoffMs(
      Math.max(1, attempts),
      settings.retryDelayMsMin,
      settings.retryDelayMsMax,
    );
    const nextMs = now + Math.max(jitter(context.random, delayMs), outcome.afterMs ?? 0);
    const progress = outcome.progress ?? item.delivery.progress;
    wait(item, { attempts, firstFailedMs, nextMs, failure, progress });
    meters.retried(failure.reason);
    return true;
  };
  /** Puts those that go alone first, and those whose user has a failed event behind it. */
  const requeue = (lane: Lane, alone: DeliveryItem[], failedKeys: ReadonlySet<string>): void => {
    if (alone.length === 0 && failedKeys.size === 0) return;
    const kept: DeliveryItem[] = [];
    for (const item of [...alone, ...lane.queue]) {
      if (failedKeys.has(item.orderKey)) waitBehind(item);
      else kept.push(item);
    }
    queued += kept.length - lane.queue.length;
    lane.queue = kept;
    lane.bytes = kept.reduce((sum, { bytes }) => sum + bytes, 0);
  };

  const commit = (): void => {
    committedMs = clock.monotonicMs();
    const taken = window.take();
    const { counts, resolved, rescheduled, dead, attempts } = outbox;
    const isEmpty =
      taken.cursors.size === 0 &&
      resolved.length + rescheduled.size + dead.length + attempts.length === 0;
    if (isEmpty) return;
    outbox = emptyOutbox();
    state.commit(stream, {
      cursors: taken.cursors,
      counts: sumCounts([...taken.counts, ...counts]),
      waiting: taken.waiting,
      resolved,
      rescheduled: [...rescheduled],
      dead: [...taken.dead, ...dead],
      attempts,
      endsIntent: false,
    });
    if (taken.waiting.length > 0) waiting.recheck();
    newestMs = Math.max(newestMs, taken.receivedAtMs);
    for (const [partition, position] of taken.cursors) {
      const cursor = cursors.get(partition) as Cursor;
      cursors.set(partition, { ...cursor, position });
    }
  };
  const isCommitDue = (): boolean => clock.monotonicMs() - committedMs >= COMMIT_MS;
  const hasToCommit = (): boolean =>
    window.hasFinished() || outbox.attempts.length + outbox.resolved.length > 0;
  const isDone = (): boolean => {
    if (waiting.size() > 0 || queued > 0) return false;
    return isAtEnd(cursors);
  };
  const restMs = (): number => {
    const now = clock.monotonicMs();
    let ms = REST_MS_MAX;
    if (hasToCommit()) ms = Math.min(ms, committedMs + COMMIT_MS - now);
    const heldMs = breaker.heldUntilMs() - now;
    if (isPaused) return Math.max(1, ms);
    if (heldMs > 0) return Math.max(1, Math.min(ms, heldMs));
    // The end of the probe wakes.
    if (!breaker.mayCall()) return Math.max(1, ms);
    for (const { queue, isBusy } of lanes) {
      const [first] = queue;
      if (first && !isBusy) ms = Math.min(ms, first.queuedMs + pace.batchAgeMs - now);
    }
    if (roomToRevive() > 0) ms = Math.min(ms, waiting.nextDueMs() - clock.wallMs());
    // A batch that is due and stays is waiting for the rate cap, or for the breaker's probe.
    return ms <= 0 ? Math.max(1, Math.min(rateCap.waitMs(), COMMIT_MS)) : ms;
  };
  const finish = async (): Promise<void> => {
    const endMs = clock.monotonicMs() + STOP_MS;
    while (lanes.some(({ isBusy }) => isBusy) && clock.monotonicMs() < endMs) await rest.for(20);
    commit();
  };

  return {
    async run() {
      while (!isStopping) {
        const hasRead = await readMore();
        await revive();
        sendDue();
        if (isCommitDue()) commit();
        if (isDone()) return 'done';
        await rest.for(hasRead ? 0 : restMs());
      }
      await finish();
      return 'stopped';
    },
    wake: rest.wake,
    stop() {
      isStopping = true;
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
      const now = { newestMs, inFlight: window.events(), waiting: waiting.size() };
      return streamStatus(cursors, context.judgedEnd, clock, now);
    },
  };
}

const UNTRIED = { attempts: 0, firstFailedMs: null, failure: null, progress: null };
function emptyLane(): Lane {
  return { queue: [], bytes: 0, isBusy: false };
}

function emptyOutbox(): Outbox {
  return { counts: [], resolved: [], rescheduled: new Set(), dead: [], attempts: [] };
}
