/** What a destination can do to us, in virtual time: faults F23 to F26 of the fault model. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  DeliveryBatch,
  DeliveryOutcome,
} from '../../src/destinations/destination-contract.ts';
import {
  deadLetterCount,
  deadLetterGroups,
  discardDeadLetters,
  expireDeadLetters,
  inspectDeadLetter,
  listDeadLetters,
  retryDeadLetters,
} from '../../src/deliver/dead-letters.ts';
import { PARTITION, createScenario } from '../support/delivery-scenario.ts';
import type { Scenario, ScenarioOptions } from '../support/delivery-scenario.ts';

const HOUR_MS = 3_600_000;
const DOWN = {
  kind: 'retry',
  scope: 'destination',
  reason: 'HTTP_STATUS',
  message: 'the service answered 503',
  status: 503,
} as const satisfies DeliveryOutcome;

/** Runs a scenario and removes it, whatever happens. */
async function withScenario(
  options: ScenarioOptions,
  play: (scenario: Scenario) => Promise<void>,
): Promise<void> {
  const scenario = await createScenario(options);
  try {
    await play(scenario);
  } finally {
    await scenario.remove();
  }
}

function forAll(batch: DeliveryBatch, outcome: DeliveryOutcome): DeliveryOutcome[] {
  return batch.events.map(() => outcome);
}

/** Virtual time goes on for so long. */
async function pass(scenario: Scenario, ms: number): Promise<void> {
  const endMs = scenario.clock.monotonicMs() + ms;
  await scenario.clock.runUntil(() => scenario.clock.monotonicMs() >= endMs, ms + HOUR_MS);
}

test('a service that is down for a day loses nothing, and is probed, not hammered', async () => {
  let isDown = true;
  let calls = 0;
  const arrived: string[] = [];
  const deliver = (batch: DeliveryBatch): Promise<DeliveryOutcome[]> => {
    calls++;
    if (isDown) return Promise.resolve(forAll(batch, DOWN));
    arrived.push(...batch.events.map(({ messageId }) => messageId));
    return Promise.resolve(forAll(batch, { kind: 'delivered' }));
  };
  await withScenario({ deliver }, async (scenario) => {
    scenario.start();
    const written = [];
    for (let hour = 0; hour < 24; hour++) {
      for (let n = 0; n < 20; n++) written.push(...scenario.write({ userId: `u${n}` }));
      await pass(scenario, HOUR_MS);
    }
    assert.equal(arrived.length, 0);
    assert.ok(calls < 24 * 60, `${calls} calls in a day: at most some in five minutes`);
    assert.ok(calls > 24, 'it keeps looking whether the service is back');
    isDown = false;
    await scenario.clock.runUntil(() => scenario.isIdle(), HOUR_MS);
    assert.deepEqual(scenario.counts(), { delivered: written.length });
    assert.equal(deadLetterCount(scenario.state().database), 0);
    assert.deepEqual(new Set(arrived), new Set(written.map(({ messageId }) => messageId)));
  });
});

test('Retry-After is obeyed by the whole destination', async () => {
  const calledAtMs: number[] = [];
  const deliver = (batch: DeliveryBatch): Promise<DeliveryOutcome[]> => {
    calledAtMs.push(scenarioClock());
    const isFirst = calledAtMs.length === 1;
    const limited = { ...DOWN, reason: 'RATE_LIMITED', status: 429, afterMs: 90_000 };
    return Promise.resolve(forAll(batch, isFirst ? limited : { kind: 'delivered' }));
  };
  let scenarioClock = (): number => 0;
  await withScenario({ deliver, pace: { concurrency: 1 } }, async (scenario) => {
    scenarioClock = () => scenario.clock.monotonicMs();
    scenario.write({ userId: 'a' });
    scenario.start();
    await scenario.clock.runUntil(() => calledAtMs.length === 1);
    for (let n = 0; n < 50; n++) scenario.write({ userId: `u${n}` });
    await scenario.clock.runUntil(() => scenario.isIdle());
    const [first = 0, second = 0] = calledAtMs;
    assert.ok(second - first >= 90_000, `called again after ${second - first} ms`);
  });
});

