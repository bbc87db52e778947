/** Counters over time: what is added, when, and how long it is kept. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, beforeEach, test } from 'node:test';
import { GRANULARITY_MS, openHistory } from '../../src/observe/history.ts';
import type { History, HistoryQuery } from '../../src/observe/history.ts';
import { createMetricsRegistry } from '../../src/observe/metrics.ts';
import { parseSeries } from '../../src/observe/series.ts';

const SETTINGS = { minuteDays: 7, hourDays: 90, dayDays: 1_830, seriesMax: 50 };
const START_MS = Date.UTC(2026, 0, 5);
const RECEIVED = 'millrace_events_received_total';
const { MINUTE, HOUR, DAY } = GRANULARITY_MS;

let folder = '';
let count = 0;
let nowMs = START_MS;
const clock = {
  wallMs: () => nowMs,
  monotonicMs: () => nowMs,
  sleep: () => Promise.reject(new Error('nothing sleeps here')),
  after: () => () => undefined,
};
let history: History;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-history-'));
});
after(() => rm(folder, { recursive: true }));
beforeEach(() => {
  nowMs = START_MS;
  history = openHistory(join(folder, `${++count}.db`), SETTINGS, clock);
});

const points = (query: Partial<HistoryQuery>): [number, number][] =>
  history
    .query({ metric: RECEIVED, fromMs: START_MS, toMs: nowMs + 1, granularity: 'MINUTE', ...query })
    .flatMap((series) => series.points);
const sum = (query: Partial<HistoryQuery>): number =>
  points(query).reduce((total, [, value]) => total + value, 0);

test("Millrace's own events are in no sum, whenever they were recorded", () => {
  const FILTERED = 'millrace_delivery_filtered_total';
  const path = join(folder, 'own.db');
  const record = (kept: History, source: string, reason: string): void => {
    const registry = createMetricsRegistry();
    registry.cell(RECEIVED, { source }).value = 3;
    registry.cell(FILTERED, { destination: 'crm', reason }).value = 3;
    kept.record([registry.snapshot()]);
  };
  history = openHistory(path, { ...SETTINGS, seriesMax: 2 }, clock);
  record(history, 'millrace-canary', 'INTERNAL_SOURCE');
  record(history, 'web', 'SAMPLED_OUT');
  assert.equal(sum({}), 3, 'nor do they take the place of a series');
  assert.deepEqual(
    history
      .query({ metric: FILTERED, by: ['reason'], fromMs: 0, toMs: nowMs + 1, granularity: 'DAY' })
      .map(({ labels }) => labels),
    [{ reason: 'SAMPLED_OUT' }],
  );
  history.close();
  const database = new DatabaseSync(path);
  database.exec(`update series set labels = replace(labels, 'web', 'millrace-canary')`);
  database.close();
  history = openHistory(path, SETTINGS, clock);
  assert.equal(sum({}), 0, 'a version before wrote them');
});

test('the minutes, hours and days add up to the counters, however they were counted', () => {
  const registry = createMetricsRegistry();
  const sources = ['web', 'ios', 'a "quoted" \\ one'];
  const counted = new Map<string, number>();
  for (let tick = 0; tick < 3_000; tick++) {
    const source = sources[tick % 3] ?? '';
    const added = (tick * 7) % 13;
    registry.cell(RECEIVED, { source }).value += added;
    counted.set(source, (counted.get(source) ?? 0) + added);
    nowMs += 61_000;
    history.record([registry.snapshot()]);
  }
  const all = [...counted.values()].reduce((total, value) => total + value, 0);
  for (const granularity of ['MINUTE', 'HOUR', 'DAY'] as const) {
    assert.equal(sum({ granularity }), all, granularity);
  }
  const bySource = history.query({
    metric: RECEIVED,
    by: ['source'],
    fromMs: START_MS,
    toMs: nowMs + 1,
    granularity: 'HOUR',
  });
  for (const { labels, points: own } of bySource) {
    const total = own.reduce((so, [, value]) => so + value, 0);
    assert.equal(total, counted.get(labels['source'] ?? ''), labels['source']);
  }
  assert.equal(bySource.length, 3);
  assert.equal(sum({ where: { source: 'ios' } }), counted.get('ios'));
});

test('a thread that counts from nothing again loses nothing and adds nothing twice', () => {
  const series = `${RECEIVED}{source="web"}`;
  const record = (value: number): void => history.record([[[series, value]]]);
  record(10);
  record(10);
  record(15);
  record(4);
  record(6);
  assert.equal(sum({}), 21);
  history.close();
  history = openHistory(join(folder, `${count}.db`), SETTINGS, clock);
  record(3);
  assert.equal(sum({}), 24, 'a new process counts from nothing, too');
});

test('of a gauge the peak of each bucket is kept', () => {
  const metric = 'millrace_delivery_lag_seconds';
  for (const value of [1, 90, 3]) {
    history.record([[[`${metric}{destination="crm"}`, value]]]);
    nowMs += 1_000;
  }
  nowMs += MINUTE;
  history.record([[[`${metric}{destination="crm"}`, 5]]]);
  const values = points({ metric, by: ['destination'] }).map(([, value]) => value);
  assert.deepEqual(values, [90, 5]);
});

test('each granularity ends after its own time', () => {
  const registry = createMetricsRegistry();
  const cell = registry.cell(RECEIVED, { source: 'web' });
  for (let day = 0; day < 120; day++) {
    cell.value += 1;
    history.record([registry.snapshot()]);
    nowMs += DAY;
  }
  history.record([registry.snapshot()]);
  assert.equal(sum({ granularity: 'DAY' }), 120);
  assert.equal(sum({ granularity: 'HOUR' }), 90);
  assert.equal(sum({ granularity: 'MINUTE' }), 7);
});

test('too many series are summed, not dropped', () => {
  const registry = createMetricsRegistry();
  for (let source = 0; source < 80; source++) {
    registry.cell(RECEIVED, { source: `s${source}` }).value = 1;
  }
  history.record([registry.snapshot()]);
  assert.equal(sum({}), 80);
  const series = history.query({
    metric: RECEIVED,
    by: ['source'],
    fromMs: START_MS,
    toMs: nowMs + 1,
    granularity: 'MINUTE',
  });
  assert.equal(series.length, 51);
  assert.equal(series.find(({ labels }) => labels['source'] === 'other')?.points[0]?.[1], 30);
});

test('what is asked is half-open, in whole buckets', () => {
  const registry = createMetricsRegistry();
  const cell = registry.cell(RECEIVED, { source: 'web' });
  for (let minute = 0; minute < 120; minute++) {
    cell.value += 1;
    history.record([registry.snapshot()]);
    nowMs += MINUTE;
  }
  assert.equal(sum({ fromMs: START_MS + HOUR, toMs: START_MS + HOUR + 5 * MINUTE }), 5);
  assert.deepEqual(
    points({ granularity: 'HOUR' }).map(([, value]) => value),
    [60, 60],
  );
});

test('labels of a series come back as they were', () => {
  const labels = { source: 'a "b" \\ c\nd', code: 'x' };
  const registry = createMetricsRegistry();
  registry.cell('millrace_events_rejected_total', labels).value = 1;
  const [[series] = ['']] = registry.snapshot();
  assert.deepEqual(parseSeries(series), { name: 'millrace_events_rejected_total', labels });
  assert.deepEqual(parseSeries('millrace_uptime_seconds'), {
    name: 'millrace_uptime_seconds',
    labels: {},
  });
});
