/** docs/format/log.md is what others write their readers by: what it says is tried here. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { systemDisk } from '../../src/base/disk.ts';
import { decodePayload, encodeEnvelope } from '../../src/events/envelope.ts';
import {
  emptyMarks,
  MARK_BYTES,
  putPlainMark,
  putValueMark,
} from '../../src/events/event-marks.ts';
import { normaliseRecord } from '../../src/events/normalise.ts';
import { createRawItems, readRawItems } from '../../src/events/raw-items.ts';
import { marksOf } from '../../src/events/record-marks.ts';
import type { Envelope } from '../../src/events/envelope.ts';
import { ROUTES } from '../../src/events/routes.ts';
import { openLogWriter } from '../../src/log/log-writer.ts';
import { listSegments } from '../../src/log/segments.ts';

const document = await readFile(new URL('../../docs/format/log.md', import.meta.url), 'utf8');
const folder = await mkdtemp(join(tmpdir(), 'millrace-format-'));
after(() => rm(folder, { recursive: true }));

const ENVELOPE: Envelope = {
  kind: 'accepted',
  route: 'batch',
  receivedAtMs: Date.UTC(2026, 0, 2),
  sourceNumber: 7,
  keyNumber: 9,
  eventCount: 3,
  ip: '2001:db8::1',
  userAgent: 'agent/1.0 é',
  isClient: true,
  rejections: [{ index: 1, type: 'validation_error', code: 'x', message: 'because' }],
  marks: Buffer.alloc(3 * MARK_BYTES, 'marks of events!'),
};

/** Writes bodies to the log in `folder`; returns their positions. */
async function writeBodies(bodies: readonly string[]): Promise<number[]> {
  const writer = await openLogWriter({
    disk: systemDisk,
    clock: systemClock,
    folder: join(folder, 'us-0'),
    partition: 'us-0',
    segmentBytesMax: 400,
    queueBytesMax: 1 << 20,
    onAlarm: (alarm) => assert.fail(JSON.stringify(alarm)),
  });
  const positions: number[] = [];
  for (const text of bodies) {
    const body = Buffer.from(text);
    const appended = new Promise<number>((resolve, reject) => {
      writer.append(encodeEnvelope(ENVELOPE), body, body.length, (error, position) =>
        error ? reject(error) : resolve(position),
      );
    });
    positions.push(await appended);
  }
  await writer.close();
  return positions;
}

test('the reader in the document reads what the writer has written, and steps over damage', async () => {
  const bodies = Array.from({ length: 9 }, (_, at) => `{"body":"${at} é MLR1"}`);
  const positions = await writeBodies(bodies);
  const script = join(folder, 'reader.mjs');
  await writeFile(script, /```js\n([^]*?)```/.exec(document)?.[1] ?? '');
  const read = (): string[] =>
    execFileSync(process.execPath, [script, join(folder, 'us-0')], { encoding: 'utf8' })
      .trimEnd()
      .split('\n');
  const expected = bodies.map((body, at) => `${positions[at]} ${body}`);
  assert.deepEqual(read(), expected);

  const segments = await listSegments(systemDisk, join(folder, 'us-0'));
  const [first, second] = segments;
  assert.ok(first && second && segments.length > 2);
  const damaged = [positions[0] ?? 0, (positions[1] ?? 0) + 40].map((at) => at - first.base);
  const bytes = await readFile(first.path);
  for (const at of damaged) bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(first.path, bytes);
  assert.deepEqual(read(), expected.slice(2));

  const last = segments.at(-1);
  await truncate(last?.path ?? '', (last?.bytes ?? 0) - 1);
  assert.deepEqual(read(), expected.slice(2, -1));
});

test('the document names every route with its code', () => {
  const named = [...document.matchAll(/\| ([a-z]+(?:\/[a-z]+)?) +\| +(\d+) (?=\|)/g)];
  assert.deepEqual(
    named.map(([, name, code]) => `${code} ${name}`).sort(),
    ROUTES.map(({ code, name }) => `${code} ${name}`).sort(),
  );
});

test('the envelope is what the document says', () => {
  const bytes = encodeEnvelope(ENVELOPE);
  const texts = ['2001:db8::1', 'agent/1.0 é', JSON.stringify(ENVELOPE.rejections)];
  const marks = 'marks of events!'.repeat(3);
  const lengths = texts.map((text) => Buffer.byteLength(text));
  assert.deepEqual([...bytes.subarray(0, 4)], [2, 1, 31, 1]);
  assert.equal(bytes.readBigUInt64LE(4), BigInt(ENVELOPE.receivedAtMs));
  assert.deepEqual(
    [12, 16, 20].map((at) => bytes.readUInt32LE(at)),
    [7, 9, 3],
  );
  assert.deepEqual(
    [bytes.readUInt16LE(24), bytes.readUInt16LE(26), bytes.readUInt32LE(28)],
    lengths,
  );
  assert.equal(bytes.toString('utf8', 32), texts.join('') + marks);
  const rejected = encodeEnvelope({ ...ENVELOPE, kind: 'rejected', marks: Buffer.alloc(0) });
  assert.deepEqual([...rejected.subarray(0, 2)], [2, 2]);
  assert.equal(rejected.toString('utf8', 32), texts.join(''));
});

test('a mark is what the document says', () => {
  const event = { type: 'screen', messageId: 'ajs-next-1795687200020-088419b9' };
  const body = Buffer.from(JSON.stringify({ batch: [event] }));
  const start = body.indexOf('ajs-next');
  const marks = Buffer.from(emptyMarks(2));
  putPlainMark(marks, 0, 3, 7, body, start, start + event.messageId.length);
  putValueMark(marks, 1, event, undefined, 7);
  // Made with another implementation of MurmurHash3 (x86, 128 bits, seed 7).
  const fingerprint = '74038bdc5b57b4c7d9486fa9';
  assert.equal(marks.toString('hex', 0, 16), `${fingerprint}04010000`);
  assert.equal(marks.toString('hex', 16), `${fingerprint}04000000`);
});

/** Written by the version before there were marks: a payload of one event. */
const VERSION_1 =
  'AQEfAAAEAXybAQAABwAAAAkAAAABAAAACwAMAAAAAAAyMDAxOmRiODo6MWFnZW50LzEuMCDDqXsiYmF0' +
  'Y2giOlt7InR5cGUiOiJ0cmFjayIsInVzZXJJZCI6InUiLCJldmVudCI6IlNpZ25lZCBVcCIsIm1lc3Nh' +
  'Z2VJZCI6Im0tMSJ9XX0=';

test('a record of envelope version 1 is read as it was written', () => {
  const payload = Buffer.from(VERSION_1, 'base64');
  assert.equal(payload[0], 1);
  const { envelope, body } = decodePayload(payload);
  assert.equal(envelope.marks, null);
  assert.equal(envelope.userAgent, 'agent/1.0 é');
  assert.equal(envelope.receivedAtMs, Date.UTC(2026, 0, 2));
  const { events } = normaliseRecord(payload, { partition: 'us-0', position: 64 });
  assert.deepEqual(
    events.map(({ messageId, userId, event }) => [messageId, userId, event]),
    [['m-1', 'u', 'Signed Up']],
  );
  // Readers make the marks that it would have today.
  const items = createRawItems();
  readRawItems(body, 'batch', new Set(), items);
  const marks = Buffer.from(marksOf(envelope, body, items));
  const today = Buffer.from(emptyMarks(1));
  putValueMark(today, 0, { type: 'track', messageId: 'm-1' }, undefined, 7);
  assert.deepEqual(marks.subarray(0, 12), today.subarray(0, 12));
});
