/** Durable ends between threads: what a writer publishes wakes whoever waits; nothing is missed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { allocateDurableEnds, durableEndsOf } from '../../src/base/durable-ends.ts';

const LONG_MS = 60_000;

test('each partition has its own end, up to 2^53 - 1', () => {
  const memory = allocateDurableEnds(3);
  const writer = durableEndsOf(memory);
  const reader = durableEndsOf(memory);
  writer.publish(1, 2 ** 53 - 1);
  writer.publish(2, 7);
  assert.deepEqual([0, 1, 2].map(reader.read), [0, 2 ** 53 - 1, 7]);
});

test('a publication wakes those who wait, and the mark has changed', async () => {
  const ends = durableEndsOf(allocateDurableEnds(1));
  const seen = ends.mark();
  const waiting = [ends.wait(seen, LONG_MS), ends.wait(seen, LONG_MS)];
  ends.publish(0, 5);
  for (const mark of await Promise.all(waiting)) {
    assert.notEqual(mark, seen);
    assert.equal(mark, ends.mark());
  }
});

test('a publication before the wait is not missed', async () => {
  const ends = durableEndsOf(allocateDurableEnds(1));
  const seen = ends.mark();
  ends.publish(0, 5);
  assert.notEqual(await ends.wait(seen, LONG_MS), seen);
});

test('a publication of the same position wakes too', async () => {
  const ends = durableEndsOf(allocateDurableEnds(1));
  const waiting = ends.wait(ends.mark(), LONG_MS);
  ends.publish(0, 0);
  await waiting;
});

test('without a publication a wait ends after its time, with the same mark', async () => {
  const ends = durableEndsOf(allocateDurableEnds(1));
  const seen = ends.mark();
  assert.equal(await ends.wait(seen, 1), seen);
});

test('a publication in another thread wakes this one', async () => {
  const memory = allocateDurableEnds(2);
  const module = new URL('../../src/base/durable-ends.ts', import.meta.url).href;
  const code = `
    import { workerData } from 'node:worker_threads';
    const { durableEndsOf } = await import(${JSON.stringify(module)});
    for (let position = 1; position <= 1000; position++) {
      durableEndsOf(workerData).publish(1, position);
    }`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  const worker = new Worker(url, { workerData: memory });
  const ends = durableEndsOf(memory);
  let last = 0;
  for (let mark = ends.mark(); last < 1_000;) {
    mark = await ends.wait(mark, LONG_MS);
    const position = ends.read(1);
    assert.ok(position >= last);
    last = position;
  }
  await worker.terminate();
});
