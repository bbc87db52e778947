/** The hot tail as parts: what is in them, what becomes of them, and what cannot be loaded. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import type { Clock } from '../../src/base/clock.ts';
import type { Disk } from '../../src/base/disk.ts';
import { systemDisk } from '../../src/base/disk.ts';
import { systemRandom } from '../../src/base/random.ts';
import { configSchema } from '../../src/config/schema.ts';
import { openLedger } from '../../src/dispatch/ledger.ts';
import { decodeBody } from '../../src/events/decode.ts';
import { encodeEnvelope } from '../../src/events/envelope.ts';
import { emptyMarks, putValueMark } from '../../src/events/event-marks.ts';
import { DEFAULT_EVENT_LIMITS } from '../../src/events/limits.ts';
import { openEngine } from '../../src/lake/engine.ts';
import { openCatalog } from '../../src/lake/catalog.ts';
import { closeDay, filesToClose } from '../../src/lake/closed-days.ts';
import { createFlusher } from '../../src/lake/flush.ts';
import { openLake } from '../../src/lake/lake.ts';
import type { Lake } from '../../src/lake/lake.ts';
import type { LakeSettings } from '../../src/lake/lake-state.ts';
import { NO_VIEWS, tableStatements } from '../../src/lake/tables.ts';
import { openLogWriter } from '../../src/log/log-writer.ts';
import { partitionFolder } from '../../src/log/partition-folder.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createMetricsRegistry } from '../../src/observe/metrics.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.parse('2026-06-01T23:59:00Z');
const SOURCES = [
  { number: 1, id: 'src_1', slug: 'shop', region: 'us', environment: 'production' },
  { number: 2, id: 'src_2', slug: 'app', region: 'eu', environment: 'production' },
];

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-parts-'));
  closers.push(() => rm(folder, { recursive: true }));
  return folder;
}

interface Request {
  body: unknown;
  receivedAtMs?: number;
  sourceNumber?: number;
}

/** Appends requests to a partition's log as the collector does. */
async function append(
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

const events = (count: number, from = 0, more: object = {}): Request['body'] => ({
  batch: Array.from({ length: count }, (_, at) => ({
    type: 'track',
    event: 'E',
    userId: 'u',
    messageId: `m${from + at}`,
    properties: { n: from + at },
    ...more,
  })),
});

async function open(
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

async function load(lake: Lake): Promise<void> {
  while (await lake.step(() => Number.POSITIVE_INFINITY));
  await lake.cut();
  await lake.settled();
}

/** Rows as a query sees them now. */
async function rows(lake: Lake, sql: string): Promise<Record<string, unknown>[]> {
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

const COUNT = 'select count(*)::int as n, count(distinct message_id)::int as d from events';

test('rows are in parts, then in files, each once; a restart makes parts of the log again', async () => {
  const folder = await newFolder();
  await append(folder, 'us-0', [{ body: events(30) }, { body: events(10, 20) }]);
  const first = await open(folder);
  await load(first.lake);
  assert.deepEqual(await rows(first.lake, COUNT), [{ n: 30, d: 30 }]);
  assert.equal(first.lake.state.catalog.files().length, 0);
  await first.lake.close();
  const second = await open(folder);
  assert.deepEqual(await rows(second.lake, COUNT), [{ n: 0, d: 0 }]);
  await load(second.lake);
  assert.deepEqual(await rows(second.lake, COUNT), [{ n: 30, d: 30 }]);
  await createFlusher(second.lake.state).flushAll();
  assert.equal(second.lake.state.parts.length, 0);
  assert.equal(second.lake.state.catalog.files().length, 1);
  assert.deepEqual(await rows(second.lake, COUNT), [{ n: 30, d: 30 }]);
  await second.lake.close();
});

test('what came in a region is in its folder, parts and all that is on the way too', async () => {
  const folder = await newFolder();
  const secret = 'only-for-europe';
  await append(folder, 'us-0', [{ body: events(5) }]);
  await append(folder, 'eu-0', [
    { body: events(5, 5, { name: secret }), sourceNumber: 2 },
    { body: { batch: [{ type: 'track', userId: secret, messageId: 'x' }] }, sourceNumber: 2 },
  ]);
  // A file is looked at the moment it is written to or gets its name.
  const seen = new Map<string, string>();
  const watching: Disk = {
    ...systemDisk,
    async rename(from, to) {
      seen.set(to, await readFile(from, 'latin1'));
      await systemDisk.rename(from, to);
    },
    async remove(path) {
      seen.set(path, await readFile(path, 'latin1').catch(() => ''));
      await systemDisk.remove(path);
    },
  };
  const { lake } = await open(folder, {}, watching);
  await load(lake);
  await createFlusher(lake.state).flushAll();
  await lake.close();
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    const content = await readFile(path, 'latin1').catch(() => '');
    if (!seen.has(path)) seen.set(path, content);
  }
  const holding = [...seen].filter(([, content]) => content.includes(secret));
  assert.ok(holding.length >= 3, 'log, lines and rejected rows hold it');
  for (const [path] of holding) assert.ok(path.startsWith(join(folder, 'eu')), path);
});

test('rows of two days, of two sources, and large parts become files of one day each', async () => {
  const folder = await newFolder();
  await append(folder, 'us-0', [
    { body: events(40) },
    { body: events(40, 40), receivedAtMs: START_MS + DAY_MS, sourceNumber: 2 },
  ]);
  const { lake } = await open(folder, { flushRows: 60 });
  await load(lake);
  await createFlusher(lake.state).flushAll();
  const files = lake.state.catalog.files('events');
  assert.deepEqual(files.map(({ day, rows: n }) => [day, n]).toSorted(), [
    ['2026-06-01', 40],
    ['2026-06-02', 40],
  ]);
  const found = await rows(
    lake,
    `select source, source_id, count(*)::int as n, min(received_at)::date::varchar as day
     from events group by 1, 2 order by 1`,
  );
  assert.deepEqual(found, [
    { source: 'app', source_id: 'src_2', n: 40, day: '2026-06-02' },
    { source: 'shop', source_id: 'src_1', n: 40, day: '2026-06-01' },
  ]);
  const only = await rows(
    lake,
    `select count(*)::int as n from events where received_at >= timestamp '2026-06-02'`,
  );
  assert.deepEqual(only, [{ n: 40 }]);
  await lake.close();
});

test('a large part of one day becomes a file without being written again', async () => {
  const folder = await newFolder();
  await append(folder, 'us-0', [{ body: events(50) }]);
  const { lake } = await open(folder, { flushRows: 50 });
  await load(lake);
  const [part] = lake.state.parts;
  assert.ok(part?.isWhole);
  await createFlusher(lake.state).flushAll();
  const [file] = lake.state.catalog.files('events');
  assert.equal(join(folder, file?.path ?? ''), part.path);
  assert.deepEqual(await rows(lake, COUNT), [{ n: 50, d: 50 }]);
  await lake.close();
});

describe('a row that the SQL engine refuses', () => {
  /** Breaks documents on their way to the engine, as an engine with a fault would see them. */
  function breaking(text: string, by: string): Disk {
    return {
      ...systemDisk,
      async open(path, mode) {
        const file = await systemDisk.open(path, mode);
        if (!/\.(lines|ndjson)$/.test(path)) return file;
        return {
          ...file,
          async write(buffer, offset, length, position) {
            const bytes = Buffer.from(buffer.buffer, buffer.byteOffset + offset, length);
            const broken = Buffer.from(bytes.toString('latin1').replaceAll(text, by), 'latin1');
            return file.write(broken, 0, length, position);
          },
        };
      },
    };
  }

  test('is kept without its documents, and its neighbours are whole', async () => {
    const folder = await newFolder();
    const broken = { type: 'track', event: 'Bad', userId: 'u', messageId: 'bad' };
    const body = events(20) as { batch: object[] };
    body.batch.splice(11, 0, { ...broken, properties: { broken: 12345 } });
    await append(folder, 'us-0', [{ body }]);
    const { lake, metrics } = await open(
      folder,
      {},
      breaking('"broken":12345', '"broken":nought'.slice(0, 14)),
    );
    await load(lake);
    const found = await rows(
      lake,
      `select message_id, event, user_id, properties, extra->>'unloadable' as line
       from events where properties is null`,
    );
    assert.equal(found.length, 1);
    assert.equal(found[0]?.['message_id'], 'bad');
    assert.equal(found[0]['event'], 'Bad');
    assert.equal(found[0]['user_id'], 'u');
    const line = Buffer.from(String(found[0]['line']), 'base64').toString();
    assert.match(line, /"broken":nough/);
    assert.deepEqual(await rows(lake, COUNT), [{ n: 21, d: 21 }]);
    assert.equal(metrics.cell('millrace_lake_unloadable_total').value, 1);
    await createFlusher(lake.state).flushAll();
    assert.deepEqual(await rows(lake, COUNT), [{ n: 21, d: 21 }]);
    await lake.close();
  });

  test('is told from a disk that fails: what was written half is removed, and told', async () => {
    const folder = await newFolder();
    await append(folder, 'us-0', [{ body: events(20) }]);
    const failing: Disk = {
      ...systemDisk,
      rename(from, to) {
        if (!from.includes('/parts/')) return systemDisk.rename(from, to);
        return Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }));
      },
    };
    const { lake } = await open(folder, {}, failing, { ...systemClock, sleep: async () => {} });
    await assert.rejects(load(lake), /EIO/);
    // Nothing new comes, and still the loop hears of the rows that nobody can see.
    await assert.rejects(
      lake.step(() => Number.POSITIVE_INFINITY),
      /EIO/,
    );
    const left = await readdir(join(folder, 'us'), { recursive: true });
    assert.deepEqual(
      left.filter((name) => name.endsWith('.tmp')),
      [],
    );
    await lake.close();
    const again = await open(folder);
    await load(again.lake);
    assert.deepEqual(await rows(again.lake, COUNT), [{ n: 20, d: 20 }]);
    await again.lake.close();
  });

  test('is told from a disk that fails: then all rows are written again, whole', async () => {
    const folder = await newFolder();
    await append(folder, 'us-0', [{ body: events(20) }]);
    let failures = 2;
    const failing: Disk = {
      ...systemDisk,
      async rename(from, to) {
        if (from.includes('/parts/') && failures-- > 0) {
          throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
        }
        await systemDisk.rename(from, to);
      },
    };
    const { lake, metrics } = await open(folder, {}, failing);
    await load(lake);
    assert.equal(metrics.cell('millrace_lake_failures_total').value, 2);
    assert.equal(metrics.cell('millrace_lake_unloadable_total').value, 0);
    const found = await rows(lake, 'select count(properties)::int as n from events');
    assert.deepEqual(found, [{ n: 20 }]);
    await lake.close();
  });
});

