import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { openRateTable, rateTableBytes } from '../../src/auth/rate-limit.ts';
import type { RateTable } from '../../src/auth/rate-limit.ts';

const SLOTS = 8;

function newTable(): RateTable {
  return openRateTable(new SharedArrayBuffer(rateTableBytes(SLOTS)));
}

function grantedOf(table: RateTable, tries: number, nowMs: number, rate = 10, burst = 5): number {
  let granted = 0;
  for (let n = 0; n < tries; n++) if (table.take(1, nowMs, rate, burst)) granted++;
  return granted;
}

test('an unused bucket is full: burst requests pass at once, the next does not', () => {
  const table = newTable();
  const remaining = Array.from({ length: 6 }, () => takeToken(table, 1, 0, 10, 5));
  assert.deepEqual(remaining, [4, 3, 2, 1, 0, -1]);
});

test('a refused request learns how long to wait, and passes after that, not before', () => {
  const table = newTable();
  grantedOf(table, 5, 1000);
  assert.equal(table.take(1, 1000, 10, 5), false);
  assert.equal(table.lastWaitMs(), 100);
  assert.equal(table.take(1, 1099, 10, 5), false);
  assert.equal(table.take(1, 1100, 10, 5), true);
  assert.equal(table.lastWaitMs(), 0);
});

test('tokens come back at the rate, up to burst', () => {
  const table = newTable();
  grantedOf(table, 5, 0);
  assert.equal(grantedOf(table, 100, 300), 3);
  assert.equal(grantedOf(table, 100, 3_600_000), 5);
});

test('a clock that another thread read earlier adds nothing and takes nothing', () => {
  const table = newTable();
  grantedOf(table, 5, 1000);
  assert.equal(grantedOf(table, 10, 900), 0);
  assert.equal(grantedOf(table, 10, 1000), 0);
  assert.equal(grantedOf(table, 10, 1200), 2);
});

test('sources do not share tokens', () => {
  const table = newTable();
  grantedOf(table, 5, 0);
  assert.equal(takeToken(table, 2, 0, 10, 5), 4);
  assert.equal(takeToken(table, SLOTS, 0, 10, 5), 4);
});

test('a lower burst applies at once', () => {
  const table = newTable();
  takeToken(table, 1, 0, 10, 100);
  assert.equal(grantedOf(table, 100, 0, 10, 3), 3);
});

test('a source without a slot is a broken invariant, not a free pass', () => {
  assert.throws(() => newTable().take(SLOTS + 1, 0, 10, 5), { name: 'InvariantError' });
});

test('over any span no more than burst plus rate times the span is granted, and no fewer', () => {
  const steps = fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { maxLength: 200 });
  const rates = fc.integer({ min: 1, max: 2000 });
  fc.assert(
    fc.property(steps, rates, fc.integer({ min: 1, max: 50 }), (waits, rate, burst) => {
      const table = newTable();
      let nowMs = 5000;
      let granted = grantedOf(table, burst * 2, nowMs, rate, burst);
      assert.equal(granted, burst);
      let earned = 0; // what an ideal bucket holds
      for (const wait of waits) {
        nowMs += wait;
        earned = Math.min(burst, earned + (wait * rate) / 1000);
        const passed = grantedOf(table, burst + 1, nowMs, rate, burst);
        assert.ok(Math.abs(passed - Math.floor(earned)) <= (isNearWhole(earned) ? 1 : 0));
        earned -= passed;
        granted += passed;
      }
      assert.ok(granted <= burst + ((nowMs - 5000) * rate) / 1000 + 1e-3);
    }),
    { numRuns: 200 },
  );
});

function isNearWhole(value: number): boolean {
  return Math.abs(value - Math.round(value)) < 1e-4;
}

const HAMMER = `
  const { workerData, parentPort } = require('node:worker_threads');
  import(workerData.module).then(({ openRateTable }) => {
    const table = openRateTable(workerData.memory);
    const gate = new Int32Array(workerData.gate);
    Atomics.add(gate, 0, 1);
    Atomics.notify(gate, 0);
    Atomics.wait(gate, 1, 0);
    let granted = 0;
    for (let n = 0; n < workerData.tries; n++) {
      if (table.take(3, 1000, 1, workerData.burst)) granted++;
    }
    parentPort.postMessage(granted);
  });`;

test('threads that hammer one source at one instant get exactly burst tokens together', async () => {
  const threads = 4;
  const burst = 150_000;
  const memory = new SharedArrayBuffer(rateTableBytes(SLOTS));
  const gate = new SharedArrayBuffer(8);
  const module = new URL('../../src/auth/rate-limit.ts', import.meta.url).href;
  const results = Array.from({ length: threads }, () => {
    const worker = new Worker(HAMMER, {
      eval: true,
      workerData: { module, memory, gate, burst, tries: 100_000 },
    });
    return new Promise<number>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  });
  const gateWords = new Int32Array(gate);
  for (let ready = 0; ready < threads; ready = Atomics.load(gateWords, 0)) {
    const waiting = Atomics.waitAsync(gateWords, 0, ready, 1000);
    if (waiting.async) await waiting.value;
  }
  Atomics.store(gateWords, 1, 1);
  Atomics.notify(gateWords, 1);
  const granted = await Promise.all(results);
  assert.equal(
    granted.reduce((sum, count) => sum + count, 0),
    burst,
  );
});

test('a lock left behind by a thread that died is taken over', () => {
  const memory = new SharedArrayBuffer(rateTableBytes(SLOTS));
  const table = openRateTable(memory);
  const deadThread = 999;
  new Int32Array(memory)[(1 * 64) / 4] = deadThread;
  const before = performance.now();
  assert.equal(takeToken(table, 1, 0, 10, 5), 4);
  assert.ok(performance.now() - before < 2000);
  const after = performance.now();
  assert.equal(takeToken(table, 1, 0, 10, 5), 3);
  assert.ok(performance.now() - after < 20, 'the lock is free again');
});

/** Takes one token; returns the whole tokens left, or -1 when there was none. */
function takeToken(
  table: RateTable,
  slot: number,
  nowMs: number,
  rate: number,
  burst: number,
): number {
  return table.take(slot, nowMs, rate, burst) ? table.lastRemaining() : -1;
}
