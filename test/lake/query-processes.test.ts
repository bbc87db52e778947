/** The processes of the pool by themselves: what they share, when they end, what they leave. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../src/base/clock.ts';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { configSchema } from '../../src/config/config-schema.ts';
import type { KnownViews, LakeTables } from '../../src/lake/lake-tables.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createMetricsRegistry } from '../../src/observe/metrics.ts';
import { createQueryPool } from '../../src/query/query-pool.ts';
import type { QueryPool } from '../../src/query/query-pool.ts';
import type { Asker } from '../../src/query/query-process-handle.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const NO_FILES = {
  files: { events: [], rejected: [] },
  parts: { events: [], rejected: [] },
};

async function open(
  tables: (known: KnownViews) => LakeTables,
  clock: Clock = systemClock,
  given: object = {},
): Promise<{ pool: QueryPool; folder: string; ask(sql: string, asker?: Asker): Promise<unknown> }> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-pool-'));
  const { sql: settings } = configSchema.parse({ sql: given });
  const pool = createQueryPool({
    ...settings,
    setup: { ...settings, dataFolder: folder, regions: ['us'] },
    tables: (known) => Promise.resolve(tables(known)),
    clock,
    random: systemRandom,
    logger: createLogger('test', 'silent'),
    metrics: createMetricsRegistry(),
  });
  closers.push(() => rm(folder, { recursive: true }));
  closers.push(() => pool.stop());
  const ask = async (sql: string, asker: Asker = 'person'): Promise<unknown> => {
    const request = { sql, format: 'rows', timeoutMs: 30_000, rowsMax: 10 } as const;
    const result = await pool.query(request, asker);
    return result.format === 'rows' ? result.rows : null;
  };
  return { pool, folder, ask };
}

const empty = (): LakeTables => ({ ...NO_FILES, views: [], known: { opening: 'a', version: 0 } });

test('views of a lake that was opened anew are made, whatever their version', async () => {
  const view = (schema: string) =>
    [
      [`create schema if not exists "${schema}"`, `create schema if not exists "${schema}"`],
      [
        `create or replace view "${schema}"."t"`,
        `create or replace view "${schema}"."t" as select '${schema}' as x`,
      ],
    ] as const;
  let lake = { opening: 'a', version: 57, schema: 'old' };
  const { ask } = await open(({ opening, version }) => ({
    ...NO_FILES,
    views: opening === lake.opening && version >= lake.version ? [] : view(lake.schema),
    known: { opening: lake.opening, version: lake.version },
  }));
  assert.deepEqual(await ask('from old.t'), [['old']]);
  lake = { opening: 'b', version: 3, schema: 'young' };
  assert.deepEqual(await ask('from young.t'), [['young']]);
});

test('a process that others use is not ended because one of them has finished', async () => {
  // Idle time passes at once: whatever is not in use goes.
  const impatient: Clock = {
    ...systemClock,
    sleep: (ms, signal) => systemClock.sleep(ms === 30_000 ? 50 : ms, signal),
  };
  const { ask } = await open(empty, impatient);
  const long = `select count(*) from range(4000000) t(i) where md5(i::varchar) like 'abcdef%'`;
  const short = Array.from({ length: 3 }, () => ask('select 1', 'millrace'));
  const answer = ask(long, 'millrace');
  await Promise.all(short);
  const [[count]] = (await answer) as [[string]];
  assert.ok(Number(count) >= 0);
});

test('a process that takes more memory than it may have is ended, and the next one runs', async () => {
  const { ask } = await open(empty, systemClock, { processBytesMax: 500_000_000 });
  const large = `select count(*) from (
    select repeat(i::varchar, 300000000) as x from range(1, 9) t(i)) where x like '%ab%'`;
  await assert.rejects(ask(large), /sql\.processBytesMax/);
  assert.deepEqual(await ask('select 1'), [[1]]);
});

test('what does not fit into memory goes to a folder of each process, and goes with it', async () => {
  const { ask, pool, folder } = await open(empty);
  const spilling = (seed: number) => `
    select count(*)::int as n,
      sum(case when x <> md5(s::varchar) || repeat('a', 900) then 1 else 0 end)::int as wrong
    from (select md5((i + ${seed})::varchar) || repeat('a', 900) as x, sum(i + ${seed}) as s
          from range(900000) t(i) group by 1)`;
  const answers = Promise.all([ask(spilling(1)), ask(spilling(5_000_000))]);
  const seen = new Set<string>();
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      for (const name of await readdir(join(folder, 'tmp'), { recursive: true }).catch(() => [])) {
        if (name.endsWith('.tmp')) seen.add(name.split('/')[0] ?? '');
      }
      await sleep(10);
    }
  })();
  assert.deepEqual(await answers, [[[900_000, 0]], [[900_000, 0]]]);
  isOver = true;
  await watching;
  assert.equal(seen.size, 2, 'both spilled, each to its own');
  await pool.stop();
  while ((await readdir(join(folder, 'tmp'))).length > 0) await sleep(10);
});