test('a data folder of the version before forgets no messageId of its window', async () => {
  const folder = await newFolder();
  await append(folder, 'us-0', [{ body: events(30) }]);
  const first = await open(folder);
  await load(first.lake);
  await createFlusher(first.lake.state).flushAll();
  await first.lake.close();
  // As that version left it: fingerprints made in another way, and no table of those to make.
  const path = join(folder, 'dispatch.db');
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path);
  database.exec(
    `update fingerprints set entries = randomblob(length(entries));
     drop table unfilled; pragma user_version = 1;`,
  );
  database.close();
  await append(folder, 'us-0', [{ body: events(40) }]);
  const second = await open(folder);
  await load(second.lake);
  assert.deepEqual(await rows(second.lake, COUNT), [{ n: 40, d: 40 }]);
  await second.lake.close();
  const ledger = openLedger(path);
  assert.deepEqual(ledger.unfilled(), []);
  ledger.close();
});

test('the window of several partitions is made anew hour by hour, whoever comes first', async () => {
  const folder = await newFolder();
  const hours = (hour: number): number => START_MS + hour * 3_600_000;
  await append(folder, 'us-0', [{ body: events(1, 500), receivedAtMs: hours(40) }]);
  await append(folder, 'eu-0', [{ body: events(1, 600), receivedAtMs: hours(20) }]);
  const first = await open(folder);
  await load(first.lake);
  await createFlusher(first.lake.state).flushAll();
  await first.lake.close();
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(join(folder, 'dispatch.db'));
  database.exec(`delete from fingerprints; drop table unfilled; pragma user_version = 1;`);
  database.close();
  // 46 hours after the start the id of hour 20 is older than a day, that of hour 40 is not.
  const later = { body: events(1, 500), receivedAtMs: hours(46) };
  await append(folder, 'eu-0', [later, { body: events(1, 600), receivedAtMs: hours(46) }]);
  const second = await open(folder);
  await load(second.lake);
  assert.deepEqual(await rows(second.lake, COUNT), [{ n: 3, d: 2 }]);
  await second.lake.close();
});

