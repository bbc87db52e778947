/** The writer: grouping, durability before the answer, bounds, and every way a disk can refuse. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Disk } from '../../src/base/disk.ts';
import { RECORD_HEADER_BYTES } from '../../src/log/record.ts';
import { SEGMENT_HEADER_BYTES } from '../../src/log/segments.ts';
import { openWatermark } from '../../src/log/watermark.ts';
import {
  append,
  FOLDER,
  openLog,
  outcomeOf,
  pathOfSegment,
  readLog,
  textsOf,
  turn,
  until,
  WATERMARK,
} from '../support/log-scenario.ts';
import { createSimulatedDisk, diceOf } from '../support/simulated-disk.ts';
import type { Operation, SimulatedDisk } from '../support/simulated-disk.ts';

function segmentNames(simulated: SimulatedDisk): string[] {
  return simulated
    .paths()
    .filter((path) => path.endsWith('.log'))
    .map((path) => String(Number(path.slice(FOLDER.length + 1, -4))));
}

/** Collects the writes to segments, without those of the watermark. */
function watchSegments(simulated: SimulatedDisk): Operation[] {
  const seen: Operation[] = [];
  simulated.onOperation = (operation) => {
    if (operation.kind === 'write' && operation.path.endsWith('.log')) seen.push(operation);
    return undefined;
  };
  return seen;
}

test('what is appended is read back in order, whatever the sizes, groups and segments', async () => {
  const sizes = fc.array(
    fc.oneof({ weight: 4, arbitrary: fc.nat(300) }, fc.nat(5_000), fc.constant(0)),
    { minLength: 1, maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(
      sizes,
      fc.nat(),
      fc.integer({ min: 1, max: 6_000 }),
      async (all, seed, max) => {
        const simulated = createSimulatedDisk(seed);
        const below = diceOf(seed);
        const { writer, alarms } = await openLog(simulated, { segmentBytesMax: max });
        const texts = all.map((size, at) => `${at}:${'x'.repeat(size)}`);
        const appended: Promise<number>[] = [];
        for (const text of texts) {
          appended.push(append(writer, text));
          if (below(3) === 0) await turn();
          if (below(5) === 0) await appended.at(-1);
        }
        const positions = await Promise.all(appended);
        await writer.close();
        const { records, damage, next } = await readLog(simulated.disk, {
          bytesMax: 1 + (seed % 9_000),
        });
        assert.deepEqual(damage, []);
        assert.deepEqual(
          records.map(({ text }) => text),
          texts,
        );
        assert.deepEqual(
          records.map(({ position }) => position),
          positions,
        );
        assert.equal(next, writer.durablePosition());
        assert.deepEqual(alarms, []);
      },
    ),
    { numRuns: 60 },
  );
});

test('appends during a write go into the next group, and groups are written one at a time', async () => {
  const simulated = createSimulatedDisk();
  const { writer } = await openLog(simulated);
  const writes = watchSegments(simulated);
  const first = [append(writer, 'a'), append(writer, 'b')];
  await until(() => writes.length === 1);
  const second = ['c', 'd', 'e'].map((text) => append(writer, text));
  await Promise.all(first);
  assert.equal(writer.counters.groups, 1);
  await Promise.all(second);
  assert.equal(writes.length, 2);
  assert.deepEqual(writer.counters, {
    records: 5,
    groups: 2,
    failures: 0,
    bytes: SEGMENT_HEADER_BYTES + 5 * (RECORD_HEADER_BYTES + 1),
  });
});

test('the appends of one turn of the loop are one write', async () => {
  const simulated = createSimulatedDisk();
  const { writer } = await openLog(simulated);
  await append(writer, 'opens the segment');
  const writes = watchSegments(simulated);
  await Promise.all(Array.from({ length: 12 }, (_, at) => append(writer, `record ${at}`)));
  assert.equal(writes.length, 1);
});

test('done is called only when the record survives a power cut', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const simulated = createSimulatedDisk(seed);
    const { writer } = await openLog(simulated);
    const texts = Array.from({ length: 1 + (seed % 5) }, (_, at) => `record ${at} of ${seed}`);
    let wasCut = false;
    for (const text of texts) {
      writer.append(Buffer.from(text), Buffer.alloc(0), 0, () => {
        if (!wasCut) simulated.powerCut();
        wasCut = true;
      });
    }
    await until(() => wasCut);
    assert.deepEqual(await textsOf(simulated.disk), texts);
  }
});

