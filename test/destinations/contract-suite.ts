/**
 * What every destination promises (src/destinations/destination-contract.ts), run against a service
 * that is real or nearly so. A harness says how to open the destination and what the service has.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type {
  DeliveryBatch,
  DeliveryEvent,
  DeliveryOutcome,
  Destination,
} from '../../src/destinations/destination-contract.ts';
import { DELIVERY_REASONS } from '../../src/destinations/delivery-reasons.ts';
import {
  batchOf,
  deliveryEvent,
  deliveryEvents,
  strangeEvents,
} from '../support/delivery-events.ts';
import { until } from '../support/until.ts';

export type FailureMode =
  /** Nothing gets through: closed port, or answers like 503. */
  | 'down'
  /** Says no to every event, for good. */
  | 'refuse'
  /** Takes requests and never answers. */
  | 'hang'
  /** Says that it gets too much. */
  | 'rate-limit';

export interface DestinationHarness {
  /** Opens the destination on the service. @param overrides settings over the usual ones. */
  open(overrides?: Record<string, unknown>): Promise<Destination>;
  /** What the service has, deduplicated by its own means. */
  received(): Promise<readonly { messageId: string }[]>;
  /** Without it, the tests of failures are skipped. */
  fail?(mode: FailureMode): void | Promise<void>;
  heal?(): void | Promise<void>;
  /** True once an attempt has reached the hanging service; without it an abort may come before. */
  isReached?(): boolean | Promise<boolean>;
  /** Modes that the service cannot be brought into. */
  unsupported?: readonly FailureMode[];
}

/** Long enough for any attempt; what is slower does not settle. */
const SETTLE_MS = 20_000;
/** Shorter than the timeouts of attempts, which would end them too. */
const ABORT_SETTLE_MS = 5_000;
const RESPONSE_CHARS_MAX = 8_192;
const MANY = 48;

/** Registers the suite. @param harness its service must run until all tests have ended. */
export function runContractSuite(name: string, harness: DestinationHarness): void {
  const opened: Destination[] = [];
  const open = async (): Promise<Destination> => {
    const destination = await harness.open();
    opened.push(destination);
    return destination;
  };

  describe(`the contract of destinations: ${name}`, () => {
    after(async () => {
      for (const destination of opened) await destination.close();
    });
    deliveryTests(harness, open);
    failureTests(harness, open);

    test('closing twice is closing once', async () => {
      const destination = await open();
      await deliver(destination, batchFor(destination, [deliveryEvent()]));
      await destination.close();
      await destination.close();
    });
  });
}

type Open = () => Promise<Destination>;

function deliveryTests(harness: DestinationHarness, open: Open): void {
  test('one event arrives', async () => {
    const destination = await open();
    const batch = batchFor(destination, deliveryEvents(1));
    assertDelivered(await deliver(destination, batch));
    await assertArrived(harness, batch.events);
  });

  test('many events of all types arrive, with an outcome for each', async () => {
    const destination = await open();
    const batch = batchFor(destination, deliveryEvents(MANY));
    assertDelivered(await deliver(destination, batch));
    await assertArrived(harness, batch.events);
  });

  test('what is delivered twice is there once, also by another process', async () => {
    const batch = batchFor(await open(), deliveryEvents(MANY));
    assertDelivered(await deliver(await open(), batch));
    const again = {
      ...batch,
      events: batch.events.map((event) => ({ ...event, attempts: event.attempts + 1 })),
    };
    assertDelivered(await deliver(await open(), again));
    await assertArrived(harness, batch.events);
  });

  test('batches under way at once do not mix up their outcomes', async () => {
    const destination = await open();
    const batches = Array.from({ length: 4 }, () => batchFor(destination, deliveryEvents(6)));
    const all = await Promise.all(batches.map((batch) => deliver(destination, batch)));
    for (const outcomes of all) assertDelivered(outcomes);
    await assertArrived(
      harness,
      batches.flatMap(({ events }) => [...events]),
    );
  });

  test('strange events arrive, or are refused with a reason', async () => {
    const destination = await open();
    for (const [what, event] of strangeEvents()) {
      const batch = batchFor(destination, [event]);
      if (batch.events.length === 0) continue;
      const [outcome] = await deliver(destination, batch);
      const kind = outcome?.kind ?? 'missing';
      const message = outcome?.kind === 'delivered' ? '' : outcome?.message;
      assert.match(kind, /^(delivered|filtered|dead)$/, `${what}: ${message}`);
      if (kind === 'delivered') await assertArrived(harness, [event]);
    }
  });

  test('strange events among others cost only themselves', async () => {
    const destination = await open();
    const strange = strangeEvents().map(([, event]) => event);
    const plain = deliveryEvents(2);
    const [first, last] = plain;
    const batch = batchFor(
      destination,
      [first, ...strange, last].filter((event) => !!event),
    );
    const outcomes = await deliver(destination, batch);
    const tried = await Promise.all(
      outcomes.map(async (outcome, at) => {
        const event = batch.events[at];
        if (outcome.kind !== 'isolate' || !event) return outcome;
        return (await deliver(destination, batchOf([event])))[0] ?? outcome;
      }),
    );
    const arrived = batch.events.filter((_, at) => tried[at]?.kind === 'delivered');
    for (const event of plain) assert.ok(!batch.events.includes(event) || arrived.includes(event));
    await assertArrived(harness, arrived);
  });

  test('a replay is marked as one and delivered all the same', async () => {
    const destination = await open();
    const batch = { ...batchFor(destination, deliveryEvents(3)), replayId: 'replay-1' };
    assertDelivered(await deliver(destination, batch));
    await assertArrived(harness, batch.events);
  });
}

