/** The hot tail as parts: what is in them, what becomes of them, and what cannot be loaded. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import type { Disk } from '../../src/base/disk.ts';
import { systemDisk } from '../../src/base/disk.ts';
import { systemRandom } from '../../src/base/random.ts';
import { openLedger } from '../../src/dispatch/ledger.ts';
import { openCatalog } from '../../src/lake/file-catalog.ts';

import {
  append,
  COUNT,
  DAY_MS,
  events,
  load,
  newFolder,
  open,
  removeFolders,
  rows,
  START_MS,
} from '../support/lake-folder.ts';

afterEach(removeFolders);

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
  await second.lake.flusher.flushAll();
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
  await lake.flusher.flushAll();
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
  await lake.flusher.flushAll();
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
  await lake.flusher.flushAll();
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
    await lake.flusher.flushAll();
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
  await first.lake.flusher.flushAll();
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
  await first.lake.flusher.flushAll();
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
  const flusher = lake.flusher;
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

test('a lake that closes while files are joined ends that first, and loses nothing', async () => {
  const folder = await newFolder();
  const settings = { flushRows: 1, compactFilesMin: 2 };
  for (let round = 0; round < 8; round++) {
    await append(folder, 'us-0', [{ body: events(2_000, round * 2_000) }]);
    const { lake } = await open(folder, settings);
    await load(lake);
    await lake.flusher.flushAll();
    // Begins to join the files of the rounds before.
    await lake.flusher.tend();
    // Under a statement an engine waits for itself when it closes, and this process never ends.
    await lake.close();
  }
  const { lake } = await open(folder, settings);
  await load(lake);
  assert.deepEqual(await rows(lake, COUNT), [{ n: 16_000, d: 16_000 }]);
  await lake.close();
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
