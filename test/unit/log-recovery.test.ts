/** What a start makes of what a crash has left: cut what was never promised, keep all that was. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES } from '../../src/log/segments.ts';
import { openWatermark } from '../../src/log/watermark.ts';
import {
  append,
  FOLDER,
  openLog,
  pathOfSegment,
  readLog,
  textsOf,
  WALL_MS,
  WATERMARK,
} from '../support/log-scenario.ts';
import type { ReadRecord } from '../support/log-scenario.ts';
import { createSimulatedDisk } from '../support/simulated-disk.ts';
import type { SimulatedDisk } from '../support/simulated-disk.ts';

const SEGMENT = pathOfSegment(0);

interface WrittenLog {
  simulated: SimulatedDisk;
  records: ReadRecord[];
  end: number;
  bytes: Buffer;
}

/** A closed log; each group is written and made durable before the next. */
async function writtenLog(groups: readonly (readonly string[])[]): Promise<WrittenLog> {
  const simulated = createSimulatedDisk();
  const { writer } = await openLog(simulated);
  for (const group of groups) await Promise.all(group.map((text) => append(writer, text)));
  await writer.close();
  const { records } = await readLog(simulated.disk);
  const end = writer.durablePosition();
  return { simulated, records, end, bytes: simulated.bytesOf(SEGMENT) };
}

/** A disk with this content of the first segment and nothing else, not even a watermark. */
async function diskWith(bytes: Uint8Array): Promise<SimulatedDisk> {
  const simulated = createSimulatedDisk();
  await simulated.disk.makeFolder(FOLDER);
  simulated.put(SEGMENT, bytes);
  return simulated;
}

function kindsOf(alarms: readonly { kind: string; position: number }[]): [string, number][] {
  return alarms.map(({ kind, position }) => [kind, position]);
}

const GROUPS = [['a', 'bb', 'ccc'], ['dddd'], ['', 'ffffff']];

test('cut at every length, the log keeps the whole records below and a copy of the rest', async () => {
  const { records, bytes } = await writtenLog(GROUPS);
  for (let length = SEGMENT_HEADER_BYTES; length <= bytes.length; length++) {
    const simulated = await diskWith(bytes.subarray(0, length));
    const { writer, alarms } = await openLog(simulated);
    const kept = records.filter(({ next }) => next <= length);
    const end = kept.at(-1)?.next ?? SEGMENT_HEADER_BYTES;
    assert.equal(writer.durablePosition(), end, `length ${length}`);
    assert.equal(simulated.bytesOf(SEGMENT).length, end);
    const copy = `${SEGMENT}.${end}.broken`;
    if (end < length) {
      assert.deepEqual(kindsOf(alarms), [['tail-cut', end]]);
      assert.deepEqual(simulated.bytesOf(copy), bytes.subarray(end, length));
    } else {
      assert.deepEqual(simulated.paths(), [SEGMENT, WATERMARK]);
      assert.deepEqual(alarms, []);
    }
    const position = await append(writer, 'after');
    assert.equal(position, end);
    const found = await readLog(simulated.disk);
    assert.deepEqual(found.records.slice(0, -1), kept);
    assert.deepEqual(found.damage, []);
  }
});

test('a segment without a whole header and without records is set aside, and its place is free', async () => {
  const { bytes } = await writtenLog(GROUPS);
  const contents = {
    zeros: Buffer.alloc(5_000),
    garbage: Buffer.alloc(5_000, 'MLR1 and more of it '),
    empty: Buffer.alloc(0),
    'half a header': bytes.subarray(0, SEGMENT_HEADER_BYTES - 1),
    'a segment of another position': Buffer.concat([
      encodeSegmentHeader(640, WALL_MS, 'us-0'),
      bytes.subarray(SEGMENT_HEADER_BYTES + 7),
    ]),
  };
  for (const [name, content] of Object.entries(contents)) {
    const simulated = await diskWith(content);
    const { writer, alarms } = await openLog(simulated);
    assert.deepEqual(kindsOf(alarms), [['segment-broken', 0]], name);
    assert.deepEqual(simulated.bytesOf(`${SEGMENT}.broken`), content);
    assert.equal(await append(writer, 'first'), SEGMENT_HEADER_BYTES);
    assert.deepEqual(await textsOf(simulated.disk), ['first']);
  }
});

