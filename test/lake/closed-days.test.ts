/** Days that have passed: sorted by person, kept for so long, and not held up by each other. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { systemDisk } from '../../src/base/disk.ts';
import { systemRandom } from '../../src/base/random.ts';
import { closeDay, filesToClose } from '../../src/lake/closed-days.ts';
import type { Lake } from '../../src/lake/lake.ts';

import {
  append,
  COUNT,
  DAY_MS,
  load,
  newFolder,
  open,
  removeFolders,
  rows,
  START_MS,
} from '../support/lake-folder.ts';
import type { Request } from '../support/lake-folder.ts';

afterEach(removeFolders);

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
    const flusher = lake.flusher;
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
      // Two of three are of one of two, whose events fill slices by themselves.
      userId: at % 3 === 0 ? `${ids[at % ids.length]}${at % 90}` : `busy\0${at % 2}`,
      properties: { noise: systemRandom.uuid() },
    }));
    const requests = [0, 1_000, 2_000].map((from) => ({
      body: { batch: batch.slice(from, from + 1_000) },
      // The last is not known to the lake when it is loaded.
      sourceNumber: from === 2_000 ? 9 : 1,
    }));
    await append(folder, 'us-0', requests);
    const { lake } = await open(folder);
    await load(lake);
    await lake.flusher.flushAll();
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
        sliceBytes: 2_000,
      },
      files,
    );
    const total = closed.reduce((sum, file) => sum + file.rows, 0);
    assert.equal(total, 3_000);
    const bySource = new Map<number, number>();
    for (const { sourceNumber, count } of closed.flatMap((file) => file.counts)) {
      bySource.set(sourceNumber, (bySource.get(sourceNumber) ?? 0) + count);
    }
    assert.deepEqual([...bySource].toSorted(), [
      [1, 2_000],
      [9, 1_000],
    ]);
    assert.ok(closed.length > 1, 'counts of several files are counted anew');
    const paths = closed.map(({ path }) => `'${join(folder, path)}'`).join(', ');
    const after = await rows(
      lake,
      `select * from read_parquet([${paths}], hive_partitioning = false)
       order by position, index`,
    );
    assert.deepEqual(after, before);
    for (const { path } of closed) {
      const persons = await rows(
        lake,
        `select coalesce(user_id, anonymous_id) as person from read_parquet(
           '${join(folder, path)}', file_row_number = true) order by file_row_number`,
      );
      const texts = persons.map(({ person }) => Buffer.from(String(person)));
      assert.deepEqual(
        texts,
        texts.toSorted((one, two) => one.compare(two)),
      );
    }
    await lake.close();
  });

  test('are closed although another day has a damaged file', async () => {
    const folder = await newFolder();
    await append(folder, 'us-0', [visits(300, 0), visits(200, 1)]);
    const { lake, metrics } = await open(folder);
    await load(lake);
    await lake.flusher.flushAll();
    const damaged = lake.state.catalog.files('events').find(({ day }) => day === '2026-06-01');
    await writeFile(join(folder, damaged?.path ?? ''), 'PAR1 no more PAR1');
    const flusher = lake.flusher;
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
    const flusher = lake.flusher;
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
