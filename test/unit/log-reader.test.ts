/** The reader: every bound, every kind of damage, and a writer and retention at work beside it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLogReader } from '../../src/log/log-reader.ts';
import { removeSegmentsBefore } from '../../src/log/segment-retention.ts';
import { listSegments } from '../../src/log/segments.ts';
import {
  append,
  FOLDER,
  openLog,
  pathOfSegment,
  readLog,
  textsOf,
  turn,
} from '../support/log-scenario.ts';
import type { ReadRecord } from '../support/log-scenario.ts';
import { createSimulatedDisk } from '../support/simulated-disk.ts';
import type { SimulatedDisk } from '../support/simulated-disk.ts';

interface WrittenLog {
  simulated: SimulatedDisk;
  records: ReadRecord[];
  end: number;
}

/** A closed log of one group for each text; a new segment begins after about `segmentBytesMax`. */
async function writtenLog(
  texts: readonly string[],
  segmentBytesMax = 1 << 20,
): Promise<WrittenLog> {
  const simulated = createSimulatedDisk();
  const { writer } = await openLog(simulated, { segmentBytesMax });
  for (const text of texts) await append(writer, text);
  await writer.close();
  const { records } = await readLog(simulated.disk);
  return { simulated, records, end: writer.durablePosition() };
}

const TEXTS = Array.from({ length: 12 }, (_, at) => `record ${at} ${'.'.repeat((at * 7) % 23)}`);

test('a reader starts at any record and reads the rest', async () => {
  const { simulated, records, end } = await writtenLog(TEXTS, 200);
  for (const [at, { position }] of records.entries()) {
    const found = await readLog(simulated.disk, { from: position });
    assert.deepEqual(found, { records: records.slice(at), damage: [], next: end });
  }
  assert.deepEqual(await readLog(simulated.disk, { from: end }), {
    records: [],
    damage: [],
    next: end,
  });
});

test('nothing that ends beyond the bound is returned, and nothing is lost by any bound', async () => {
  for (const segmentBytesMax of [1 << 20, 200]) {
    const { simulated, records, end } = await writtenLog(TEXTS, segmentBytesMax);
    for (let upTo = 0; upTo <= end; upTo++) {
      const reader = await openLogReader({ disk: simulated.disk, folder: FOLDER, from: 0 });
      const below = await reader.read(upTo, 1 << 20).then(async (first) => {
        const rest = [first];
        while ((rest.at(-1)?.records.length ?? 0) > 0) rest.push(await reader.read(upTo, 1 << 20));
        return rest.flatMap((part) => [
          ...part.records.map(({ position }) => position),
          ...part.damage.map(({ reason }) => reason),
        ]);
      });
      const expected = records.filter(({ next }) => next <= upTo).map(({ position }) => position);
      assert.deepEqual(below, expected, `up to ${upTo}`);
      const after = await reader.read(end, 1 << 20);
      assert.equal(after.records[0]?.position, records[expected.length]?.position, `from ${upTo}`);
      assert.deepEqual(after.damage, []);
      await reader.close();
    }
  }
});

test('a record larger than the block is read all the same', async () => {
  const large = 'x'.repeat(300_000);
  const { simulated } = await writtenLog(['a', large, 'b', large]);
  for (const bytesMax of [1, 24, 25, 1_000, 300_024]) {
    const { records, damage } = await readLog(simulated.disk, { bytesMax });
    assert.deepEqual([records.map(({ text }) => text.length), damage], [[1, 3e5, 1, 3e5], []]);
  }
});

test('an empty folder and an absent one are empty logs', async () => {
  const simulated = createSimulatedDisk();
  const absent = await readLog(simulated.disk, { upTo: 1_000 });
  assert.deepEqual(absent, { records: [], damage: [], next: 0 });
});

test('each byte of a log flipped in turn costs its own record and no other', async () => {
  const texts = TEXTS.slice(0, 6);
  for (const bytesMax of [1 << 20, 50]) {
    const { simulated, records, end } = await writtenLog(texts, 130);
    const segments = await listSegments(simulated.disk, FOLDER);
    assert.ok(segments.length >= 3);
    for (const [index, segment] of segments.entries()) {
      const segmentEnd = segments[index + 1]?.base ?? end;
      for (let at = segment.base; at < segmentEnd; at++) {
        simulated.flip(segment.path, at - segment.base, 0x10);
        const hit = records.find(({ position, next }) => position <= at && at < next);
        const found = await readLog(simulated.disk, { upTo: end, bytesMax });
        simulated.flip(segment.path, at - segment.base, 0x10);
        const others = records.filter((record) => record !== hit);
        assert.deepEqual(found.records, others, `byte ${at}`);
        const from = found.damage[0]?.from;
        assert.deepEqual([from, found.damage.at(-1)?.to], [hit?.position, hit?.next], `byte ${at}`);
        assert.equal(found.next, end);
      }
    }
  }
});

