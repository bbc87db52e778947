/** docs/format/log.md is what others write their readers by: what it says is tried here. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { systemDisk } from '../../src/base/disk.ts';
import { encodeEnvelope } from '../../src/events/envelope.ts';
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
  const lengths = texts.map((text) => Buffer.byteLength(text));
  assert.deepEqual([...bytes.subarray(0, 4)], [1, 1, 31, 1]);
  assert.equal(bytes.readBigUInt64LE(4), BigInt(ENVELOPE.receivedAtMs));
  assert.deepEqual(
    [12, 16, 20].map((at) => bytes.readUInt32LE(at)),
    [7, 9, 3],
  );
  assert.deepEqual(
    [bytes.readUInt16LE(24), bytes.readUInt16LE(26), bytes.readUInt32LE(28)],
    lengths,
  );
  assert.equal(bytes.toString('utf8', 32), texts.join(''));
  assert.equal(encodeEnvelope({ ...ENVELOPE, kind: 'rejected' })[1], 2);
});