function failureTests(harness: DestinationHarness, open: Open): void {
  const { fail, heal, unsupported = [] } = harness;
  const during = (mode: FailureMode, sentence: string, use: () => Promise<void>) => {
    // Not skipped: a skip is for what another machine could run.
    if (unsupported.includes(mode)) return;
    const skip = fail ? false : `the service cannot be: ${mode}`;
    test(sentence, { skip }, async () => {
      await fail?.(mode);
      try {
        await use();
      } finally {
        await heal?.();
      }
    });
  };

  during('down', 'nothing is lost while the service is down, and it is there later', async () => {
    const destination = await open();
    const batch = batchFor(destination, deliveryEvents(6));
    assertWaits(await deliver(destination, batch));
    await heal?.();
    assertDelivered(await deliver(destination, batch));
    await assertArrived(harness, batch.events);
  });

  during('rate-limit', 'a service that gets too much is left alone', async () => {
    const destination = await open();
    assertWaits(await deliver(destination, batchFor(destination, deliveryEvents(6))));
  });

  during('refuse', 'what the service refuses is not called delivered', async () => {
    const destination = await open();
    const outcomes = await deliver(destination, batchFor(destination, deliveryEvents(3)));
    const kinds = outcomes.map(({ kind }) => kind);
    assert.ok(!kinds.includes('delivered'), kinds.join());
    const [alone] = await deliver(destination, batchFor(destination, deliveryEvents(1)));
    assert.notEqual(alone?.kind, 'isolate', 'one event cannot be taken apart any further');
  });

  during('hang', 'an abort ends an attempt', async () => {
    const destination = await open();
    const stop = new AbortController();
    const batch = batchFor(destination, deliveryEvents(3));
    const delivered = deliver(destination, batch, stop.signal);
    await until('the service is reached', () => harness.isReached?.() ?? true);
    stop.abort();
    assertWaits(await delivered);
  });

  test('an attempt that is aborted before it begins settles', async () => {
    const destination = await open();
    const batch = batchFor(destination, deliveryEvents(3));
    await deliver(destination, batch, AbortSignal.abort());
  });
}

/** The events that the destination accepts, as the engine would hand them over. */
function batchFor(destination: Destination, events: readonly DeliveryEvent[]): DeliveryBatch {
  const accepted = events.filter((event) => {
    const reason = destination.accepts?.(event) ?? null;
    assert.ok(reason === null || reason in DELIVERY_REASONS, String(reason));
    return reason === null;
  });
  return accepted.length === 0 ? { ...batchOf(events), events: [] } : batchOf(accepted);
}

/** Delivers, with a deadline, and checks what holds for all outcomes. */
async function deliver(
  destination: Destination,
  batch: DeliveryBatch,
  stop?: AbortSignal,
): Promise<DeliveryOutcome[]> {
  const settleMs = stop ? ABORT_SETTLE_MS : SETTLE_MS;
  const signal = stop ?? new AbortController().signal;
  let outcomes: DeliveryOutcome[] | undefined;
  let thrown: { error: unknown } | undefined;
  void destination.deliver(batch, signal).then(
    (given) => (outcomes = given),
    (error: unknown) => (thrown = { error }),
  );
  await until('the attempt settles', () => !!(outcomes ?? thrown), settleMs);
  assert.ok(outcomes, `deliver may not throw: ${String(thrown?.error)}`);
  assert.equal(outcomes.length, batch.events.length, 'one outcome for each event');
  for (const outcome of outcomes) assertSpeaks(outcome);
  return outcomes;
}

function assertSpeaks(outcome: DeliveryOutcome): void {
  const { response } = outcome as { response?: string };
  assert.ok((response ?? '').length <= RESPONSE_CHARS_MAX, 'a response is cut');
  if (outcome.kind === 'delivered') return;
  assert.ok(outcome.reason in DELIVERY_REASONS, `a known reason, not ${outcome.reason}`);
  assert.ok(outcome.message.length > 0, 'a message');
  const { afterMs } = outcome as { afterMs?: number };
  assert.ok(afterMs === undefined || (Number.isFinite(afterMs) && afterMs >= 0), String(afterMs));
}

function assertDelivered(outcomes: readonly DeliveryOutcome[]): void {
  const failed = outcomes.find(({ kind }) => kind !== 'delivered');
  assert.equal(failed, undefined, JSON.stringify(failed));
}

/** Every event waits, because nothing would get through now. */
function assertWaits(outcomes: readonly DeliveryOutcome[]): void {
  for (const outcome of outcomes) {
    assert.equal(outcome.kind, 'retry', JSON.stringify(outcome));
    assert.equal(outcome.kind === 'retry' && outcome.scope, 'destination');
  }
}

/** Each of the events is there, and none is there twice. */
async function assertArrived(
  harness: DestinationHarness,
  events: readonly DeliveryEvent[],
): Promise<void> {
  const counts = async (): Promise<number[]> => {
    const counted = new Map<string, number>();
    for (const { messageId } of await harness.received()) {
      counted.set(messageId, (counted.get(messageId) ?? 0) + 1);
    }
    return events.map(({ messageId }) => counted.get(messageId) ?? 0);
  };
  await until('every event arrives', async () => (await counts()).every((count) => count > 0));
  assert.deepEqual(
    await counts(),
    events.map(() => 1),
    'times that each event is there',
  );
}
