/** Opens the lake in this process, for a query while no server runs. Changes nothing. */
import { systemClock } from '../base/clock.ts';
import { systemDisk } from '../base/disk.ts';
import { systemRandom } from '../base/random.ts';
import type { Config } from '../config/config-schema.ts';
import { openLake } from '../lake/lake.ts';
import { createQueryPool } from '../query/query-pool.ts';
import type { SqlRows } from '../query/run-sql.ts';
import { createLogger } from '../observe/logger.ts';
import { createMetricsRegistry } from '../observe/metrics.ts';
import { listPartitions } from '../lake/known-partitions.ts';
import { listSourcesEver } from '../store/sources/sources.ts';
import { closeStore, openStore, storePlace } from '../store/store.ts';
import { assert } from '../base/assert.ts';
import { dataFolderOf } from './cli-settings.ts';

/** The caller holds the folder's lock. @throws MillraceError as `runSql`. */
export async function queryStopped(config: Config, sql: string): Promise<SqlRows> {
  const dataFolder = dataFolderOf(config);
  const store = openStore(storePlace(config, dataFolder));
  const sources = listSourcesEver(store);
  closeStore(store);
  const regions = [...new Set([...Object.keys(config.regions), ...sources.map((s) => s.region)])];
  const logger = createLogger('sql', config.logging.level);
  const lake = await openLake({
    disk: systemDisk,
    clock: systemClock,
    random: systemRandom,
    logger,
    metrics: createMetricsRegistry(),
    dataFolder,
    regions,
    settings: { ...config.lake, ...config.dispatch, queryMs: config.sql.timeoutMs },
    isReadOnly: true,
  });
  const pool = createQueryPool({
    ...config.sql,
    setup: { ...config.sql, dataFolder, regions },
    tables: (known) => Promise.resolve(lake.tables(known)),
    clock: systemClock,
    random: systemRandom,
    logger,
    metrics: createMetricsRegistry(),
  });
  try {
    lake.setSources(sources);
    for (const { name, region } of await listPartitions(systemDisk, dataFolder, regions, 0)) {
      await lake.addPartition(name, region);
    }
    // What the log holds beyond the lake's files; the end of the files is the end of the log.
    while (await lake.step(() => Number.POSITIVE_INFINITY)) {
      const { rows, bytes } = lake.waiting();
      if (rows >= config.lake.flushRows || bytes >= config.lake.flushBytes) await lake.cut();
    }
    await lake.cut();
    await lake.settled();
    const { timeoutMs, rowsMax } = config.sql;
    const request = { sql, format: 'rows', timeoutMs, rowsMax } as const;
    const result = await pool.query(request, 'person');
    assert(result.format === 'rows', 'rows were asked for');
    return result;
  } finally {
    await pool.stop();
    await lake.close();
  }
}
