/** A destination at work, as far as it can be told without a service. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { systemDisk } from '../../src/base/disk.ts';
import { netSchema } from '../../src/config/net-schema.ts';
import { createEngine } from '../../src/deliver/delivery-engine.ts';
import { startDestinationRun } from '../../src/deliver/destination-run.ts';
import type { DestinationRecord } from '../../src/deliver/destination-record.ts';
import type { RunSeams } from '../../src/deliver/destination-run-state.ts';
import type { Feed } from '../../src/deliver/feed/feed-contract.ts';
import type { DestinationType } from '../../src/destinations/destination-contract.ts';
import { webhook } from '../../src/destinations/webhook/webhook.ts';
import { createNet } from '../../src/net/guarded-net.ts';
import { createMetricsRegistry } from '../../src/observe/metrics.ts';
import { seededRandom, SETTINGS } from '../support/delivery-scenario.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';

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

const NO_FEED: Feed = {
  read: () => Promise.resolve(null),
  event: () => Promise.resolve(null),
  segments: () => Promise.resolve([]),
  firstPosition: () => Promise.resolve(null),
  close: () => Promise.resolve(),
};

interface Scene {
  clock: VirtualClock;
  seams: RunSeams;
}

/** With a data folder, a clock and a net of its own, which end with the test. */
async function openScene(t: TestContext, feed: Feed = NO_FEED): Promise<Scene> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'millrace-run-'));
  const clock = createVirtualClock();
  const net = createNet({ settings: netSchema.parse({}), clock });
  t.after(async () => {
    await net.close();
    await rm(dataFolder, { recursive: true, force: true });
  });
  const seams: RunSeams = {
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
    renewedTokens: () => undefined,
    keepTokens: () => undefined,
    sources: () => new Map(),
    isSuppressed: () => false,
    partitions: () => ['us-0'],
    judgedEnd: () => 0,
  };
  return { clock, seams };
}

test('a state that is open is not opened again when its place is not found at once', async (t) => {
  const asked = Promise.withResolvers<void>();
  let asks = 0;
  const { clock, seams } = await openScene(t, {
    ...NO_FEED,
    segments() {
      asked.resolve();
      return ++asks === 1 ? Promise.reject(new Error('no disk')) : Promise.resolve([]);
    },
  });
  const run = startDestinationRun(RECORD, seams);
  await asked.promise;
  await clock.runUntil(() => run.status().failure === 'no disk');
  const first = run.state();
  // The pause before the second attempt.
  await clock.runUntil(() => clock.monotonicMs() > 0);
  await run.placed;
  assert.ok(first);
  assert.equal(run.state(), first);
  await run.stop();
});

test('a destination whose streams cannot be started says so, and is tried again', async (t) => {
  const { clock, seams } = await openScene(t);
  const opened = Promise.withResolvers<void>();
  const stateOf = (): DatabaseSync | undefined => run.state()?.database;
  const type: DestinationType = {
    ...webhook,
    open() {
      opened.resolve();
      stateOf()?.exec('alter table streams rename to elsewhere');
      return Promise.resolve({
        deliver: () => Promise.resolve([]),
        close: () => Promise.resolve(),
      });
    },
    parseSettings: (settings) => settings,
  };
  const run = startDestinationRun(RECORD, { ...seams, findType: () => type });
  await opened.promise;
  await clock.runUntil(() => /no such table/.test(run.status().failure ?? ''));
  stateOf()?.exec('alter table elsewhere rename to streams');
  await clock.runUntil(() => run.status().failure === null);
  await run.stop();
});

test('a change of destinations that fails keeps no later change from being made', async (t) => {
  const { seams } = await openScene(t);
  const { metrics } = seams;
  let isBroken = true;
  const engine = createEngine({
    ...seams,
    get metrics() {
      if (isBroken) throw new Error('nothing starts');
      return metrics;
    },
    allPartitions: () => [],
    publishHold() {},
  });
  await assert.rejects(engine.setDestinations([RECORD]), /nothing starts/);
  isBroken = false;
  await engine.setDestinations([RECORD]);
  assert.equal(engine.find('d').record.id, 'd1');
  await engine.stop();
});
