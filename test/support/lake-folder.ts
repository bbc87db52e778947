/** A data folder with a log, and the lake over it, in the process of the test. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import type { Clock } from '../../src/base/clock.ts';
import type { Disk } from '../../src/base/disk.ts';
import { systemDisk } from '../../src/base/disk.ts';
import { systemRandom } from '../../src/base/random.ts';
import { configSchema } from '../../src/config/config-schema.ts';
import { decodeBody } from '../../src/events/decode.ts';
import { encodeEnvelope } from '../../src/events/envelope.ts';
import { emptyMarks, putValueMark } from '../../src/events/event-marks.ts';
import { DEFAULT_EVENT_LIMITS } from '../../src/events/limits.ts';
import { openEngine } from '../../src/lake/sql-engine.ts';
import { openLake } from '../../src/lake/lake.ts';
import type { Lake } from '../../src/lake/lake.ts';
import type { LakeSettings } from '../../src/lake/lake-state.ts';
import { NO_VIEWS, tableStatements } from '../../src/lake/lake-tables.ts';
import { openLogWriter } from '../../src/log/log-writer.ts';
import { partitionFolder } from '../../src/log/partition-folder.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createMetricsRegistry } from '../../src/observe/metrics.ts';

export const DAY_MS = 86_400_000;
export const START_MS = Date.parse('2026-06-01T23:59:00Z');
const SOURCES = [
  { number: 1, id: 'src_1', slug: 'shop', region: 'us', environment: 'production' },
  { number: 2, id: 'src_2', slug: 'app', region: 'eu', environment: 'production' },
];

const closers: (() => Promise<void>)[] = [];
/** Removes what `newFolder` made; called after each test. */
export async function removeFolders(): Promise<void> {
  for (const close of closers.splice(0).toReversed()) await close();
}

export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-parts-'));
  closers.push(() => rm(folder, { recursive: true }));
  return folder;
}

export interface Request {
  body: unknown;
  receivedAtMs?: number;
  sourceNumber?: number;
}

/** Appends requests to a partition's log as the collector does. */
export async function append(
  folder: string,
  partition: string,
  requests: readonly Request[],
): Promise<void> {
  const region = partition.split('-')[0] ?? 'us';
  const writer = await openLogWriter({
    disk: systemDisk,
    clock: systemClock,
    folder: partitionFolder(folder, region, partition),
    partition,
    segmentBytesMax: 1 << 26,
    queueBytesMax: 1 << 26,
    onAlarm: (alarm) => assert.fail(JSON.stringify(alarm)),
  });
  for (const { body, receivedAtMs = START_MS, sourceNumber = 1 } of requests) {
    const bytes = Buffer.from(JSON.stringify(body));
    const decoded = decodeBody(bytes, 'batch', DEFAULT_EVENT_LIMITS, undefined);
    assert.ok(decoded.ok, 'the collector would take it');
    const marks = emptyMarks(decoded.eventCount);
    decoded.events.forEach((event, at) => putValueMark(marks, at, event, undefined, sourceNumber));
    const head = encodeEnvelope({
      kind: 'accepted',
      route: 'batch',
      receivedAtMs,
      sourceNumber,
      keyNumber: 1,
      eventCount: decoded.eventCount,
      ip: '',
      userAgent: '',
      isClient: false,
      rejections: decoded.rejections,
      marks,
    });
    await new Promise((resolve, reject) => {
      writer.append(head, bytes, bytes.length, (error) => (error ? reject(error) : resolve(null)));
    });
  }
  await writer.close();
}

export const events = (count: number, from = 0, more: object = {}): Request['body'] => ({
  batch: Array.from({ length: count }, (_, at) => ({
    type: 'track',
    event: 'E',
    userId: 'u',
    messageId: `m${from + at}`,
    properties: { n: from + at },
    ...more,
  })),
});

export async function open(
  folder: string,
  settings: Partial<LakeSettings> = {},
  disk: Disk = systemDisk,
  clock: Clock = systemClock,
): Promise<{ lake: Lake; metrics: ReturnType<typeof createMetricsRegistry> }> {
  const config = configSchema.parse({});
  const metrics = createMetricsRegistry();
  const lake = await openLake({
    disk,
    clock,
    random: systemRandom,
    logger: createLogger('test', 'silent'),
    metrics,
    dataFolder: folder,
    regions: ['us', 'eu'],
    settings: { ...config.lake, ...config.dispatch, queryMs: config.sql.timeoutMs, ...settings },
    isReadOnly: false,
  });
  lake.setSources(SOURCES);
  await lake.addPartition('us-0', 'us');
  await lake.addPartition('eu-0', 'eu');
  return { lake, metrics };
}

export async function load(lake: Lake): Promise<void> {
  while (await lake.step(() => Number.POSITIVE_INFINITY));
  await lake.cut();
  await lake.settled();
}

/** Rows as a query sees them now. */
export async function rows(lake: Lake, sql: string): Promise<Record<string, unknown>[]> {
  const { dataFolder } = lake.state.options;
  const engine = await openEngine({
    memoryLimit: '256MB',
    threads: 1,
    folders: [dataFolder],
    temporaryRoot: dataFolder,
  });
  try {
    for (const statement of tableStatements(lake.tables(NO_VIEWS)))
      await engine.connection.run(statement);
    return (await engine.connection.runAndReadAll(sql)).getRowObjectsJson();
  } finally {
    engine.close();
  }
}

export const COUNT = 'select count(*)::int as n, count(distinct message_id)::int as d from events';
