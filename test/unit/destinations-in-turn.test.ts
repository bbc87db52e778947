/** Batches of one stream wait for each other, whatever other streams do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inTurn } from '../../src/destinations/in-turn.ts';
import type { Turns } from '../../src/destinations/in-turn.ts';

test('work of a key waits for what came before, however many other keys come by', async () => {
  const turns: Turns<string | null> = new Map();
  const begun: string[] = [];
  const first = Promise.withResolvers<void>();
  const work = (name: string, until: Promise<void>) => (): Promise<string> => {
    begun.push(name);
    return until.then(() => name);
  };
  const live = [inTurn(turns, null, work('live 1', first.promise))];
  for (let n = 0; n < 100; n++) await inTurn(turns, `replay ${n}`, work('', Promise.resolve()));
  live.push(inTurn(turns, null, work('live 2', Promise.resolve())));
  await new Promise(setImmediate);
  assert.deepEqual(
    begun.filter((name) => name !== ''),
    ['live 1'],
  );
  first.resolve();
  assert.deepEqual(await Promise.all(live), ['live 1', 'live 2']);
});

test('work that fails is an end too, and nothing is kept of keys without work', async () => {
  const turns: Turns<number> = new Map();
  const failed = inTurn(turns, 1, () => Promise.reject(new Error('no service')));
  const next = inTurn(turns, 1, () => Promise.resolve('done'));
  await assert.rejects(failed, /no service/);
  assert.equal(await next, 'done');
  await new Promise(setImmediate);
  assert.equal(turns.size, 0);
});