test('the durable position is published before the callbacks, and covers their records', async () => {
  const { writer } = await openLog(createSimulatedDisk());
  const seen: string[] = [];
  writer.onDurable = (position) => {
    assert.equal(position, writer.durablePosition());
    seen.push(`durable ${position}`);
  };
  for (const text of ['abc', 'defgh']) {
    writer.append(Buffer.from(text), Buffer.alloc(0), 0, (_, position) => {
      seen.push(`done ${position}`);
    });
  }
  await writer.close();
  assert.deepEqual(seen, [`durable ${64 + 27 + 29}`, 'done 64', `done ${64 + 27}`]);
});

test('both parts are copied at once, and only as much of the body as was said', async () => {
  const simulated = createSimulatedDisk();
  const { writer } = await openLog(simulated);
  const envelope = Buffer.from('envelope,');
  const body = Buffer.from('body and more');
  const done = new Promise((resolve) => writer.append(envelope, body, 4, resolve));
  envelope.fill('?');
  body.fill('?');
  await done;
  assert.deepEqual(await textsOf(simulated.disk), ['envelope,body']);
});

test('a group may be larger than the buffer it starts with', async () => {
  const simulated = createSimulatedDisk();
  const { writer } = await openLog(simulated);
  const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(1_500_000));
  await Promise.all(texts.map((text) => append(writer, text)));
  await append(writer, 'small again');
  assert.deepEqual(await textsOf(simulated.disk), [...texts, 'small again']);
});

test('beyond the bound of waiting bytes appends fail at once, and pass again after', async () => {
  const simulated = createSimulatedDisk();
  const recordBytes = RECORD_HEADER_BYTES + 100;
  const { writer } = await openLog(simulated, { queueBytesMax: 10 * recordBytes });
  await append(writer, 'opens the segment');
  const text = 'x'.repeat(100);
  const flood = async (): Promise<string[]> =>
    await Promise.all(Array.from({ length: 15 }, () => outcomeOf(append(writer, text))));
  const expected = [...Array(10).fill('durable'), ...Array(5).fill('LOG_OVERLOADED')];
  assert.deepEqual(await flood(), expected);
  // Bytes on their way to the disk count like those that gather.
  const writes = watchSegments(simulated);
  const first = Array.from({ length: 4 }, () => append(writer, text));
  await until(() => writes.length === 1);
  assert.equal(writer.waitingBytes(), 4 * recordBytes);
  const second = Array.from({ length: 7 }, () => outcomeOf(append(writer, text)));
  assert.equal(writer.waitingBytes(), 10 * recordBytes);
  assert.deepEqual(await Promise.all(second), [...Array(6).fill('durable'), 'LOG_OVERLOADED']);
  await Promise.all(first);
  assert.deepEqual(await flood(), expected);
  assert.equal(writer.waitingBytes(), 0);
});

test('a record beyond what readers take for a length is refused and leaves no trace', async () => {
  const simulated = createSimulatedDisk();
  const { writer } = await openLog(simulated, { queueBytesMax: Number.MAX_SAFE_INTEGER });
  const outcome = new Promise((resolve) => {
    writer.append(Buffer.from('abc'), Buffer.alloc(0), 256 * 1024 * 1024 - 2, (error) =>
      resolve(error?.code),
    );
  });
  assert.equal(await outcome, 'LOG_RECORD_TOO_LARGE');
  assert.equal(writer.waitingBytes(), 0);
});

test('short writes are completed', async () => {
  const simulated = createSimulatedDisk();
  const { writer, alarms } = await openLog(simulated);
  simulated.onWriteLength = () => 7;
  await Promise.all(['hello', 'there'].map((text) => append(writer, text)));
  assert.deepEqual(await textsOf(simulated.disk), ['hello', 'there']);
  assert.deepEqual(alarms, []);
});

