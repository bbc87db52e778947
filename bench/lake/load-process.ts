/** Loads a backlog as the lake's thread does, and says what it took. Arguments: a data folder. */
import { systemClock } from '../../src/base/clock.ts';
import { systemDisk } from '../../src/base/disk.ts';
import { systemRandom } from '../../src/base/random.ts';
import { configSchema } from '../../src/config/config-schema.ts';
import { openLake } from '../../src/lake/lake.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createMetricsRegistry } from '../../src/observe/metrics.ts';

const [dataFolder = ''] = process.argv.slice(2);
const config = configSchema.parse({});
const lake = await openLake({
  disk: systemDisk,
  clock: systemClock,
  random: systemRandom,
  logger: createLogger('bench', 'warn'),
  metrics: createMetricsRegistry(),
  dataFolder,
  regions: ['us'],
  settings: { ...config.lake, ...config.dispatch, queryMs: config.sql.timeoutMs },
  isReadOnly: false,
});
lake.setSources([
  { number: 1, id: 'src_1', slug: 'shop', region: 'us', environment: 'production' },
]);
await lake.addPartition('us-0', 'us');
const flusher = lake.flusher;
const startedMs = performance.now();
const before = process.cpuUsage();
let peakBytes = 0;
for (;;) {
  const hasProgress = await lake.step(() => Number.POSITIVE_INFINITY);
  const { rows, bytes } = lake.waiting();
  if (rows >= config.lake.flushRows || bytes >= config.lake.flushBytes || !hasProgress) {
    await lake.cut();
  }
  await flusher.tend();
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  if (!hasProgress) break;
}
await lake.settled();
await flusher.flushAll();
const { user, system } = process.cpuUsage(before);
const files = lake.state.catalog.files('events');
const events = files.reduce((sum, file) => sum + file.rows, 0);
const result = {
  events,
  seconds: (performance.now() - startedMs) / 1000,
  cpuMicroseconds: (user + system) / events,
  parquetBytes: files.reduce((sum, file) => sum + file.bytes, 0) / events,
  files: files.length,
  peakMegabytes: peakBytes / 2 ** 20,
};
await lake.close();
process.stdout.write(`${JSON.stringify(result)}\n`);
