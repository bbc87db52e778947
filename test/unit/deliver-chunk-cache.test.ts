/** What destinations share of what they read of the log: how much is kept, and for how long. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createChunkCache, readThrough } from '../../src/deliver/feed/chunk-cache.ts';
import type { ChunkCache, Sized } from '../../src/deliver/feed/chunk-cache.ts';

const CHUNK = { bytes: 10 };

/** How many chunks of the keys are read anew. */
async function readAll(cache: ChunkCache<Sized>, keys: readonly string[]): Promise<number> {
  let reads = 0;
  for (const key of keys) {
    await readThrough(cache, key, () => {
      reads++;
      return Promise.resolve(CHUNK);
    });
  }
  return reads;
}

test('a chunk is read once, and the oldest goes when there is too much', async () => {
  const cache = createChunkCache<Sized>(30);
  assert.equal(await readAll(cache, ['a', 'b', 'c', 'a', 'b', 'c']), 3);
  assert.equal(await readAll(cache, ['d', 'b', 'c', 'd']), 1);
  assert.equal(await readAll(cache, ['a']), 1);
});

test('what could not be read, or was not there yet, is asked for again', async () => {
  const cache = createChunkCache<Sized>(30);
  assert.equal(await readThrough(cache, 'a', () => Promise.resolve(null)), null);
  await assert.rejects(readThrough(cache, 'a', () => Promise.reject(new Error('no disk'))));
  assert.equal(await readAll(cache, ['a', 'a']), 1);
});

test('a chunk that went while it was being read takes no room for ever', async () => {
  const cache = createChunkCache<Sized>(30);
  const slow = Promise.withResolvers<Sized>();
  const reading = readThrough(cache, 'slow', () => slow.promise);
  // More than there is room for: the oldest goes, and that is the slow one.
  await readAll(cache, ['a', 'b', 'c', 'd']);
  slow.resolve(CHUNK);
  assert.equal(await reading, CHUNK);
  assert.equal(await readAll(cache, ['x', 'y', 'z']), 3);
  assert.equal(await readAll(cache, ['x', 'y', 'z']), 0, 'three have room');
});