test('closing makes durable what was appended and refuses the rest', async () => {
  const simulated = createSimulatedDisk();
  const { writer } = await openLog(simulated);
  const appended = ['a', 'b'].map((text) => outcomeOf(append(writer, text)));
  const closed = writer.close();
  assert.equal(await outcomeOf(append(writer, 'late')), 'LOG_CLOSED');
  await closed;
  simulated.powerCut();
  assert.deepEqual(await Promise.all(appended), ['durable', 'durable']);
  assert.deepEqual(await textsOf(simulated.disk), ['a', 'b']);
});

test('closing while a group is on its way waits for it and for the next', async () => {
  const simulated = createSimulatedDisk();
  const { writer } = await openLog(simulated);
  const writes = watchSegments(simulated);
  const first = outcomeOf(append(writer, 'a'));
  await until(() => writes.length === 1);
  const second = outcomeOf(append(writer, 'b'));
  await writer.close();
  assert.deepEqual(await Promise.all([first, second]), ['durable', 'durable']);
});

test('a writer that is opened again goes on in the same segment', async () => {
  const simulated = createSimulatedDisk();
  for (const text of ['a', 'b', 'c']) {
    const { writer, alarms } = await openLog(simulated);
    await append(writer, text);
    await writer.close();
    assert.deepEqual(alarms, []);
  }
  assert.deepEqual(await textsOf(simulated.disk), ['a', 'b', 'c']);
  assert.deepEqual(segmentNames(simulated), ['0']);
});

test('a segment is ended by the first group that would begin beyond its size', async () => {
  const simulated = createSimulatedDisk();
  const segmentBytesMax = SEGMENT_HEADER_BYTES + 3 * (RECORD_HEADER_BYTES + 1);
  const { writer } = await openLog(simulated, { segmentBytesMax });
  for (const text of 'abcdefg') await append(writer, text);
  assert.deepEqual(segmentNames(simulated), ['0', '139', '278']);
  assert.deepEqual(await textsOf(simulated.disk), [...'abcdefg']);
});

test('a group that gathers while a segment is being opened goes into that segment', async () => {
  const simulated = createSimulatedDisk();
  const { writer } = await openLog(simulated, { segmentBytesMax: 1_000 });
  await append(writer, 'x'.repeat(1_000));
  let opened: Promise<number> | undefined;
  simulated.onOperation = ({ kind }) => {
    if (kind === 'open') opened = append(writer, 'while it is opened');
    return undefined;
  };
  await append(writer, 'opens the next segment');
  await opened;
  assert.deepEqual(segmentNames(simulated), ['0', '1088']);
});

test('on a full disk all that waits fails, the segment is cut back, and it resumes alone', async () => {
  const simulated = createSimulatedDisk();
  const { writer, alarms } = await openLog(simulated);
  await append(writer, 'durable before');
  const bytes = simulated.bytesOf(pathOfSegment(0));
  const used = bytes.length + 64;
  simulated.capacityBytes = used + 40;
  const writes = watchSegments(simulated);
  const waiting = ['too', 'many', 'bytes'].map((text) => outcomeOf(append(writer, text)));
  await until(() => writes.length === 1);
  waiting.push(outcomeOf(append(writer, 'in the next group')));
  assert.deepEqual(await Promise.all(waiting), Array(4).fill('LOG_DISK_FULL'));
  assert.deepEqual(simulated.bytesOf(pathOfSegment(0)), bytes, 'the torn bytes are gone');
  assert.equal(writer.durablePosition(), bytes.length);
  assert.deepEqual(
    alarms.map(({ kind, position }) => [kind, position]),
    [['write-failed', bytes.length]],
  );

  assert.equal(await outcomeOf(append(writer, 'still full')), 'LOG_DISK_FULL');
  assert.deepEqual(segmentNames(simulated), ['0'], 'a segment without durable bytes is removed');

  simulated.capacityBytes = Infinity;
  assert.equal(await outcomeOf(append(writer, 'space again')), 'durable');
  assert.deepEqual(segmentNames(simulated), ['0', String(bytes.length)]);
  assert.deepEqual(await textsOf(simulated.disk), ['durable before', 'space again']);
  assert.equal(writer.counters.failures, 2);
});