test('behind a broken last segment the log goes on in the one before it', async () => {
  const { simulated, end } = await writtenLog(GROUPS);
  for (const base of [end, end + 500]) simulated.put(pathOfSegment(base), Buffer.alloc(10));
  const { writer, alarms } = await openLog(simulated);
  assert.deepEqual(kindsOf(alarms), [
    ['segment-broken', end + 500],
    ['segment-broken', end],
  ]);
  assert.equal(await append(writer, 'goes on'), end);
  assert.deepEqual(await textsOf(simulated.disk), [...GROUPS.flat(), 'goes on']);
});

test('a segment with a header and no record yet is gone on with', async () => {
  const simulated = await diskWith(encodeSegmentHeader(0, WALL_MS, 'us-0'));
  const { writer, alarms } = await openLog(simulated);
  assert.deepEqual(alarms, []);
  assert.equal(await append(writer, 'first'), SEGMENT_HEADER_BYTES);
});

test('a damaged segment header costs nothing when records follow it', async () => {
  for (let at = 0; at < SEGMENT_HEADER_BYTES; at++) {
    const { simulated, end } = await writtenLog(GROUPS);
    await simulated.disk.remove(WATERMARK);
    simulated.flip(SEGMENT, at);
    const { writer, alarms } = await openLog(simulated);
    assert.deepEqual(alarms, []);
    assert.equal(await append(writer, 'after'), end);
    assert.deepEqual(await textsOf(simulated.disk), [...GROUPS.flat(), 'after']);
  }
});

test('each byte flipped in turn below the watermark: neighbours stay, and the log goes on', async () => {
  const { bytes } = await writtenLog(GROUPS);
  for (let at = 0; at < bytes.length; at++) {
    const { simulated, records, end } = await writtenLog(GROUPS);
    simulated.flip(SEGMENT, at, 0x80);
    const { writer, alarms } = await openLog(simulated);
    assert.deepEqual(alarms, [], 'what is below the watermark is not even read');
    assert.equal(await append(writer, 'after'), end);
    const found = await readLog(simulated.disk, { upTo: writer.durablePosition() });
    const others = records.filter(({ position, next }) => at < position || at >= next);
    assert.deepEqual(found.records.slice(0, -1), others, `byte ${at}`);
    const [position, next] = [found.damage[0]?.from, found.damage.at(-1)?.to];
    const hit = records.find((record) => record.position <= at && at < record.next);
    assert.deepEqual([position, next], [hit?.position, hit?.next]);
  }
});

test('without a watermark a flip costs neighbours of the last group only', async () => {
  const { bytes, records } = await writtenLog(GROUPS);
  const lastGroup = records.at(-2)?.position ?? 0;
  for (let at = SEGMENT_HEADER_BYTES; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 0x80;
    const simulated = await diskWith(changed);
    const { writer, alarms } = await openLog(simulated);
    const hit = records.find(({ position, next }) => position <= at && at < next);
    const found = await readLog(simulated.disk, { upTo: writer.durablePosition() });
    const isProven = at < lastGroup;
    const kept = records.filter((record) =>
      isProven ? record !== hit : record.next <= (hit?.position ?? 0),
    );
    assert.deepEqual(found.records, kept, `byte ${at}`);
    assert.deepEqual(kindsOf(alarms), [[isProven ? 'damage' : 'tail-cut', hit?.position]]);
    if (!isProven) {
      const copy = simulated.bytesOf(`${SEGMENT}.${hit?.position}.broken`);
      assert.deepEqual(copy, changed.subarray(hit?.position));
    }
  }
});

