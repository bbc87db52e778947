import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import {
  createDedupIndex,
  FINGERPRINT_BYTES,
  writeFingerprint,
} from '../../src/dispatch/dedup-index.ts';
import { createDispatcher, HOUR_MS } from '../../src/dispatch/dispatcher.ts';
import type { Dispatcher, JudgedRecord } from '../../src/dispatch/dispatcher.ts';
import { openLedger } from '../../src/dispatch/ledger.ts';

const START_MS = Date.parse('2026-06-01T12:00:00Z');
const WINDOW = { windowHours: 24, keysMax: 100_000 };

function fingerprint(source: number, id: string): Buffer {
  const bytes = Buffer.alloc(FINGERPRINT_BYTES);
  writeFingerprint(bytes, 0, source, id);
  return bytes;
}

describe('index', () => {
  test('agrees with a plain map, for any ids and hours', () => {
    const step = fc.record({ id: fc.integer({ min: 0, max: 40 }), advance: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const index = createDedupIndex({ windowHours: 5, keysMax: 10_000 });
        const model = new Map<number, number>();
        let hour = 490_000;
        for (const { id, advance } of steps) {
          hour += advance;
          const known = model.get(id);
          const isSeen = known !== undefined && hour - known <= 5;
          assert.equal(index.seenOrAdd(fingerprint(1, String(id)), 0, hour), isSeen);
          if (!isSeen) model.set(id, hour);
        }
      }),
    );
  });

  test('grows beyond its first size and forgets nothing inside the window', () => {
    const index = createDedupIndex({ windowHours: 24, keysMax: 1_000_000 });
    for (let n = 0; n < 30_000; n++) {
      assert.equal(index.seenOrAdd(fingerprint(1, `m${n}`), 0, 490_000 + (n % 20)), false);
    }
    for (let n = 0; n < 30_000; n++) {
      assert.equal(index.seenOrAdd(fingerprint(1, `m${n}`), 0, 490_020), true);
    }
  });

  test('full: the oldest hours go first, and are counted', () => {
    const index = createDedupIndex({ windowHours: 24, keysMax: 1_000 });
    for (let n = 0; n < 1_500; n++) {
      index.seenOrAdd(fingerprint(1, `m${n}`), 0, 490_000 + Math.floor(n / 100));
    }
    assert.ok(index.evicted() > 0);
    assert.equal(index.seenOrAdd(fingerprint(1, 'm1499'), 0, 490_014), true);
    assert.equal(index.seenOrAdd(fingerprint(1, 'm0'), 0, 490_014), false);
  });
});

describe('dispatcher', () => {
  let folder = '';
  let files = 0;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-dispatch-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  let position = 0;
  const record = (ids: string[], { source = 1, atMs = START_MS } = {}): JudgedRecord => {
    const start = position;
    position += 100;
    return {
      partition: 'us-0',
      position: start,
      next: position,
      sourceNumber: source,
      receivedAtMs: atMs,
      messageIds: ids,
    };
  };
  const open = (path: string, from = new Map<string, number>()) => {
    const ledger = openLedger(path);
    return { ledger, dispatcher: createDispatcher(ledger, { ...WINDOW, from, isReadOnly: false }) };
  };
  const kept = (dispatcher: Dispatcher, given: JudgedRecord) => {
    const duplicates = dispatcher.judge(given);
    return given.messageIds.filter((_, at) => !duplicates.has(at));
  };
  const newPath = () => join(folder, `${files++}.db`);

  test('the first copy wins: inside a batch, over batches, not over sources', () => {
    const { dispatcher } = open(newPath());
    assert.deepEqual(kept(dispatcher, record(['a', 'b', 'a'])), ['a', 'b']);
    assert.deepEqual(kept(dispatcher, record(['b', 'c'])), ['c']);
    assert.deepEqual(kept(dispatcher, record(['a'], { source: 2 })), ['a']);
  });

  test('the window counts by receipt, not by the clock', () => {
    const { dispatcher } = open(newPath());
    kept(dispatcher, record(['w']));
    assert.deepEqual(kept(dispatcher, record(['w'], { atMs: START_MS + 24 * HOUR_MS })), []);
    assert.deepEqual(kept(dispatcher, record(['w'], { atMs: START_MS + 26 * HOUR_MS })), ['w']);
  });

  test('verdicts survive a restart, and are the same when records are read again', () => {
    const path = newPath();
    const first = open(path);
    const records = [record(['x', 'y']), record(['y', 'z']), record(['x'])];
    const verdicts = records.map((given) => kept(first.dispatcher, given));
    first.dispatcher.seal();
    first.ledger.close();
    const second = open(path);
    assert.deepEqual(
      records.map((given) => kept(second.dispatcher, given)),
      verdicts,
      'what is judged is looked up',
    );
    assert.deepEqual(kept(second.dispatcher, record(['z', 'new'])), ['new']);
    second.ledger.close();
  });

  test('what was not sealed before a crash is judged again, with the same result', () => {
    const path = newPath();
    const first = open(path);
    const sealed = record(['k']);
    const lost = record(['k', 'l']);
    kept(first.dispatcher, sealed);
    first.dispatcher.seal();
    assert.deepEqual(kept(first.dispatcher, lost), ['l']);
    first.ledger.close();
    const second = open(path);
    assert.deepEqual(kept(second.dispatcher, lost), ['l']);
    second.ledger.close();
  });

  test('packing the past keeps every fingerprint', () => {
    const path = newPath();
    const first = open(path);
    for (let n = 0; n < 40; n++) {
      kept(first.dispatcher, record([`p${n}`], { atMs: START_MS + (n % 2) * HOUR_MS }));
      first.dispatcher.seal();
    }
    kept(first.dispatcher, record(['later'], { atMs: START_MS + 5 * HOUR_MS }));
    first.dispatcher.seal();
    first.ledger.close();
    const second = open(path);
    for (let n = 0; n < 40; n++) {
      const again = record([`p${n}`], { atMs: START_MS + 5 * HOUR_MS });
      assert.deepEqual(kept(second.dispatcher, again), [], `p${n}`);
    }
    second.ledger.close();
  });
});
