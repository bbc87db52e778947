/** Pieces that the streams are built of. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { createBreaker } from '../../src/deliver/streams/breaker.ts';
import { createRateCap } from '../../src/deliver/streams/rate-cap.ts';
import { openDeliveryState } from '../../src/deliver/state/delivery-state.ts';
import { decodePlaces, encodePlaces } from '../../src/deliver/state/places.ts';
import { LIVE_STREAM } from '../../src/deliver/state/delivery-rows.ts';
import type { StreamStep, WaitingEvent } from '../../src/deliver/state/delivery-rows.ts';
import { createWaitingList } from '../../src/deliver/streams/waiting-list.ts';
import { createSealer } from '../../src/store/sealing/sealing.ts';
import { systemRandom } from '../../src/base/random.ts';
import { seededRandom } from '../support/delivery-scenario.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

test('places of an attempt survive their encoding', () => {
  const place = fc.record({
    position: fc.integer({ min: 0, max: 2 ** 52 }),
    index: fc.integer({ min: 0, max: 1_000_000 }),
  });
  fc.assert(
    fc.property(fc.array(place, { minLength: 1 }), (given) => {
      const places = given.map(({ position, index }) => ({ position, index }));
      const first = Math.min(...places.map(({ position }) => position));
      assert.deepEqual(decodePlaces(encodePlaces(places, first), first), places);
    }),
  );
});

test('a sealed value opens with its key and in its place only, and a changed one not at all', () => {
  const key = systemRandom.bytes(32);
  const sealer = createSealer(key, systemRandom);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      assert.equal(sealer.open(sealer.seal(text, 'row/1'), 'row/1'), text);
    }),
  );
  const sealed = sealer.seal('secret', 'row/1');
  assert.throws(() => sealer.open(sealed, 'row/2'), { code: 'SECRETS_SEALED' });
  const other = createSealer(systemRandom.bytes(32), systemRandom);
  assert.throws(() => other.open(sealed, 'row/1'), { code: 'SECRETS_SEALED' });
  for (let at = 0; at < sealed.length; at++) {
    const changed = Uint8Array.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.throws(() => sealer.open(changed, 'row/1'), { code: 'SECRETS_SEALED' }, `byte ${at}`);
  }
  assert.ok(!Buffer.from(sealed).includes('secret'));
});

test('a breaker opens after failures in a row, probes one at a time, and closes', () => {
  const clock = createVirtualClock();
  let nowMs = 0;
  const moved = { ...clock, monotonicMs: () => nowMs };
  const settings = { breakerFailures: 3, retryDelayMsMin: 1_000, breakerDelayMsMax: 60_000 };
  const breaker = createBreaker(settings, moved, seededRandom(1));
  for (let n = 0; n < 3; n++) {
    assert.equal(breaker.state(), 'closed');
    breaker.fail();
  }
  assert.equal(breaker.state(), 'open');
  assert.equal(breaker.mayCall(), false);
  nowMs = breaker.heldUntilMs();
  assert.equal(breaker.mayCall(), true);
  breaker.begin();
  assert.equal(breaker.mayCall(), false, 'one probe at a time');
  breaker.fail();
  const again = breaker.heldUntilMs();
  assert.ok(again > nowMs);
  nowMs = again;
  breaker.begin();
  assert.equal(breaker.succeed(), nowMs, 'open since the third failure');
  assert.equal(breaker.state(), 'closed');
  breaker.fail(90_000);
  assert.equal(breaker.mayCall(), false, 'the service asked to wait');
  for (let n = 0; n < 100; n++) breaker.fail();
  assert.ok(breaker.heldUntilMs() - nowMs <= 90_000, 'pauses are bounded');
});

test('a rate cap gives a second at once, and then its rate', () => {
  let nowMs = 0;
  const clock = { ...createVirtualClock(), monotonicMs: () => nowMs };
  const cap = createRateCap(10, clock);
  assert.equal(cap.take(100), 10);
  assert.equal(cap.take(1), 0);
  assert.equal(cap.waitMs(), 100);
  nowMs += 500;
  assert.equal(cap.take(100), 5);
  nowMs += 3_600_000;
  assert.equal(cap.take(100), 10, 'an hour of silence is no burst');
  assert.equal(createRateCap(null, clock).take(1_000), 1_000);
});

test('lines of waiting events: the first of a user, then those behind it', () => {
  const row = (id: number, orderKey: string, nextMs: number, attempts: number): WaitingEvent => ({
    id,
    orderKey,
    nextMs,
    attempts,
    partition: 'p',
    position: id,
    index: 0,
    hour: 0,
    sourceNumber: 1,
    messageId: `m${id}`,
    firstFailedMs: null,
    failure: null,
    progress: null,
    body: null,
  });
  const [a1, a2, a3, b1] = [
    row(1, 'a', 10, 1),
    row(2, 'a', 0, 0),
    row(3, 'a', 0, 2),
    row(4, 'b', 50, 1),
  ];
  const list = createWaitingList([a1, a2, a3, b1]);
  assert.deepEqual(list.takeDue(5, 10), [], 'the first is not due, so nobody behind it goes');
  assert.deepEqual(list.takeDue(10, 10), [a1, a2], 'one that failed itself waits its own time');
  assert.deepEqual(list.takeDue(10, 10), [], 'they are on their way');
  list.settle(a1);
  a2.nextMs = 100;
  list.putBack(a2);
  assert.deepEqual(list.takeDue(60, 10), [b1]);
  assert.equal(list.nextDueMs(), 100);
  list.settle(b1);
  assert.equal(list.has('b'), false);
  list.hurry(70);
  assert.deepEqual(list.takeDue(70, 10), [a2]);
  assert.equal(list.size(), 2);
});

test('a step is committed whole, and found again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-state-'));
  const path = join(folder, 'state.db');
  const place = { partition: 'p', position: 500, index: 1, sourceNumber: 3, hour: 7 };
  const waiting: WaitingEvent = {
    ...place,
    id: 0,
    messageId: 'm',
    orderKey: 'k',
    attempts: 1,
    firstFailedMs: 5,
    nextMs: 9,
    failure: { reason: 'TIMEOUT', message: 'late', status: null, response: null },
    progress: 'half',
    body: null,
  };
  const step: StreamStep = {
    cursors: new Map([['p', 900]]),
    counts: [{ outcome: 'delivered', reason: '', sourceNumber: 3, hour: 7, count: 2 }],
    waiting: [waiting],
    resolved: [],
    rescheduled: [],
    dead: [],
    attempts: [],
    endsIntent: false,
  };
  try {
    const state = openDeliveryState(path);
    state.addCursors(LIVE_STREAM, new Map([['p', { start: 0, position: 0, end: null }]]));
    state.setIntent(LIVE_STREAM, { token: 't', ranges: [{ partition: 'p', from: 0, to: 900 }] });
    state.commit(LIVE_STREAM, step);
    assert.ok(waiting.id > 0, 'a committed row has its id');
    state.commit(LIVE_STREAM, { ...step, waiting: [], endsIntent: true });
    state.close();
    const again = openDeliveryState(path);
    assert.deepEqual(again.waiting(LIVE_STREAM), [waiting]);
    assert.deepEqual(again.cursors(LIVE_STREAM).get('p'), { start: 0, position: 900, end: null });
    assert.equal(again.counts(LIVE_STREAM)[0]?.count, 4);
    assert.equal(again.intent(LIVE_STREAM), null);
    assert.deepEqual([...again.holds()], [['p', 500]], 'the log is kept for what waits');
    const broken = { ...step, waiting: [{ ...waiting, id: 0 }] };
    assert.throws(() => again.commit(LIVE_STREAM, broken), /UNIQUE/);
    assert.equal(again.counts(LIVE_STREAM)[0]?.count, 4, 'a step that fails changes nothing');
    again.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
