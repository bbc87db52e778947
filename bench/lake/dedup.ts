/** (c): the index of duplicates: how long one event may wait for it, and how it is loaded. */
import { randomFillSync } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createDedupIndex } from '../../src/dispatch/dedup-index.ts';
import { shown } from '../support/run-parts.ts';
import type { LakePart } from './part.ts';

const FINGERPRINT_BYTES = 12;
const KEYS_AT_ONCE = 100_000;
const HOURS = 24;
const MIB = 2 ** 20;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

export const dedup: LakePart = async ({ dedupKeys }) => {
  const options = { windowHours: HOURS, keysMax: 2 * dedupKeys };
  const blocks = Math.ceil(dedupKeys / KEYS_AT_ONCE);
  const block = Buffer.allocUnsafe(KEYS_AT_ONCE * FINGERPRINT_BYTES);
  // What earlier parts left would be counted as given back.
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  const grown = createDedupIndex(options);
  let stallMs = 0;
  for (let n = 0; n < blocks; n++) {
    randomFillSync(block);
    const hour = 1 + Math.floor((n * HOURS) / blocks);
    for (let at = 0; at < block.length; at += FINGERPRINT_BYTES) {
      const startMs = performance.now();
      grown.seenOrAdd(block, at, hour);
      stallMs = Math.max(stallMs, performance.now() - startMs);
    }
  }
  const bytes = (process.memoryUsage().arrayBuffers - before) / grown.size();
  const loaded = createDedupIndex(options);
  let loadMs = 0;
  loaded.reserve(dedupKeys);
  for (let n = 0; n < blocks; n++) {
    randomFillSync(block);
    const startMs = performance.now();
    loaded.load(block, 1 + Math.floor((n * HOURS) / blocks));
    loadMs += performance.now() - startMs;
  }
  const keys = dedupKeys.toLocaleString('en');
  return [
    {
      figure: `longest wait of a key while ${keys} come`,
      value: shown(stallMs, ' ms'),
      aim: '≤ 50 ms',
    },
    { figure: `seconds to load ${keys} keys`, value: shown(loadMs / 1000), aim: '≤ 3' },
    { figure: 'bytes of a key in memory', value: shown(bytes) },
    { figure: '  in all', value: shown((bytes * dedupKeys) / MIB, ' MiB') },
  ];
};