test('quota and file size limits count as a full disk, everything else as a failed write', async () => {
  for (const [errno, code] of [
    ['ENOSPC', 'LOG_DISK_FULL'],
    ['EDQUOT', 'LOG_DISK_FULL'],
    ['EFBIG', 'LOG_DISK_FULL'],
    ['EIO', 'LOG_WRITE_FAILED'],
    ['EROFS', 'LOG_WRITE_FAILED'],
  ] as const) {
    const simulated = createSimulatedDisk();
    const { writer } = await openLog(simulated);
    await append(writer, 'a');
    simulated.onOperation = ({ kind }) => (kind === 'write' ? errno : undefined);
    assert.equal(await outcomeOf(append(writer, 'b')), code);
  }
});

test('a file on which a write has failed is never written or synced again', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const simulated = createSimulatedDisk(seed);
    const { writer } = await openLog(simulated);
    await append(writer, 'a');
    const seen: string[] = [];
    simulated.onOperation = ({ kind, path }) => {
      const isFirst = kind === 'write' && path === pathOfSegment(0) && seen.length === 0;
      if (path === pathOfSegment(0)) seen.push(kind);
      return isFirst ? 'EIO' : undefined;
    };
    const failed = await Promise.all(['b', 'c'].map((text) => outcomeOf(append(writer, text))));
    assert.deepEqual(failed, ['LOG_WRITE_FAILED', 'LOG_WRITE_FAILED']);
    for (const text of ['d', 'e']) assert.equal(await outcomeOf(append(writer, text)), 'durable');
    assert.deepEqual(seen, ['write', 'truncate', 'close']);
    assert.deepEqual(await textsOf(simulated.disk), ['a', 'd', 'e']);
    const { damage } = await readLog(simulated.disk);
    assert.deepEqual(damage, []);
  }
});

test('a failed segment that cannot even be cut is not read beyond its durable end', async () => {
  const simulated = createSimulatedDisk(3);
  const { writer, alarms } = await openLog(simulated);
  await append(writer, 'a');
  let failures = 0;
  simulated.onOperation = ({ kind, path }) => {
    const isOld = path === pathOfSegment(0) && (kind === 'write' || kind === 'truncate');
    return isOld && ++failures > 0 ? 'EIO' : undefined;
  };
  const failed = await Promise.all(
    Array.from({ length: 90 }, (_, at) => outcomeOf(append(writer, `never ${at}`))),
  );
  assert.equal(failures, 2);
  assert.ok(failed.every((code) => code === 'LOG_WRITE_FAILED'));
  assert.deepEqual(
    alarms.map(({ kind }) => kind),
    ['write-failed', 'seal-failed'],
  );
  assert.ok(simulated.bytesOf(pathOfSegment(0)).length > writer.durablePosition());
  await append(writer, 'b');
  assert.deepEqual(await readLog(simulated.disk).then(({ damage }) => damage), []);
  assert.deepEqual(await textsOf(simulated.disk), ['a', 'b']);
});

test('a failed new segment that cannot be removed is not written to again', async () => {
  const simulated = createSimulatedDisk(3);
  const { writer } = await openLog(simulated);
  let isBroken = true;
  // The write passes and the name does not become durable: whole records stay in the file.
  simulated.onOperation = ({ kind }) =>
    isBroken && (kind === 'syncFolder' || kind === 'remove') ? 'EIO' : undefined;
  for (const text of ['never 1', 'never 2']) {
    const failed = await Promise.all([text, text].map((each) => outcomeOf(append(writer, each))));
    assert.deepEqual(failed, ['LOG_WRITE_FAILED', 'LOG_WRITE_FAILED']);
  }
  isBroken = false;
  await append(writer, 'written');
  simulated.kill();
  assert.deepEqual(await textsOf(simulated.disk), ['written']);
  const reopened = await openLog(simulated);
  assert.deepEqual(reopened.alarms, []);
  assert.deepEqual(await textsOf(simulated.disk), ['written']);
});

