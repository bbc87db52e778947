import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { createDedupIndex } from '../../src/dispatch/dedup-index.ts';
import { createDispatcher, HOUR_MS } from '../../src/dispatch/dispatcher.ts';
import type { Dispatcher, JudgedRecord } from '../../src/dispatch/dispatcher.ts';
import { emptyMarks, putValueMark } from '../../src/events/event-marks.ts';
import { FINGERPRINT_BYTES, writeTextFingerprint } from '../../src/events/fingerprint.ts';
import { openLedger } from '../../src/dispatch/ledger.ts';

const START_MS = Date.parse('2026-06-01T12:00:00Z');
const WINDOW = { windowHours: 24, keysMax: 100_000 };

function fingerprint(source: number, id: string): Buffer {
  const bytes = Buffer.alloc(FINGERPRINT_BYTES);
  writeTextFingerprint(bytes, 0, source, id);
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

  test('full within one hour: a sixteenth goes, the oldest, and the newest are never forgotten', () => {
    const index = createDedupIndex({ windowHours: 24, keysMax: 1_600 });
    for (let n = 0; n < 5_000; n++) {
      assert.equal(index.seenOrAdd(fingerprint(1, `m${n}`), 0, 490_000), false, `m${n}`);
      assert.equal(index.seenOrAdd(fingerprint(1, `m${n}`), 0, 490_000), true, `m${n} again`);
      const kept = Math.min(n + 1, 1_600);
      assert.ok(index.size() <= 1_600 && index.size() >= kept - 100, `${index.size()} of ${kept}`);
    }
    assert.equal(index.evicted(), 5_000 - index.size());
    for (let n = 3_500; n < 5_000; n++) {
      assert.equal(index.seenOrAdd(fingerprint(1, `m${n}`), 0, 490_000), true, `m${n} is kept`);
    }
    assert.equal(index.seenOrAdd(fingerprint(1, 'm0'), 0, 490_000), false, 'the oldest is not');
  });

  test('a clock that jumps years ahead and back takes nothing away', () => {
    const index = createDedupIndex({ windowHours: 24, keysMax: 100_000 });
    for (let n = 0; n < 500; n++) index.seenOrAdd(fingerprint(1, `m${n}`), 0, 490_000);
    index.seenOrAdd(fingerprint(1, 'future'), 0, 590_000);
    for (let n = 0; n < 500; n++) {
      assert.equal(index.seenOrAdd(fingerprint(1, `m${n}`), 0, 490_001), true, `m${n}`);
    }
  });

  test('a key that is new again after its window is counted once', () => {
    const index = createDedupIndex({ windowHours: 24, keysMax: 100 });
    for (let round = 0; round < 4; round++) {
      const hour = 490_000 + round * 25;
      for (let n = 0; n < 100; n++) index.seenOrAdd(fingerprint(1, `m${n}`), 0, hour);
      assert.equal(index.size(), 100, `round ${round}`);
    }
    assert.equal(index.evicted(), 0);
    index.seenOrAdd(fingerprint(1, 'one more'), 0, 490_075);
    assert.ok(index.size() > 90, `${index.size()}: generations that are empty take nobody along`);
  });

  test('what was forgotten stays so when the names of generations begin anew', () => {
    // One key a generation, so that the names are used up soon.
    const index = createDedupIndex({ windowHours: 24, keysMax: 16 });
    const last = 0xffff + 16;
    for (let n = 0; n < last; n++) index.seenOrAdd(fingerprint(1, `m${n}`), 0, 490_000);
    assert.equal(index.seenOrAdd(fingerprint(1, `m${last - 1}`), 0, 490_000), true);
    // The generation of this one has the name that its own had.
    assert.equal(index.seenOrAdd(fingerprint(1, 'm8'), 0, 490_000), false);
  });

  test('room that is made beforehand changes nothing but the speed', () => {
    const index = createDedupIndex({ windowHours: 24, keysMax: 100_000 });
    for (let n = 0; n < 1_000; n++) index.seenOrAdd(fingerprint(1, `m${n}`), 0, 490_000);
    index.reserve(50_000);
    assert.equal(index.size(), 1_000);
    for (let n = 0; n < 1_000; n++) {
      assert.equal(index.seenOrAdd(fingerprint(1, `m${n}`), 0, 490_000), true);
    }
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
  interface Given extends JudgedRecord {
    ids: string[];
  }
  const record = (ids: string[], { source = 1, atMs = START_MS } = {}): Given => {
    const start = position;
    position += 100;
    const marks = Buffer.from(emptyMarks(ids.length));
    ids.forEach((messageId, at) => putValueMark(marks, at, { messageId }, 'track', source));
    return {
      ids,
      partition: 'us-0',
      position: start,
      next: position,
      sourceNumber: source,
      receivedAtMs: atMs,
      marks,
    };
  };
  const open = (path: string, from = new Map<string, number>()) => {
    const ledger = openLedger(path);
    return { ledger, dispatcher: createDispatcher(ledger, { ...WINDOW, from, isReadOnly: false }) };
  };
  const kept = (dispatcher: Dispatcher, given: Given) => {
    const duplicates = dispatcher.judge(given);
    return given.ids.filter((_, at) => !duplicates.has(at));
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

  test('a clock that jumps ahead and back takes nothing away, also over a restart', () => {
    const path = newPath();
    const first = open(path);
    const judge = (id: string, atMs: number): void => {
      kept(first.dispatcher, record([id], { atMs }));
      first.dispatcher.seal();
    };
    for (let n = 0; n < 60; n++) judge(`jump-${n}`, START_MS);
    for (let n = 0; n < 60; n++) judge(`ahead-${n}`, START_MS + 50_000 * HOUR_MS);
    for (let n = 0; n < 60; n++) judge(`back-${n}`, START_MS + HOUR_MS);
    first.ledger.close();
    const second = open(path);
    for (const name of ['jump', 'ahead', 'back']) {
      const ids = Array.from({ length: 60 }, (_, n) => `${name}-${n}`);
      const again = record(ids, { atMs: START_MS + HOUR_MS });
      assert.deepEqual(kept(second.dispatcher, again), [], name);
    }
    second.ledger.close();
  });

  test('what no clock can need any more goes from the file, some of it with each step', () => {
    const path = newPath();
    const { dispatcher, ledger } = open(path);
    for (let hour = 0; hour < 60; hour++) {
      kept(dispatcher, record([`h${hour}`], { atMs: START_MS + hour * HOUR_MS }));
      dispatcher.seal();
    }
    const held = createDedupIndex(WINDOW);
    ledger.loadFingerprints(held);
    assert.equal(held.size(), WINDOW.windowHours + 3);
    ledger.close();
  });

  test('a window of more than is loaded at once is loaded whole, each key once', () => {
    const path = newPath();
    const ledger = openLedger(path);
    const BLOCK = 500_000;
    const HOURS = [490_000, 490_000, 490_000, 490_001, 490_001];
    HOURS.forEach((hour, at) => {
      const entries = randomBytes(BLOCK * FINGERPRINT_BYTES);
      fingerprint(1, `of block ${at}`).copy(entries, entries.length - FINGERPRINT_BYTES);
      const step = { cursors: new Map([['p', at + 1]]), duplicates: [], windowHours: 24 };
      ledger.commit({ ...step, fingerprints: new Map([[hour, entries]]) });
    });
    const index = createDedupIndex({ windowHours: 24, keysMax: 10_000_000 });
    ledger.loadFingerprints(index);
    assert.equal(index.size(), HOURS.length * BLOCK);
    HOURS.forEach((hour, at) => {
      const own = fingerprint(1, `of block ${at}`);
      assert.equal(index.seenOrAdd(own, 0, hour + 24), true, `${at} within its window`);
      assert.equal(index.seenOrAdd(own, 0, hour + 25), false, `${at} after its window`);
    });
    ledger.close();
  });

  test('every fingerprint of the window survives a restart', () => {
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
