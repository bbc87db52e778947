/** Corners of streams that once went wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  DeliveryBatch,
  DeliveryOutcome,
} from '../../src/destinations/destination-contract.ts';
import { createScenario, PARTITION } from '../support/delivery-scenario.ts';

const OTHER = 'us-1';

function all(batch: DeliveryBatch, outcome: DeliveryOutcome): DeliveryOutcome[] {
  return batch.events.map(() => outcome);
}

test('a batch of two partitions goes on when the log lets one of them go', async () => {
  const delivered: string[] = [];
  let isDown = true;
  const scenario = await createScenario({
    order: 'log',
    partitions: [PARTITION, OTHER],
    deliver: (batch) => {
      if (isDown) {
        const failure = { reason: 'HTTP_STATUS', message: 'no' };
        return Promise.resolve(all(batch, { kind: 'retry', scope: 'destination', ...failure }));
      }
      delivered.push(...batch.events.map(({ partition }) => partition));
      return Promise.resolve(all(batch, { kind: 'delivered' }));
    },
  });
  try {
    scenario.writeTo(PARTITION, { userId: 'a' });
    scenario.writeTo(OTHER, { userId: 'b' });
    scenario.start();
    await scenario.clock.runUntil(() => scenario.stream().status().inFlight === 2);
    scenario.stream().expireBefore(PARTITION, 100);
    isDown = false;
    await scenario.clock.runUntil(() => scenario.isIdle(), 3_600_000);
    assert.deepEqual(scenario.counts(), { 'dead LOG_EXPIRED': 1, delivered: 1 });
    assert.deepEqual(delivered, [OTHER]);
  } finally {
    await scenario.remove();
  }
});

test("an answer that comes after the stream has ended is nobody's failure", async () => {
  let answer: (() => void) | undefined;
  let calls = 0;
  const scenario = await createScenario({
    settings: { breakerFailures: 1 },
    deliver: (batch) => {
      if (++calls === 1) {
        const failure = { reason: 'HTTP_STATUS', message: 'no' };
        return Promise.resolve(all(batch, { kind: 'retry', scope: 'destination', ...failure }));
      }
      return new Promise((resolve) => {
        answer = () => resolve(all(batch, { kind: 'delivered' }));
      });
    },
  });
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  try {
    scenario.write({ userId: 'a' });
    scenario.start();
    await scenario.clock.runUntil(() => answer !== undefined);
    // Its state is closed, as after a stop that waited long enough.
    scenario.crash();
    answer?.();
    await scenario.clock.runUntil(() => true);
    assert.deepEqual(unhandled, []);
  } finally {
    process.off('unhandledRejection', note);
    await scenario.remove();
  }
});

test('a stream whose state cannot take an answer ends with the error', async () => {
  let calls = 0;
  const scenario = await createScenario({
    settings: { breakerFailures: 1 },
    deliver: (batch) => {
      const failure = { reason: 'HTTP_STATUS', message: 'no' };
      if (++calls > 1) return Promise.resolve(all(batch, { kind: 'delivered' }));
      return Promise.resolve(all(batch, { kind: 'retry', scope: 'destination', ...failure }));
    },
  });
  try {
    scenario.state().shiftWaiting = () => {
      throw new Error('the disk is full');
    };
    scenario.write({ userId: 'a' });
    scenario.start();
    await scenario.clock.runUntil(() => scenario.end() !== null);
    assert.match(scenario.end() ?? '', /the disk is full/);
  } finally {
    await scenario.remove();
  }
});

for (const order of ['user', 'log'] as const) {
  test(`a replay whose part of the log ends in damage comes to its end (${order})`, async () => {
    const scenario = await createScenario({
      order,
      pace: { batchEvents: 1 },
      deliver: (batch) => Promise.resolve(all(batch, { kind: 'delivered' })),
    });
    try {
      scenario.write({ userId: 'a' });
      scenario.write({ userId: 'b' });
      scenario.writeDamage(50);
      scenario.state().database.exec('update cursors set "end" = 250');
      scenario.start();
      await scenario.clock.runUntil(() => scenario.end() !== null, 60_000);
      assert.equal(scenario.end(), 'done');
      assert.deepEqual(scenario.counts(), { delivered: 2 });
    } finally {
      await scenario.remove();
    }
  });
}