test('a poison event becomes a dead letter after its attempts, and the queue moves on', async () => {
  const arrived: string[] = [];
  const attempts: string[] = [];
  const deliver = (batch: DeliveryBatch): Promise<DeliveryOutcome[]> => {
    attempts.push(batch.events.map(({ messageId }) => messageId).join());
    if (batch.events.some(({ message }) => message['event'] === 'Poison')) {
      throw new Error('cannot digest this');
    }
    arrived.push(...batch.events.map(({ messageId }) => messageId));
    return Promise.resolve(forAll(batch, { kind: 'delivered' }));
  };
  const pace = { concurrency: 1, attemptsMax: 6 };
  await withScenario({ deliver, pace }, async (scenario) => {
    const [poison] = scenario.write({ userId: 'p', event: 'Poison' });
    const others = Array.from({ length: 30 }, (_, n) => scenario.write({ userId: `u${n}` })[0]);
    scenario.start();
    await scenario.clock.runUntil(() => arrived.length === others.length);
    await scenario.clock.runUntil(() => scenario.isIdle());
    assert.deepEqual(scenario.counts(), { delivered: others.length });
    const [letter] = listDeadLetters(scenario.state().database, {}, { afterId: 0, limit: 10 });
    assert.ok(letter);
    assert.equal(letter.messageId, poison?.messageId);
    assert.equal(letter.attempts, 6);
    assert.deepEqual(
      [letter.failure.reason, letter.failure.message],
      ['DESTINATION_DEFECT', 'cannot digest this'],
    );
    const alone = attempts.filter((ids) => ids === poison?.messageId);
    assert.equal(alone.length, 6, 'tried alone, so that it costs nobody else');
  });
});

test('an event that always fails does not keep others out when it is all there is', async () => {
  const arrived: string[] = [];
  const deliver = (batch: DeliveryBatch): Promise<DeliveryOutcome[]> => {
    if (batch.events.some(({ userId }) => userId === 'bad')) {
      return Promise.resolve(forAll(batch, DOWN));
    }
    arrived.push(...batch.events.map(({ messageId }) => messageId));
    return Promise.resolve(forAll(batch, { kind: 'delivered' }));
  };
  await withScenario({ deliver, pace: { concurrency: 1, batchEvents: 1 } }, async (scenario) => {
    scenario.write({ userId: 'bad' });
    scenario.start();
    await pass(scenario, 2 * HOUR_MS);
    scenario.write({ userId: 'good' });
    await scenario.clock.runUntil(() => arrived.length === 1, HOUR_MS);
  });
});

test('a hang is cut by the timeout and tried again', async () => {
  let calls = 0;
  let isAborted = false;
  const deliver = (batch: DeliveryBatch, signal: AbortSignal): Promise<DeliveryOutcome[]> => {
    if (++calls > 1) return Promise.resolve(forAll(batch, { kind: 'delivered' }));
    signal.addEventListener('abort', () => (isAborted = true));
    return new Promise(() => undefined);
  };
  await withScenario({ deliver }, async (scenario) => {
    scenario.write({ userId: 'a' });
    scenario.start();
    await scenario.clock.runUntil(() => scenario.isIdle());
    assert.equal(isAborted, true);
    assert.deepEqual(scenario.counts(), { delivered: 1 });
  });
});