test('files of a day are joined level by level, in little memory, while they are read', async () => {
  const folder = await newFolder();
  const filler = 'x'.repeat(400);
  const { lake } = await open(folder, {
    memoryLimit: '128MB',
    flushRows: 1,
    flushSeconds: 1,
    compactFilesMin: 4,
  });
  const flusher = createFlusher(lake.state);
  const counts: number[] = [];
  for (let round = 0; round < 16; round++) {
    const noise = (): string => `${systemRandom.uuid()}${systemRandom.uuid()}`;
    const more = { context: { filler, noise: noise(), other: noise() } };
    await append(folder, 'us-0', [{ body: events(1_000, round * 1_000, more) }]);
    await load(lake);
    await flusher.flushAll();
    for (let turn = 0; turn < 40; turn++) {
      await flusher.tend();
      await systemClock.sleep(5);
    }
    counts.push(lake.state.catalog.files('events').length);
    const expected = (round + 1) * 1_000;
    assert.deepEqual(await rows(lake, COUNT), [{ n: expected, d: expected }]);
  }
  assert.ok(Math.max(...counts) <= 8, `files: ${counts.join(' ')}`);
  await lake.close();
});

describe('days that have passed', () => {
  const visits = (count: number, day: number): Request => ({
    receivedAtMs: START_MS - 3_600_000 + day * DAY_MS,
    body: {
      batch: Array.from({ length: count }, (_, at) => ({
        type: 'track',
        event: 'E',
        messageId: `d${day}-${at}`,
        ...(at % 2 === 0 ? { userId: `u${at % 37}` } : {}),
        anonymousId: `a${at % 53}`,
        properties: { n: at },
      })),
    },
  });
  const settle = async (lake: Lake): Promise<void> => {
    const flusher = createFlusher(lake.state);
    await flusher.flushAll();
    const isSettled = () => lake.state.catalog.files('events').every(({ isClosed }) => isClosed);
    for (let turn = 0; turn < 500 && !isSettled(); turn++) {
      await flusher.tend();
      await systemClock.sleep(20);
    }
    await flusher.flushAll();
  };

  test('are written once more, by person, with all their rows', async () => {
    const folder = await newFolder();
    await append(folder, 'us-0', [visits(900, 0), visits(700, 1)]);
    const { lake } = await open(folder);
    await load(lake);
    const before = await rows(lake, 'select * from events order by position, index');
    await settle(lake);
    const files = lake.state.catalog.files('events');
    assert.deepEqual(files.map(({ day, rows: n, isClosed }) => [day, n, isClosed]).toSorted(), [
      ['2026-06-01', 900, true],
      ['2026-06-02', 700, true],
    ]);
    assert.deepEqual(await rows(lake, 'select * from events order by position, index'), before);
    const persons = await rows(
      lake,
      `select coalesce(user_id, anonymous_id) as person from read_parquet(
         '${join(folder, files[0]?.path ?? '')}', file_row_number = true) order by file_row_number`,
    );
    const sorted = persons.map(({ person }) => String(person));
    assert.deepEqual(sorted, sorted.toSorted());
    // Counts moved with the rows.
    const counts = lake.state.catalog.hourCounts('events');
    assert.deepEqual(counts.map(({ count }) => count).toSorted(), [700, 900]);
    await lake.close();
  });

  test('are cut between any two persons, whatever their ids hold', async () => {
    const folder = await newFolder();
    const ids = ["o'hara", 'n\0ul', 'é😀', '', '"', '\\', 'zz', 'Z', 'a\nb'];
    const batch = Array.from({ length: 3_000 }, (_, at) => ({
      type: 'track',
      event: 'E',
      messageId: `m${at}`,
      anonymousId: 'somebody',
      userId: `${ids[at % ids.length]}${at % 90}`,
      properties: { noise: systemRandom.uuid() },
    }));
    const requests = [0, 1_000, 2_000].map((from) => ({
      body: { batch: batch.slice(from, from + 1_000) },
    }));
    await append(folder, 'us-0', requests);
    const { lake } = await open(folder);
    await load(lake);
    await createFlusher(lake.state).flushAll();
    const before = await rows(lake, 'select * from events order by position, index');
    const files = lake.state.catalog.files('events');
    const closed = await closeDay(
      {
        connection: lake.state.background,
        disk: systemDisk,
        random: systemRandom,
        dataFolder: folder,
        countsOf: ({ id }) => lake.state.catalog.fileCounts(id),
        sourceNumbers: new Map([['src_1', 1]]),
        sliceBytes: 10_000,
      },
      files,
    );
    const total = closed.reduce((sum, file) => sum + file.rows, 0);
    assert.equal(total, 3_000);
    const paths = closed.map(({ path }) => `'${join(folder, path)}'`).join(', ');
    const after = await rows(
      lake,
      `select * from read_parquet([${paths}], hive_partitioning = false)
       order by position, index`,
    );
    assert.deepEqual(after, before);
    await lake.close();
  });

  test('are closed although another day has a damaged file', async () => {
    const folder = await newFolder();
    await append(folder, 'us-0', [visits(300, 0), visits(200, 1)]);
    const { lake, metrics } = await open(folder);
    await load(lake);
    await createFlusher(lake.state).flushAll();
    const damaged = lake.state.catalog.files('events').find(({ day }) => day === '2026-06-01');
    await writeFile(join(folder, damaged?.path ?? ''), 'PAR1 no more PAR1');
    const flusher = createFlusher(lake.state);
    const isClosed = (): boolean =>
      lake.state.catalog.files('events').some((file) => file.day === '2026-06-02' && file.isClosed);
    while (!isClosed()) {
      await flusher.tend();
      await systemClock.sleep(20);
    }
    assert.equal(metrics.cell('millrace_lake_failures_total').value, 1);
    await lake.close();
  });

  test('get what came late, together with their small files', () => {
    const file = (id: number, bytes: number, isClosed: boolean) => {
      const about = { kind: 'events', region: 'us', day: '2026-06-01', path: `${id}` } as const;
      return { ...about, id, rows: 1, bytes, isClosed };
    };
    const files = [file(1, 2 ** 30, true), file(2, 2 ** 20, true), file(3, 10, false)];
    const closing = filesToClose(files, new Set(), Date.parse('2026-06-05T00:00:00Z'));
    assert.deepEqual(
      closing?.map(({ id }) => id),
      [2, 3],
    );
  });

  test('wait while rows of them are in parts, and today is left alone', () => {
    const file = (day: string, isClosed = false) =>
      ({
        id: 1,
        kind: 'events',
        region: 'us',
        day,
        path: day,
        rows: 1,
        bytes: 1,
        isClosed,
      }) as const;
    const files = [file('2026-06-03'), file('2026-06-02'), file('2026-06-01', true)];
    const at = (time: string) => Date.parse(`2026-06-03T${time}Z`);
    const closing = (waiting: string[], time: string) =>
      filesToClose(files, new Set(waiting), at(time))?.map(({ day }) => day);
    assert.deepEqual(closing([], '00:09:00'), undefined);
    assert.deepEqual(closing([], '00:11:00'), ['2026-06-02']);
    assert.deepEqual(closing(['2026-06-02'], '12:00:00'), undefined);
  });

  test('that are older than they are kept go, and what they held stays counted', async () => {
    const folder = await newFolder();
    const today = Math.floor((systemClock.wallMs() - START_MS + 3_600_000) / DAY_MS);
    await append(folder, 'us-0', [visits(40, 0), visits(30, today - 1), visits(20, today)]);
    const { lake, metrics } = await open(folder, { retentionDays: 2 });
    await load(lake);
    await settle(lake);
    const flusher = createFlusher(lake.state);
    await flusher.tend();
    assert.deepEqual(await rows(lake, COUNT), [{ n: 50, d: 50 }]);
    assert.equal(metrics.cell('millrace_lake_expired_total').value, 40);
    assert.deepEqual(
      lake.state.catalog.expiredCounts('events').map(({ count }) => count),
      [40],
    );
    await lake.close();
  });
});

