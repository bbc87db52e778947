import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertionMemoryBytes, openAssertionMemory } from '../../src/auth/assertion-memory.ts';

const NOW = 1_900_000_000;
const LIFE = 60;

function open() {
  const memory = new SharedArrayBuffer(assertionMemoryBytes());
  return { memory, own: openAssertionMemory(memory), other: openAssertionMemory(memory) };
}

test('an assertion is used once, whichever thread is asked', () => {
  const { own, other } = open();
  assert.equal(own.use('app', 'j1', NOW + LIFE, NOW), true);
  assert.equal(own.use('app', 'j1', NOW + LIFE, NOW), false);
  assert.equal(other.use('app', 'j1', NOW + LIFE, NOW + LIFE - 1), false);
  assert.equal(other.use('app', 'j2', NOW + LIFE, NOW), true);
  assert.equal(other.use('another', 'j1', NOW + LIFE, NOW), true, 'of another client');
});

test('many at once are all told apart', () => {
  const { own, other } = open();
  for (let n = 0; n < 2_000; n++) {
    assert.equal(own.use('app', `j${n}`, NOW + LIFE, NOW), true, String(n));
  }
  for (let n = 0; n < 2_000; n++) {
    assert.equal(other.use('app', `j${n}`, NOW + LIFE, NOW), false, String(n));
  }
});

test('when there is no room it refuses, and there is room when they have ended', () => {
  const { own } = open();
  const fits = (from: number, now: number): number =>
    Array.from({ length: 40_000 }, (_, n) =>
      own.use('app', `j${from + n}`, now + LIFE, now),
    ).filter(Boolean).length;
  const first = fits(0, NOW);
  assert.ok(first > 10_000 && first < 40_000, `${first}`);
  assert.ok(fits(100_000, NOW + LIFE) > 10_000);
});
