/** The bytes of the log: records, segment headers and the watermark. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import {
  isPayloadWhole,
  PAYLOAD_BYTES_MAX,
  readHeader,
  readUint64,
  RECORD_HEADER_BYTES,
  writeHeader,
  writeUint64,
} from '../../src/log/record.ts';
import {
  encodeSegmentHeader,
  listSegments,
  SEGMENT_HEADER_BYTES,
  lastSegmentBase,
} from '../../src/log/segments.ts';
import { openWatermark } from '../../src/log/watermark.ts';
import { FOLDER, openLog, pathOfSegment, WALL_MS, WATERMARK } from '../support/log-scenario.ts';
import { createSimulatedDisk } from '../support/simulated-disk.ts';
import type { SimulatedDisk } from '../support/simulated-disk.ts';

const positions = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1));

function recordOf(payload: Uint8Array, position: number, durable: number): Buffer {
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES + payload.length);
  bytes.set(payload, RECORD_HEADER_BYTES);
  writeHeader(bytes, 0, payload.length, position, durable);
  return bytes;
}

async function folderDisk(): Promise<SimulatedDisk> {
  const simulated = createSimulatedDisk();
  await simulated.disk.makeFolder(FOLDER);
  return simulated;
}

test('a record comes back as it was written, and only at its own position', () => {
  const payloads = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(payloads, positions, positions, positions, (payload, at, durable, other) => {
      const bytes = recordOf(payload, at, durable);
      const header = readHeader(bytes, 0, at);
      assert.ok(header);
      assert.equal(header.length, payload.length);
      assert.equal(header.durablePosition, durable);
      assert.equal(isPayloadWhole(payload, header), true);
      if (other !== at) assert.equal(readHeader(bytes, 0, other), null);
    }),
  );
});

test('a changed bit in the header or in the payload is noticed', () => {
  const payloads = fc.uint8Array({ minLength: 1, maxLength: 80 });
  fc.assert(
    fc.property(payloads, positions, fc.nat(), (payload, position, chance) => {
      const bytes = recordOf(payload, position, 0);
      const bit = chance % (bytes.length * 8);
      const at = bit >> 3;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
      const header = readHeader(bytes, 0, position);
      if (at < RECORD_HEADER_BYTES) {
        assert.equal(header, null);
      } else {
        assert.ok(header);
        assert.equal(isPayloadWhole(bytes.subarray(RECORD_HEADER_BYTES), header), false);
      }
    }),
  );
});

test('a length beyond the maximum is taken for damage, even with a right checksum', () => {
  const bytes = recordOf(Buffer.from('abc'), 64, 0);
  for (const [length, isValid] of [
    [PAYLOAD_BYTES_MAX, true],
    [PAYLOAD_BYTES_MAX + 1, false],
  ] as const) {
    bytes.writeUInt32LE(length, 4);
    const covered = Buffer.concat([bytes.subarray(0, 12), bytes.subarray(16, 24), Buffer.alloc(8)]);
    covered.writeUInt32LE(64, 20);
    bytes.writeUInt32LE(crc32(covered), 12);
    assert.equal(readHeader(bytes, 0, 64) !== null, isValid);
  }
});

test('positions up to 2^53 - 1 survive their 8 bytes', () => {
  fc.assert(
    fc.property(positions, (position) => {
      const bytes = Buffer.alloc(8);
      writeUint64(bytes, 0, position);
      assert.equal(bytes.readBigUInt64LE(0), BigInt(position));
      assert.equal(readUint64(bytes, 0), position);
    }),
  );
});

test('the format of the log is what it was: these bytes may never change', async () => {
  assert.equal(
    recordOf(Buffer.from('hello'), 4096, 1024).toString('hex'),
    '4d4c52310500000086a610369673adab000400000000000068656c6c6f',
  );
  assert.equal(
    encodeSegmentHeader(4096, WALL_MS, 'us-0').toString('hex'),
    '4d4c5331010000000010000000000000888ca97c9b01000075732d3000000000000000000000000000000000000000000000000000000000000000003f533227',
  );
  const simulated = await folderDisk();
  const watermark = await openWatermark(simulated.disk, FOLDER);
  await watermark.save({ base: 4096, durable: 8192 });
  await watermark.save({ base: 4096, durable: 9999 });
  assert.equal(
    simulated.bytesOf(WATERMARK).toString('hex'),
    '020000000000000000100000000000000f2700000000000000000000fcb36a4d01000000000000000010000000000000002000000000000000000000293e1b14',
  );
});

test('segments are listed by position with what their headers say', async () => {
  const simulated = await folderDisk();
  const path = pathOfSegment(2 ** 40);
  simulated.put(path, encodeSegmentHeader(2 ** 40, WALL_MS, 'us-0'));
  simulated.put(pathOfSegment(700), Buffer.alloc(0));
  simulated.put(pathOfSegment(80), Buffer.alloc(99, 'x'));
  for (const name of [
    '1.log',
    `${'1'.repeat(20)}.log.broken`,
    'watermark',
    `${'1'.repeat(21)}.log`,
  ]) {
    simulated.put(`${FOLDER}/${name}`, Buffer.from('other'));
  }
  const segments = await listSegments(simulated.disk, FOLDER);
  assert.deepEqual(
    segments.map(({ base, bytes, createdMs, isHeaderWhole }) => [
      base,
      bytes,
      createdMs,
      isHeaderWhole,
    ]),
    [
      [80, 99, 0, false],
      [700, 0, 0, false],
      [2 ** 40, SEGMENT_HEADER_BYTES, WALL_MS, true],
    ],
  );
  assert.equal(segments[2]?.path, path);
  assert.equal(await lastSegmentBase(simulated.disk, FOLDER), 2 ** 40);
  assert.equal(await lastSegmentBase(simulated.disk, '/absent'), undefined);
});

test('a changed bit in a segment header, or another position in its name, is noticed', async () => {
  const simulated = await folderDisk();
  const header = encodeSegmentHeader(512, WALL_MS, 'us-0');
  for (let bit = 0; bit < SEGMENT_HEADER_BYTES * 8; bit++) {
    simulated.put(pathOfSegment(512), header);
    simulated.flip(pathOfSegment(512), bit >> 3, 1 << (bit & 7));
    const [segment] = await listSegments(simulated.disk, FOLDER);
    assert.equal(segment?.isHeaderWhole, false, `bit ${bit}`);
  }
  await simulated.disk.rename(pathOfSegment(512), pathOfSegment(513));
  simulated.put(pathOfSegment(513), header);
  assert.equal((await listSegments(simulated.disk, FOLDER))[0]?.isHeaderWhole, false);
});

test('a segment of a newer format is refused, and nothing is touched', async () => {
  const simulated = await folderDisk();
  const header = encodeSegmentHeader(0, WALL_MS, 'us-0');
  header.writeUInt32LE(2, 4);
  header.writeUInt32LE(crc32(header.subarray(0, 60)), 60);
  simulated.put(pathOfSegment(0), Buffer.concat([header, Buffer.from('of the future')]));
  const before = simulated.bytesOf(pathOfSegment(0));
  const refusal = { code: 'DATA_FORMAT_TOO_NEW', message: /format 2/ };
  await assert.rejects(listSegments(simulated.disk, FOLDER), refusal);
  await assert.rejects(openLog(simulated), refusal);
  assert.deepEqual(simulated.bytesOf(pathOfSegment(0)), before);
});

test('a segment that is removed while segments are listed is not listed', async () => {
  const simulated = await folderDisk();
  simulated.put(pathOfSegment(0), encodeSegmentHeader(0, WALL_MS, 'us-0'));
  const { disk } = simulated;
  const racing = {
    ...disk,
    list: async (folder: string) => [...(await disk.list(folder)), `${'9'.repeat(20)}.log`],
  };
  assert.deepEqual(
    (await listSegments(racing, FOLDER)).map(({ base }) => base),
    [0],
  );
});

test('the newest watermark is found again, and saving goes on from it', async () => {
  const simulated = await folderDisk();
  for (let durable = 100; durable < 107; durable++) {
    const watermark = await openWatermark(simulated.disk, FOLDER);
    const expected = durable === 100 ? null : { base: 64, durable: durable - 1 };
    assert.deepEqual(watermark.initial, expected);
    await watermark.save({ base: 64, durable });
    await watermark.close();
  }
});

test('a torn watermark slot leaves the one before it', async () => {
  for (const saves of [2, 3]) {
    for (let at = 0; at < 32; at++) {
      const simulated = await folderDisk();
      const watermark = await openWatermark(simulated.disk, FOLDER);
      for (let save = 1; save <= saves; save++) await watermark.save({ base: 0, durable: save });
      simulated.flip(WATERMARK, 32 * (saves % 2) + at);
      const { initial } = await openWatermark(simulated.disk, FOLDER);
      assert.deepEqual(initial, { base: 0, durable: saves - 1 }, `byte ${at}`);
    }
  }
});

test('a watermark of zeros, of garbage or of a few bytes is none', async () => {
  for (const bytes of [Buffer.alloc(64), Buffer.alloc(64, 'x'), Buffer.alloc(5), Buffer.alloc(0)]) {
    const simulated = await folderDisk();
    simulated.put(WATERMARK, bytes);
    const { initial } = await openWatermark(simulated.disk, FOLDER);
    assert.equal(initial, null);
  }
});
