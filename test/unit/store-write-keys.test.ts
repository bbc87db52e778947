import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { createSource, ensureInternalSource } from '../../src/store/sources/sources.ts';
import { closeStore, openStore } from '../../src/store/store.ts';
import type { Store } from '../../src/store/store.ts';
import {
  createKey,
  createKeyOf,
  disableKey,
  disableUnusedKeys,
  getKey,
  listKeys,
  rotateKey,
  touchKeys,
  writeKeyDigest,
} from '../../src/store/sources/write-keys.ts';
import { forEachEngine } from '../support/store-engines.ts';

const NOW_MS = 1_800_000_000_000;
forEachEngine((engine) => {
  let store: Store;

  beforeEach(() => {
    store = openStore(engine.place, { clock: { ...systemClock, wallMs: () => NOW_MS } });
    createSource(store, { name: 'Shop', region: 'us' });
  });

  afterEach(() => {
    closeStore(store);
  });

  test('a key is 32 letters and digits, different each time', () => {
    const keys = Array.from({ length: 50 }, () => createKey(store, 'shop').key);
    for (const key of keys) assert.match(key, /^[A-Za-z0-9]{32}$/);
    assert.equal(new Set(keys).size, 50);
    assert.ok(new Set(keys.join('')).size > 55, 'the whole alphabet is used');
  });

  test('the key itself is in no file', () => {
    const { key, digest, hint } = createKey(store, 'shop');
    assert.equal(digest, writeKeyDigest(key));
    assert.equal(hint, `${key.slice(0, 4)}…${key.slice(-2)}`);
    for (const name of readdirSync(engine.folder)) {
      assert.ok(
        !readFileSync(join(engine.folder, name)).includes(key),
        `${name} does not hold the key`,
      );
    }
    const row = store.database.prepare('select * from write_keys').get();
    assert.ok(!JSON.stringify([row, listKeys(store)]).includes(key));
  });

  test("keys of Millrace's own source are nobody's; those that are not used end", () => {
    const own = { name: 'Canary', slug: 'millrace-canary', region: 'us' };
    const { number } = ensureInternalSource(store, own);
    const { key, ...made } = createKeyOf(store, number);
    for (const name of [key, made.id, String(made.number)]) {
      assert.throws(() => getKey(store, name), { code: 'NOT_FOUND' });
      assert.throws(() => disableKey(store, name), { code: 'NOT_FOUND' });
      assert.throws(() => rotateKey(store, name, 0), { code: 'NOT_FOUND' });
    }
    const used = createKeyOf(store, number);
    const shop = createKey(store, 'shop');
    touchKeys(store, [[used.number, NOW_MS + 10]]);
    const states = () => listKeys(store).map((one) => `${one.number} ${one.state}`);
    disableUnusedKeys(store, number, NOW_MS);
    assert.equal(states().filter((text) => text.endsWith('active')).length, 3);
    disableUnusedKeys(store, number, NOW_MS + 10);
    const expected = [`${made.number} disabled`, `${used.number} active`, `${shop.number} active`];
    assert.deepEqual(states(), expected);
  });

  test('a key is found by itself, its id and its number', () => {
    const { key, ...stored } = createKey(store, 'shop');
    for (const name of [key, stored.id, String(stored.number)]) {
      assert.deepEqual(getKey(store, name), stored);
    }
  });

  test('an unknown key is not repeated in the error', () => {
    assert.throws(
      () => disableKey(store, 'mistyped-secret'),
      (error: Error) => {
        assert.equal((error as Error & { code: string }).code, 'NOT_FOUND');
        return !error.message.includes('mistyped');
      },
    );
  });

  test('rotation makes a new key and ends the old one after the overlap', () => {
    const { key, number } = createKey(store, 'shop');
    const { created, old } = rotateKey(store, key, 60_000);
    assert.notEqual(created.key, key);
    assert.equal(created.expiresAtMs, null);
    assert.equal(created.sourceSlug, 'shop');
    assert.equal(old.number, number);
    assert.equal(old.state, 'active');
    assert.equal(old.expiresAtMs, NOW_MS + 60_000);
    assert.equal(listKeys(store, 'shop').length, 2);
  });

  test('a key that is disabled or rotated already cannot be rotated', () => {
    const first = createKey(store, 'shop');
    rotateKey(store, first.id, 0);
    assert.throws(() => rotateKey(store, first.id, 0), { code: 'CONFLICT' });
    const second = createKey(store, 'shop');
    disableKey(store, second.id);
    assert.throws(() => rotateKey(store, second.id, 0), { code: 'CONFLICT' });
    assert.equal(listKeys(store).length, 3);
  });

  test('an overlap that is no whole number of milliseconds is refused', () => {
    const { id } = createKey(store, 'shop');
    for (const overlapMs of [-1, 1.5, Number.NaN, 1e15]) {
      assert.throws(() => rotateKey(store, id, overlapMs), { code: 'INVALID_ARGUMENT' });
    }
  });

  test('disabling is final and may be repeated', () => {
    const { id } = createKey(store, 'shop');
    assert.equal(disableKey(store, id).state, 'disabled');
    assert.equal(disableKey(store, id).disabledBy, 'person');
  });

  test('the last use never goes back, and unknown keys do not matter', () => {
    const { number, id } = createKey(store, 'shop');
    touchKeys(store, [
      [number, 500],
      [999, 500],
    ]);
    touchKeys(store, [[number, 400]]);
    assert.equal(getKey(store, id).lastUsedAtMs, 500);
    touchKeys(store, [[number, 600]]);
    assert.equal(getKey(store, id).lastUsedAtMs, 600);
  });

  test('a key needs a source that exists', () => {
    assert.throws(() => createKey(store, 'absent'), { code: 'NOT_FOUND' });
  });
});
