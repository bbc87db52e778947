/** The log as destinations read it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openFeed } from '../../src/deliver/feed/event-feed.ts';
import { encodeEnvelope } from '../../src/events/envelope.ts';
import type { LogWriter } from '../../src/log/log-writer.ts';
import { SEGMENT_HEADER_BYTES } from '../../src/log/segments.ts';
import { FOLDER, openLog, WALL_MS } from '../support/log-scenario.ts';
import { createSimulatedDisk } from '../support/simulated-disk.ts';

const PARTITION = 'us-0';

/** @returns where the record is. */
function appendTrack(writer: LogWriter, messageId: string): Promise<number> {
  const envelope = encodeEnvelope({
    kind: 'accepted',
    route: 'track',
    receivedAtMs: WALL_MS,
    sourceNumber: 1,
    keyNumber: 1,
    eventCount: 1,
    ip: '',
    userAgent: '',
    isClient: false,
    rejections: [],
    marks: null,
  });
  const body = Buffer.from(JSON.stringify({ userId: 'u', event: 'E', messageId }));
  return new Promise((resolve, reject) => {
    writer.append(envelope, body, body.length, (error, position) => {
      if (error) reject(error);
      else resolve(position);
    });
  });
}

test('a chunk that somebody else read further is cut where the reader may not go on', async () => {
  const simulated = createSimulatedDisk(1);
  const { writer } = await openLog(simulated);
  await appendTrack(writer, 'a');
  const second = await appendTrack(writer, 'b');
  const end = writer.durablePosition();
  const feed = openFeed({
    disk: simulated.disk,
    logger: { error() {}, warn() {}, info() {}, debug() {} },
    ledger: { duplicatesBetween: () => new Set() },
    folders: new Map([[PARTITION, FOLDER]]),
    archive: {
      read: () => Promise.reject(new Error('nothing is archived')),
      firstPosition: () => Promise.resolve(null),
      close() {},
    },
  });
  const idsUpTo = async (upTo: number): Promise<unknown> => {
    const chunk = await feed.read(PARTITION, SEGMENT_HEADER_BYTES, upTo);
    const ids = chunk?.records.flatMap(({ events }) => events.map(({ messageId }) => messageId));
    return { ids, next: chunk?.next };
  };

  assert.deepEqual(await idsUpTo(end), { ids: ['a', 'b'], next: end });
  assert.deepEqual(await idsUpTo(second), { ids: ['a'], next: second });
  assert.deepEqual(await idsUpTo(end), { ids: ['a', 'b'], next: end });
  await feed.close();
  await writer.close();
});