test('the events of a user wait behind one that failed, others do not', async () => {
  let isBlocked = true;
  const arrived: string[] = [];
  const deliver = (batch: DeliveryBatch): Promise<DeliveryOutcome[]> => {
    const outcomes = batch.events.map(({ userId, message }): DeliveryOutcome => {
      if (userId === 'a' && isBlocked) return { ...DOWN, scope: 'event' };
      arrived.push(`${userId} ${String(message['event'])}`);
      return { kind: 'delivered' };
    });
    return Promise.resolve(outcomes);
  };
  await withScenario({ deliver, pace: { batchEvents: 1 } }, async (scenario) => {
    scenario.write({ userId: 'a', event: '1' });
    scenario.start();
    await pass(scenario, 1_000);
    for (const event of ['2', '3']) {
      scenario.write({ userId: 'a', event });
      scenario.write({ userId: 'b', event });
    }
    await scenario.clock.runUntil(() => arrived.length === 2);
    assert.deepEqual(arrived, ['b 2', 'b 3']);
    assert.equal(scenario.stream().status().waiting, 3);
    isBlocked = false;
    await scenario.clock.runUntil(() => scenario.isIdle());
    assert.deepEqual(arrived.slice(2), ['a 1', 'a 2', 'a 3']);
  });
});

test('progress is given back at the next attempt', async () => {
  const seen: (string | null)[] = [];
  const deliver = (batch: DeliveryBatch): Promise<DeliveryOutcome[]> => {
    seen.push(...batch.events.map(({ progress }) => progress));
    const outcome = { ...DOWN, scope: 'event', progress: `${seen.length} done` } as const;
    return Promise.resolve(forAll(batch, seen.length < 3 ? outcome : { kind: 'delivered' }));
  };
  await withScenario({ deliver }, async (scenario) => {
    scenario.write({ userId: 'a' });
    scenario.start();
    await scenario.clock.runUntil(() => scenario.isIdle());
    assert.deepEqual(seen, [null, '1 done', '2 done']);
  });
});

test('batches keep to count, age and rate', async () => {
  const sizes: number[] = [];
  const deliver = (batch: DeliveryBatch): Promise<DeliveryOutcome[]> => {
    sizes.push(batch.events.length);
    return Promise.resolve(forAll(batch, { kind: 'delivered' }));
  };
  const pace = { concurrency: 1, batchEvents: 4, eventsPerSecond: 5, batchAgeMs: 200 };
  await withScenario({ deliver, pace }, async (scenario) => {
    for (let n = 0; n < 41; n++) scenario.write({ userId: `u${n}` });
    const startedMs = scenario.clock.monotonicMs();
    scenario.start();
    await scenario.clock.runUntil(() => scenario.isIdle());
    const tookMs = scenario.clock.monotonicMs() - startedMs;
    assert.ok(Math.max(...sizes) <= 4);
    assert.ok(tookMs >= 7_000, `41 events at 5 a second took ${tookMs} ms`);
    assert.ok(tookMs <= 12_000, `41 events at 5 a second took ${tookMs} ms`);
  });
});

test('a paused stream sends nothing and forgets nothing', async () => {
  let calls = 0;
  const deliver = (batch: DeliveryBatch): Promise<DeliveryOutcome[]> => {
    calls++;
    return Promise.resolve(forAll(batch, { kind: 'delivered' }));
  };
  for (const order of ['user', 'log'] as const) {
    calls = 0;
    await withScenario({ deliver, order }, async (scenario) => {
      scenario.start();
      scenario.stream().pause(true);
      scenario.write({ userId: 'a' });
      await pass(scenario, HOUR_MS);
      assert.equal(calls, 0);
      scenario.stream().pause(false);
      await scenario.clock.runUntil(() => scenario.isIdle());
      assert.deepEqual(scenario.counts(), { delivered: 1 });
    });
  }
});