test('damage says what is damaged', async () => {
  const { simulated, records, end } = await writtenLog(['a', 'b', 'c', 'd']);
  const [, b, , d] = records;
  assert.ok(b && d);
  simulated.flip(pathOfSegment(0), b.position + 24);
  simulated.flip(pathOfSegment(0), d.position + 3);
  const { damage } = await readLog(simulated.disk, { upTo: end });
  assert.deepEqual(damage, [
    { from: b.position, to: b.next, reason: 'payload' },
    { from: d.position, to: d.next, reason: 'header' },
  ]);
});

test('a long stretch of damage is stepped over block by block', async () => {
  const { simulated, records, end } = await writtenLog(['a', 'x'.repeat(9_000), 'c', 'd'], 9_100);
  const long = records[1];
  assert.ok(long);
  for (let at = long.position; at < long.next; at++) simulated.flip(pathOfSegment(0), at, 0xff);
  for (const bytesMax of [30, 100, 1_000, 100_000]) {
    const found = await readLog(simulated.disk, { upTo: end, bytesMax });
    assert.deepEqual(
      found.records.map(({ text }) => text),
      ['a', 'c', 'd'],
    );
    assert.equal(found.damage[0]?.from, long.position);
    assert.equal(found.damage.at(-1)?.to, long.next);
  }
});

test('records that look like records inside a payload are not read when their record is', async () => {
  const inner = await writtenLog(['inner']);
  const image = inner.simulated.bytesOf(pathOfSegment(0)).subarray(64).toString('latin1');
  const { simulated } = await writtenLog([`${image}${image}`, 'b']);
  assert.equal((await textsOf(simulated.disk)).length, 2);
});

test('zeros, garbage and nothing in place of a segment cost that segment only', async () => {
  for (const content of ['zeros', 'garbage', 'nothing', 'removed'] as const) {
    for (const bytesMax of [1 << 20, 64]) {
      const { simulated, records, end } = await writtenLog(TEXTS, 200);
      const segments = await listSegments(simulated.disk, FOLDER);
      const [, middle, behind] = segments;
      assert.ok(middle && behind);
      if (content === 'zeros') simulated.put(middle.path, Buffer.alloc(middle.bytes));
      if (content === 'garbage') simulated.put(middle.path, Buffer.alloc(middle.bytes, 'MLR1'));
      if (content === 'nothing') simulated.put(middle.path, Buffer.alloc(0));
      if (content === 'removed') await simulated.disk.remove(middle.path);
      const found = await readLog(simulated.disk, { upTo: end, bytesMax });
      const others = records.filter(({ position: at }) => at < middle.base || at > behind.base);
      assert.deepEqual(found.records, others, content);
      assert.ok(found.damage.length > 0);
      assert.equal(found.damage.at(-1)?.to, behind.base);
      assert.equal(found.next, end);
    }
  }
});

test('a segment that was cut short below the durable end is damage, and the next is read', async () => {
  const { simulated, records, end } = await writtenLog(TEXTS, 200);
  const [first, second] = await listSegments(simulated.disk, FOLDER);
  assert.ok(first && second);
  const whole = simulated.bytesOf(first.path);
  for (let length = 0; length < whole.length; length++) {
    simulated.put(first.path, whole.subarray(0, length));
    const found = await readLog(simulated.disk, { upTo: end });
    const kept: ReadRecord[] = records.filter(
      ({ position, next }) => next <= length || position > second.base,
    );
    assert.deepEqual(found.records, kept);
    assert.equal(found.damage.at(-1)?.to, second.base);
    assert.equal(found.damage.at(-1)?.reason, 'missing');
  }
});

test('the last segment cut short below the durable end is damage too', async () => {
  const { simulated, records, end } = await writtenLog(['a', 'b', 'c']);
  const whole = simulated.bytesOf(pathOfSegment(0));
  simulated.put(pathOfSegment(0), whole.subarray(0, whole.length - 30));
  const found = await readLog(simulated.disk, { upTo: end });
  assert.deepEqual(found.records, records.slice(0, 1));
  assert.equal(found.damage.at(-1)?.to, end);
  assert.equal(found.next, end);
});