test('damage in the last group is not cut when the watermark knows that it was durable', async () => {
  const { simulated, records, end } = await writtenLog([['a', 'b', 'c']]);
  const watermark = await openWatermark(simulated.disk, FOLDER);
  // The file is shorter than the watermark says, so the whole segment is read.
  await watermark.save({ base: 0, durable: end + 10 });
  simulated.flip(SEGMENT, records[0]?.position ?? 0);
  const { alarms } = await openLog(simulated);
  assert.deepEqual(kindsOf(alarms), [
    ['damage', records[0]?.position],
    ['durable-lost', end + 10],
  ]);
  assert.deepEqual(await textsOf(simulated.disk), ['b', 'c']);
});

test('several damaged places between proven records are each reported and all others kept', async () => {
  const groups = Array.from({ length: 12 }, (_, at) => [`group ${at}`, `of two ${at}`]);
  const { simulated, records, end } = await writtenLog(groups);
  await simulated.disk.remove(WATERMARK);
  const hit = [1, 2, 7, 15, 20].map((at) => records[at]);
  for (const record of hit) simulated.flip(SEGMENT, (record?.position ?? 0) + 25);
  const { writer, alarms } = await openLog(simulated);
  assert.deepEqual(
    kindsOf(alarms),
    [1, 7, 15, 20].map((at) => ['damage', records[at]?.position]),
  );
  assert.equal(writer.durablePosition(), end);
  const found = await readLog(simulated.disk, { upTo: end });
  assert.deepEqual(
    found.records,
    records.filter((record) => !hit.includes(record)),
  );
});

test('records written out of order behind a hole were never acknowledged and are cut', async () => {
  const { records, bytes } = await writtenLog([['a'], ['b', 'c', 'd']]);
  const [, , c] = records;
  assert.ok(c);
  const simulated = await diskWith(Buffer.from(bytes).fill(0, c.position, c.next));
  const { writer, alarms } = await openLog(simulated);
  assert.deepEqual(kindsOf(alarms), [['tail-cut', c.position]]);
  assert.equal(await append(writer, 'e'), c.position);
  assert.deepEqual(await textsOf(simulated.disk), ['a', 'b', 'e']);
});

test('a start reads the tail behind the watermark only', async () => {
  const large = Array.from({ length: 40 }, () => ['x'.repeat(10_000)]);
  const { simulated, end, bytes } = await writtenLog(large);
  simulated.put(SEGMENT, Buffer.concat([bytes, Buffer.alloc(50, 'torn')]));
  const { disk } = simulated;
  let bytesRead = 0;
  const counting = {
    ...disk,
    async open(...[path, mode]: Parameters<typeof disk.open>) {
      const file = await disk.open(path, mode);
      return {
        ...file,
        async read(...values: Parameters<typeof file.read>) {
          const count = await file.read(...values);
          bytesRead += count;
          return count;
        },
      };
    },
  };
  const { writer, alarms } = await openLog(simulated, { disk: counting });
  assert.deepEqual(kindsOf(alarms), [['tail-cut', end]]);
  assert.equal(writer.durablePosition(), end);
  assert.ok(bytesRead < 1_000, `${bytesRead} bytes`);
});

test('a watermark of another segment, or one that is torn, only costs a longer scan', async () => {
  for (const mar of ['older segment', 'torn', 'removed', 'inside the header'] as const) {
    const { simulated, end } = await writtenLog(GROUPS);
    const watermark = await openWatermark(simulated.disk, FOLDER);
    if (mar === 'older segment') await watermark.save({ base: 777, durable: 100 });
    if (mar === 'inside the header') await watermark.save({ base: 0, durable: 10 });
    if (mar === 'torn') for (const at of [0, 32]) simulated.flip(WATERMARK, at + 17);
    if (mar === 'removed') await simulated.disk.remove(WATERMARK);
    const { writer, alarms } = await openLog(simulated);
    assert.deepEqual(alarms, [], mar);
    assert.equal(writer.durablePosition(), end);
  }
});