test('what the log cannot keep any longer is counted dead, and the rest arrives', async () => {
  let isDown = true;
  const deliver = (batch: DeliveryBatch): Promise<DeliveryOutcome[]> =>
    Promise.resolve(forAll(batch, isDown ? DOWN : { kind: 'delivered' }));
  for (const order of ['user', 'log'] as const) {
    isDown = true;
    await withScenario({ deliver, order, settings: { windowEvents: 10 } }, async (scenario) => {
      const early = Array.from({ length: 50 }, (_, n) => scenario.write({ userId: `u${n}` })[0]);
      const late = Array.from({ length: 50 }, (_, n) => scenario.write({ userId: `v${n}` })[0]);
      scenario.start();
      await pass(scenario, HOUR_MS);
      scenario.stream().expireBefore(PARTITION, late[0]?.position ?? 0);
      const hold = () => scenario.state().holds().get(PARTITION) ?? Number.POSITIVE_INFINITY;
      await scenario.clock.runUntil(() => hold() >= (late[0]?.position ?? 0), HOUR_MS);
      isDown = false;
      await scenario.clock.runUntil(() => scenario.isIdle(), HOUR_MS);
      const counts = scenario.counts();
      const dead = deadLetterCount(scenario.state().database);
      assert.equal(counts['delivered'], late.length, order);
      assert.equal((counts['dead LOG_EXPIRED'] ?? 0) + dead, early.length, order);
    });
  }
});

test('dead letters are grouped, inspected, sent again, and discarded with a reason', async () => {
  let isRefused = true;
  const refused = { kind: 'dead', reason: 'HTTP_STATUS', message: 'no', status: 422 } as const;
  const arrived: string[] = [];
  const deliver = (batch: DeliveryBatch): Promise<DeliveryOutcome[]> => {
    if (!isRefused) arrived.push(...batch.events.map(({ messageId }) => messageId));
    return Promise.resolve(forAll(batch, isRefused ? refused : { kind: 'delivered' }));
  };
  for (const order of ['user', 'log'] as const) {
    isRefused = true;
    arrived.length = 0;
    await withScenario({ deliver, order }, async (scenario) => {
      for (let n = 0; n < 5; n++) scenario.write({ userId: `u${n}`, event: `E${n}` });
      scenario.start();
      await scenario.clock.runUntil(() => scenario.isIdle());
      const { database } = scenario.state();
      const [group] = deadLetterGroups(database);
      assert.deepEqual([group?.reason, group?.status, group?.count], ['HTTP_STATUS', 422, 5]);
      const letters = listDeadLetters(database, {}, { afterId: 0, limit: 10 });
      const [first, second] = letters;
      assert.ok(first && second);
      assert.match(inspectDeadLetter(database, first.id).json ?? '', /"event":"E0"/);
      isRefused = false;
      for (const [, rows] of retryDeadLetters(
        database,
        { id: first.id },
        scenario.clock.wallMs(),
      )) {
        scenario.stream().adopt(rows);
      }
      await scenario.clock.runUntil(() => scenario.isIdle());
      assert.deepEqual(arrived, [first.messageId]);
      assert.equal(discardDeadLetters(database, { id: second.id }, 'a test event'), 1);
      const bounds = { beforeMs: 0, most: 2 };
      assert.equal(expireDeadLetters(database, bounds), 1, 'the oldest beyond the bound');
      assert.deepEqual(scenario.counts(), {
        delivered: 1,
        'discarded a test event': 1,
        'discarded EXPIRED': 1,
      });
      assert.equal(deadLetterCount(database), 2);
    });
  }
});

test('a stop does not wait for a service that hangs', async () => {
  const deliver = (): Promise<DeliveryOutcome[]> => new Promise(() => undefined);
  for (const order of ['user', 'log'] as const) {
    await withScenario({ deliver, order, pace: { timeoutMs: HOUR_MS } }, async (scenario) => {
      scenario.write({ userId: 'a' });
      scenario.start();
      await scenario.clock.runUntil(() => scenario.stream().status().inFlight > 0);
      await pass(scenario, 1_000);
      scenario.stream().stop();
      await scenario.clock.runUntil(() => scenario.end() === 'stopped', 20_000);
      assert.deepEqual(scenario.counts(), {}, 'what was under way stays pending');
    });
  }
});
