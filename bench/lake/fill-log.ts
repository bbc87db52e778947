/** Writes requests to a log as the collector does, without a network in between. */
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { systemDisk } from '../../src/base/disk.ts';
import { encodeEnvelope } from '../../src/events/envelope.ts';
import { emptyMarks, putPlainMark } from '../../src/events/event-marks.ts';
import { DEFAULT_EVENT_LIMITS } from '../../src/events/limits.ts';
import { createScanResult } from '../../src/events/scan-result.ts';
import { scanBody } from '../../src/events/scan.ts';
import { openLogWriter } from '../../src/log/log-writer.ts';
import { realisticBatch } from '../support/realistic-events.ts';

const BATCH = 100;
const SEGMENT_BYTES = 128 * 1024 * 1024;
const WAITING_MAX = 200;

/** @param receivedMs when batch `n` was received. Returns the bytes of all bodies. */
export async function fillLog(
  dataFolder: string,
  events: number,
  receivedMs: (batch: number) => number,
): Promise<number> {
  const writer = await openLogWriter({
    disk: systemDisk,
    clock: systemClock,
    folder: join(dataFolder, 'us', 'log', 'us-0'),
    partition: 'us-0',
    segmentBytesMax: SEGMENT_BYTES,
    queueBytesMax: 2 ** 30,
    onAlarm: (alarm) => {
      throw new Error(JSON.stringify(alarm));
    },
  });
  const scanned = createScanResult();
  let bytes = 0;
  let waiting: Promise<unknown>[] = [];
  for (let batch = 0; batch < events / BATCH; batch++) {
    const receivedAtMs = receivedMs(batch);
    const body = Buffer.from(realisticBatch(BATCH, receivedAtMs - 50));
    if (!scanBody(body, 'batch', DEFAULT_EVENT_LIMITS, undefined, scanned)) {
      throw new Error('the scanner takes ordinary traffic');
    }
    const marks = emptyMarks(BATCH);
    for (let item = 0; item < BATCH; item++) {
      const [start, end] = [scanned.idStarts[item] ?? -1, scanned.idEnds[item] ?? -1];
      putPlainMark(marks, item, scanned.types[item] ?? -1, 1, body, start, end);
    }
    const head = encodeEnvelope({
      kind: 'accepted',
      route: 'batch',
      receivedAtMs,
      sourceNumber: 1,
      keyNumber: 1,
      eventCount: BATCH,
      ip: '203.0.113.7',
      userAgent: 'bench',
      isClient: false,
      rejections: [],
      marks,
    });
    bytes += body.length;
    waiting.push(
      new Promise((resolve, reject) => {
        writer.append(head, body, body.length, (error) => (error ? reject(error) : resolve(null)));
      }),
    );
    if (waiting.length >= WAITING_MAX) {
      await Promise.all(waiting);
      waiting = [];
    }
  }
  await Promise.all(waiting);
  await writer.close();
  return bytes;
}
