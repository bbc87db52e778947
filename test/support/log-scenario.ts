/** Short words for tests of the log: open, append, read everything, on a simulated disk. */
import { join } from 'node:path';
import type { Clock } from '../../src/base/clock.ts';
import type { Disk } from '../../src/base/disk.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { openLogReader } from '../../src/log/log-reader.ts';
import type { Damage } from '../../src/log/log-reader.ts';
import { openLogWriter } from '../../src/log/log-writer.ts';
import type { LogWriter, LogWriterOptions } from '../../src/log/log-writer.ts';
import type { LogAlarm } from '../../src/log/recover.ts';
import { segmentPath } from '../../src/log/segments.ts';
import type { SimulatedDisk } from './simulated-disk.ts';

export const FOLDER = '/data/us/log/us-0';
export const WATERMARK = join(FOLDER, 'watermark');
export const WALL_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

export interface OpenedLog {
  writer: LogWriter;
  alarms: LogAlarm[];
}

export interface ReadRecord {
  position: number;
  next: number;
  text: string;
}

export interface ReadLog {
  records: ReadRecord[];
  damage: Damage[];
  next: number;
}

const clock: Clock = {
  wallMs: () => WALL_MS,
  monotonicMs: () => 0,
  sleep: () => Promise.resolve(),
  after: () => () => undefined,
};

export function pathOfSegment(base: number): string {
  return segmentPath(FOLDER, base);
}

export async function openLog(
  simulated: SimulatedDisk,
  options: Partial<LogWriterOptions> = {},
): Promise<OpenedLog> {
  const alarms: LogAlarm[] = [];
  const writer = await openLogWriter({
    disk: simulated.disk,
    clock,
    folder: FOLDER,
    partition: 'us-0',
    segmentBytesMax: 1 << 20,
    queueBytesMax: 1 << 24,
    onAlarm: (alarm) => void alarms.push(alarm),
    ...options,
  });
  return { writer, alarms };
}

/** Resolves with the position when the record is durable; rejects with the error of the log. */
export function append(writer: LogWriter, text: string): Promise<number> {
  const bytes = Buffer.from(text);
  const envelopeBytes = Math.min(3, bytes.length);
  return new Promise((resolve, reject) => {
    let calls = 0;
    const body = bytes.subarray(envelopeBytes);
    const envelope = bytes.subarray(0, envelopeBytes);
    writer.append(envelope, body, body.length, (error, position) => {
      if (++calls > 1) throw new Error('done was called twice');
      if (error) reject(error);
      else resolve(position);
    });
  });
}

/** The code of the failure, or 'durable'. */
export async function outcomeOf(appended: Promise<number>): Promise<string> {
  try {
    await appended;
    return 'durable';
  } catch (error) {
    if (error instanceof MillraceError) return error.code;
    throw error;
  }
}

/** Reads until nothing new comes. */
export async function readLog(
  disk: Disk,
  options: { from?: number; upTo?: number; bytesMax?: number } = {},
): Promise<ReadLog> {
  const { from = 0, upTo = Infinity, bytesMax = 1 << 20 } = options;
  const reader = await openLogReader({ disk, folder: FOLDER, from });
  const found: ReadLog = { records: [], damage: [], next: from };
  for (;;) {
    const part = await reader.read(upTo, bytesMax);
    for (const { position, next, payload } of part.records) {
      found.records.push({ position, next, text: Buffer.from(payload).toString() });
    }
    found.damage.push(...part.damage);
    const isMoving = part.next !== found.next;
    found.next = part.next;
    if (!isMoving && part.records.length === 0) break;
  }
  await reader.close();
  return found;
}

export async function textsOf(disk: Disk): Promise<string[]> {
  return (await readLog(disk)).records.map(({ text }) => text);
}

/** Waits until the condition holds, one turn of the loop at a time. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns > 10_000) throw new Error('the condition did not come true');
    await turn();
  }
}

export function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