test('a catalog of the version before is taken over, with what it had let go', async () => {
  const folder = await newFolder();
  const path = join(folder, 'lake.db');
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path);
  database.exec(
    `create table cursors (partition text primary key, position integer not null) strict;
     create table files (
       id integer primary key autoincrement, kind text not null, region text not null,
       day text not null, path text not null unique, rows integer not null, bytes integer not null
     ) strict;
     create table file_counts (
       file_id integer not null references files (id) on delete cascade,
       source_number integer not null, hour integer not null, count integer not null,
       primary key (file_id, source_number, hour)) strict;
     create table expired_counts (
       source_number integer not null, hour integer not null, count integer not null,
       primary key (source_number, hour)) strict;
     insert into files values (1, 'events', 'us', '2026-01-02', 'us/lake/x.parquet', 5, 6);
     insert into expired_counts values (3, 400000, 7);
     pragma user_version = 1;`,
  );
  database.close();
  // Readers may be the first to open it.
  const catalog = openCatalog(path, { isReadOnly: true });
  assert.deepEqual(catalog.expiredCounts('rejected'), [
    { sourceNumber: 3, hour: 400_000, count: 7 },
  ]);
  assert.deepEqual(catalog.expiredCounts('events'), []);
  assert.equal(catalog.files()[0]?.isClosed, false);
  catalog.close();
});