test('when durable bytes are lost, positions that a reader may know are not given out again', async () => {
  for (const knownBy of ['watermark', 'reader'] as const) {
    const { simulated, records, end, bytes } = await writtenLog(GROUPS);
    simulated.put(SEGMENT, bytes.subarray(0, (records[2]?.position ?? 0) + 5));
    if (knownBy === 'reader') await simulated.disk.remove(WATERMARK);
    const positionMin = knownBy === 'reader' ? end : 0;
    const { writer, alarms } = await openLog(simulated, { positionMin });
    assert.deepEqual(kindsOf(alarms), [
      ['tail-cut', records[2]?.position],
      ['durable-lost', end],
    ]);
    assert.equal(await append(writer, 'behind the loss'), end + SEGMENT_HEADER_BYTES);
    const found = await readLog(simulated.disk, { upTo: writer.durablePosition() });
    assert.deepEqual(
      found.records.map(({ text }) => text),
      ['a', 'bb', 'behind the loss'],
    );
    assert.deepEqual(found.damage, [{ from: records[2]?.position, to: end, reason: 'missing' }]);
    await writer.close();
    const again = await openLog(simulated, { positionMin });
    assert.deepEqual(again.alarms, []);
  }
});

test('a second torn tail at the same place leaves a copy of just its own bytes', async () => {
  const { simulated, end, bytes } = await writtenLog(GROUPS);
  for (const torn of [Buffer.alloc(90, 'first'), Buffer.alloc(20, 'second')]) {
    simulated.put(SEGMENT, Buffer.concat([bytes, torn]));
    await openLog(simulated);
    assert.deepEqual(simulated.bytesOf(`${SEGMENT}.${end}.broken`), torn);
  }
});

test('the copy of a torn tail is durable before the tail is cut', async () => {
  const { bytes, end } = await writtenLog(GROUPS);
  const torn = Buffer.alloc(700, 'torn');
  for (let seed = 1; seed <= 60; seed++) {
    const simulated = createSimulatedDisk(seed);
    await simulated.disk.makeFolder(FOLDER);
    simulated.put(SEGMENT, Buffer.concat([bytes, torn]));
    const cutAt = simulated.operations() + (seed % 30);
    simulated.onOperation = ({ index }) => {
      if (index === cutAt) simulated.powerCut();
      return undefined;
    };
    const opening = openLog(simulated).then(() => simulated.powerCut());
    for (let turns = 0; turns < 40; turns++) await Promise.race([opening, nextTurn()]);
    const left = simulated.bytesOf(SEGMENT);
    const copy = `${SEGMENT}.${end}.broken`;
    const isWhole = left.length === bytes.length + torn.length;
    assert.ok(isWhole || simulated.bytesOf(copy).equals(torn), `seed ${seed}`);
  }
});

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

test('what a start takes for durable is durable, even when the crash left it in memory', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const simulated = createSimulatedDisk(seed);
    const { writer } = await openLog(simulated);
    // Killed between the write of the new segment and the sync of its name.
    simulated.onOperation = ({ kind }) => {
      if (kind === 'syncFolder') simulated.kill();
      return undefined;
    };
    for (const text of ['in memory 1', 'x'.repeat(2_000)]) void append(writer, text);
    for (let turns = 0; turns < 10; turns++) await nextTurn();
    simulated.onOperation = () => undefined;
    const { writer: second } = await openLog(simulated);
    const durable = second.durablePosition();
    assert.ok(durable > SEGMENT_HEADER_BYTES);
    if (seed % 2 === 0) await append(second, 'acknowledged');
    simulated.powerCut();
    const { records, damage } = await readLog(simulated.disk, { upTo: durable });
    assert.deepEqual(damage, [], `seed ${seed}`);
    assert.equal(records.length, 2);
    if (seed % 2 === 0) assert.equal((await textsOf(simulated.disk)).at(-1), 'acknowledged');
  }
});