test('a reader follows a writer through segments and never sees damage', async () => {
  const simulated = createSimulatedDisk();
  const { writer } = await openLog(simulated, { segmentBytesMax: 500 });
  const reader = await openLogReader({ disk: simulated.disk, folder: FOLDER, from: 0 });
  const texts = Array.from({ length: 200 }, (_, at) => `record ${at} ${'x'.repeat(at % 60)}`);
  const found: string[] = [];
  const writing = (async () => {
    for (const [at, text] of texts.entries()) {
      const appended = append(writer, text);
      if (at % 3 === 0) await appended;
    }
    await writer.close();
  })();
  while (found.length < texts.length) {
    const { records, damage, next } = await reader.read(writer.durablePosition(), 300);
    assert.deepEqual(damage, []);
    assert.ok(next <= writer.durablePosition() + 64);
    found.push(...records.map(({ payload }) => Buffer.from(payload).toString()));
    await turn();
  }
  await writing;
  assert.deepEqual(found, texts);
  await reader.close();
});

test('a new segment is noticed although an old one has gone at the same time', async () => {
  const simulated = createSimulatedDisk();
  const { writer } = await openLog(simulated, { segmentBytesMax: 100 });
  await append(writer, 'a'.repeat(100));
  await append(writer, 'b'.repeat(100));
  const reader = await openLogReader({ disk: simulated.disk, folder: FOLDER, from: 0 });
  const texts: string[] = [];
  const readSome = async (): Promise<void> => {
    const { records, damage } = await reader.read(writer.durablePosition(), 1_000);
    assert.deepEqual(damage, []);
    texts.push(...records.map(({ payload }) => String.fromCharCode(payload[0] ?? 0)));
  };
  await readSome();
  await readSome();
  const position = writer.durablePosition();
  await removeSegmentsBefore({ disk: simulated.disk, folder: FOLDER, position });
  await append(writer, 'c'.repeat(100));
  await readSome();
  assert.deepEqual(texts, ['a', 'b', 'c']);
});

test('a reader that starts below the first segment starts with it', async () => {
  const { simulated, records } = await writtenLog(TEXTS, 200);
  const removed = await removeSegmentsBefore({
    disk: simulated.disk,
    folder: FOLDER,
    position: 600,
  });
  assert.ok(removed.length > 0);
  const [first] = await listSegments(simulated.disk, FOLDER);
  const kept = records.filter(({ position }) => position >= (first?.base ?? 0));
  const found = await readLog(simulated.disk);
  assert.deepEqual([found.records, found.damage], [kept, []]);
});

test('retention removes whole segments below a position, and never the last', async () => {
  const { simulated, end } = await writtenLog(TEXTS, 200);
  const bases = (await listSegments(simulated.disk, FOLDER)).map(({ base }) => base);
  const last = bases.at(-1) ?? 0;
  for (let position = 0; position <= end + 1_000; position += position < end ? 1 : 500) {
    const removed = await removeSegmentsBefore({ disk: simulated.disk, folder: FOLDER, position });
    const left = (await listSegments(simulated.disk, FOLDER)).map(({ base }) => base);
    const expected = bases.filter((_, at) => (bases[at + 1] ?? Infinity) > position);
    assert.deepEqual(left, expected, `before ${position}`);
    assert.ok(removed.every(({ base }) => base < position && !left.includes(base)));
  }
  assert.deepEqual(
    (await listSegments(simulated.disk, FOLDER)).map(({ base }) => base),
    [last],
  );
});

test('a power cut during retention leaves no hole between segments', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const simulated = createSimulatedDisk(seed);
    const { writer } = await openLog(simulated, { segmentBytesMax: 70 });
    for (const text of TEXTS) await append(writer, text);
    const end = writer.durablePosition();
    let removed = 0;
    simulated.onOperation = ({ kind }) => {
      if (kind === 'remove' || kind === 'syncFolder') removed++;
      if (removed === 1 + (seed % 12)) simulated.powerCut();
      return undefined;
    };
    void removeSegmentsBefore({ disk: simulated.disk, folder: FOLDER, position: end });
    for (let turns = 0; turns < 40; turns++) await turn();
    simulated.onOperation = () => undefined;
    const { records, damage } = await readLog(simulated.disk, { upTo: end });
    assert.deepEqual(damage, []);
    assert.deepEqual(
      records.map(({ text }) => text),
      TEXTS.slice(TEXTS.length - records.length),
    );
  }
});