test('every step of opening a segment may fail, and the next group tries again', async () => {
  for (const kind of ['close', 'open', 'write', 'syncFolder'] as const) {
    const simulated = createSimulatedDisk();
    const { writer } = await openLog(simulated, { segmentBytesMax: 100 });
    await append(writer, 'a'.repeat(100));
    let failures = 0;
    simulated.onOperation = (operation) =>
      operation.kind === kind && !operation.path.endsWith('watermark') && ++failures === 1
        ? 'EMFILE'
        : undefined;
    assert.equal(await outcomeOf(append(writer, 'fails')), 'LOG_WRITE_FAILED', kind);
    assert.equal(await outcomeOf(append(writer, 'passes')), 'durable', kind);
    const { records, damage } = await readLog(simulated.disk);
    assert.deepEqual([records.map(({ text }) => text[0]).join(''), damage], ['ap', []], kind);
    assert.deepEqual(segmentNames(simulated), ['0', '188'], kind);
  }
});

test('the watermark may fail for ever, and nobody waits for it', async () => {
  const simulated = createSimulatedDisk();
  const { writer, alarms } = await openLog(simulated);
  simulated.onOperation = ({ kind, path }) =>
    kind === 'write' && path.endsWith('watermark') ? 'EIO' : undefined;
  for (const text of 'abc') await append(writer, text);
  await writer.close();
  simulated.onOperation = () => undefined;
  const reopened = await openLog(simulated);
  assert.deepEqual([...alarms, ...reopened.alarms], []);
  assert.deepEqual(await textsOf(simulated.disk), [...'abc']);
});

test('closing leaves a watermark that names the durable end', async () => {
  const simulated = createSimulatedDisk();
  const { disk } = simulated;
  const slow: Disk = {
    ...disk,
    async open(path, mode) {
      const file = await disk.open(path, mode);
      if (path !== WATERMARK) return file;
      const write: typeof file.write = async (...values) => {
        for (let turns = 0; turns < 20; turns++) await turn();
        return await file.write(...values);
      };
      return { ...file, write };
    },
  };
  const { writer } = await openLog(simulated, { disk: slow });
  for (const text of 'abc') await append(writer, text);
  await writer.close();
  const { initial } = await openWatermark(simulated.disk, FOLDER);
  assert.deepEqual(initial, { base: 0, durable: writer.durablePosition() });
});

test('a callback may append, and what fails may be tried again from its callback', async () => {
  const simulated = createSimulatedDisk();
  const { writer } = await openLog(simulated);
  await append(writer, 'a');
  let failures = 0;
  simulated.onOperation = ({ kind, path }) =>
    kind === 'write' && path.endsWith('.log') && ++failures <= 2 ? 'EIO' : undefined;
  const persistent = (text: string): Promise<number> =>
    append(writer, text).catch(() => persistent(text));
  await Promise.all(['b', 'c'].map(persistent));
  assert.deepEqual(await textsOf(simulated.disk), ['a', 'b', 'c']);
});

test('a record that there is no memory for is refused, and those behind it stand where they say', async (t) => {
  const simulated = createSimulatedDisk(1);
  const { writer } = await openLog(simulated);
  const scarce = t.mock.method(Buffer, 'allocUnsafe', () => {
    throw new RangeError('Array buffer allocation failed');
  });
  // Larger than what a group begins with, and the first of its group and segment.
  assert.equal(await outcomeOf(append(writer, 'x'.repeat(2 << 20))), 'LOG_OVERLOADED');
  scarce.mock.restore();
  const positions = [await append(writer, 'first'), await append(writer, 'second')];
  const { records, damage } = await readLog(simulated.disk);
  assert.deepEqual(
    records.map(({ position, text }) => ({ position, text })),
    [
      { position: positions[0], text: 'first' },
      { position: positions[1], text: 'second' },
    ],
  );
  assert.deepEqual(damage, []);
  await writer.close();
});
