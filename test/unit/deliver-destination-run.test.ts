/** A destination at work, as far as it can be told without a service. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemDisk } from '../../src/base/disk.ts';
import { netSchema } from '../../src/config/net-schema.ts';
import { startDestinationRun } from '../../src/deliver/destination-run.ts';
import type { DestinationRecord } from '../../src/deliver/destination-record.ts';
import type { Feed } from '../../src/deliver/feed/feed-contract.ts';
import { createNet } from '../../src/net/guarded-net.ts';
import { createMetricsRegistry } from '../../src/observe/metrics.ts';
import { seededRandom, SETTINGS } from '../support/delivery-scenario.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const RECORD: DestinationRecord = {
  id: 'd1',
  slug: 'd',
  name: 'D',
  type: 'of nothing',
  region: 'us',
  state: 'enabled',
  sources: null,
  settings: {},
  consentCategories: [],
  filters: [],
  delivery: {},
  start: { fromMs: 1 },
};

test('a state that is open is not opened again when its place is not found at once', async () => {
  const dataFolder = await mkdtemp(join(tmpdir(), 'millrace-run-'));
  const clock = createVirtualClock();
  const asked = Promise.withResolvers<void>();
  let asks = 0;
  const feed: Feed = {
    read: () => Promise.resolve(null),
    event: () => Promise.resolve(null),
    segments() {
      asked.resolve();
      return ++asks === 1 ? Promise.reject(new Error('no disk')) : Promise.resolve([]);
    },
    firstPosition: () => Promise.resolve(null),
    close: () => Promise.resolve(),
  };
  const net = createNet({ settings: netSchema.parse({}), clock });
  const run = startDestinationRun(RECORD, {
    disk: systemDisk,
    clock,
    random: seededRandom(1),
    logger: { error() {}, warn() {}, info() {}, debug() {} },
    metrics: createMetricsRegistry(),
    net,
    feed,
    dataFolder,
    settings: SETTINGS,
    findType: () => undefined,
    sources: () => new Map(),
    isSuppressed: () => false,
    partitions: () => ['us-0'],
    judgedEnd: () => 0,
  });
  try {
    await asked.promise;
    await clock.runUntil(() => run.status().failure === 'no disk');
    const first = run.state();
    // The pause before the second attempt.
    await clock.runUntil(() => clock.monotonicMs() > 0);
    await run.placed;
    assert.ok(first);
    assert.equal(run.state(), first);
  } finally {
    await run.stop();
    await net.close();
    await rm(dataFolder, { recursive: true, force: true });
  }
});
