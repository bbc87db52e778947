/** When people are told, and what an hour is compared with. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HistoryQuery, HistorySeries } from '../../src/observe/history.ts';
import { CALM, nextState } from '../../src/operate/alerts/alert-state.ts';
import type { AlertNews } from '../../src/operate/alerts/alert-state.ts';
import type { AlertState } from '../../src/operate/alerts/alert-shapes.ts';
import { baseline, evaluate } from '../../src/operate/alerts/evaluate.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;
/** A Monday, 10:30. */
const NOW_MS = Date.UTC(2026, 2, 2, 10, 30);

interface Fact {
  metric: string;
  labels: Record<string, string>;
  atMs: number;
  value: number;
}

/** A history that holds these facts; its gauges stand as they say. */
function historyOf(facts: readonly Fact[]) {
  const latest = (metric: string) => facts.filter((fact) => fact.metric === metric);
  const query = ({ metric, where = {}, by = [], fromMs, toMs }: HistoryQuery): HistorySeries[] => {
    const found = new Map<string, HistorySeries>();
    for (const fact of facts.toSorted((a, b) => a.atMs - b.atMs)) {
      if (fact.metric !== metric || fact.atMs < fromMs || fact.atMs >= toMs) continue;
      if (Object.entries(where).some(([key, value]) => fact.labels[key] !== value)) continue;
      const labels = Object.fromEntries(by.map((key) => [key, fact.labels[key] ?? '']));
      const key = JSON.stringify(labels);
      const series = found.get(key) ?? { labels, points: [] };
      series.points.push([fact.atMs, fact.value]);
      found.set(key, series);
    }
    return [...found.values()];
  };
  return { query, latest };
}

const received = (atMs: number, value: number, source = 'web'): Fact => ({
  metric: 'millrace_events_received_total',
  labels: { source },
  atMs,
  value,
});
const hoursOf = (atMs: number, values: readonly number[]): Fact[] =>
  values.map((value, week) => received(atMs - (week + 1) * WEEK_MS, value));

describe('an alert', () => {
  const run = (
    findings: readonly boolean[],
    times = { forMinutes: 2, repeatHours: 1 },
  ): AlertNews[] => {
    let state: AlertState = CALM;
    return findings.map((isSo, minute) => {
      const next = nextState(state, { isSo, text: 'x' }, times, minute * MINUTE_MS);
      state = next.state;
      return next.news;
    });
  };

  test('is told once when it has been so for long enough, and when it is over', () => {
    const news = run([false, true, true, true, true, false, false]);
    assert.deepEqual(news, [null, null, null, 'began', null, 'ended', null]);
  });

  test('that comes and goes is not told', () => {
    assert.deepEqual(run([true, false, true, false, true, true, false]), Array(7).fill(null));
  });

  test('is told again while it stays', () => {
    const news = run(Array(125).fill(true), { forMinutes: 0, repeatHours: 1 });
    assert.equal(news[0], 'began');
    assert.deepEqual(
      news.flatMap((own, minute) => (own === 'stays' ? [minute] : [])),
      [60, 120],
    );
  });
});

describe('rules', () => {
  test('the baseline is the median of the same hour of earlier weeks, once two are known', () => {
    const hourMs = Date.UTC(2026, 2, 2, 10);
    assert.equal(
      baseline('web', historyOf(hoursOf(hourMs, [100, 120, 5_000, 80])).query, NOW_MS),
      110,
    );
    assert.equal(baseline('web', historyOf(hoursOf(hourMs, [100])).query, NOW_MS), null);
    assert.equal(baseline('ios', historyOf(hoursOf(hourMs, [100, 100])).query, NOW_MS), null);
  });

  test('volume far from its own history, up or down', () => {
    const lastHourMs = Date.UTC(2026, 2, 2, 9);
    const usual = hoursOf(lastHourMs, [100, 100, 100]);
    const watch = { kind: 'volume', source: 'web', factor: 3 } as const;
    const isSo = (own: number): boolean =>
      evaluate(watch, historyOf([...usual, received(lastHourMs, own)]), NOW_MS).isSo;
    assert.deepEqual([20, 34, 100, 299, 301].map(isSo), [true, false, false, false, true]);
    assert.equal(evaluate(watch, historyOf(usual), NOW_MS).isSo, true, 'nothing at all');
  });

  test('silence counts only when there is usually something', () => {
    const watch = { kind: 'silence', source: 'web', minutes: 30 } as const;
    const hourMs = Date.UTC(2026, 2, 2, 10);
    const busy = hoursOf(hourMs, [60, 60]);
    assert.equal(evaluate(watch, historyOf(busy), NOW_MS).isSo, true);
    const one = received(NOW_MS - 5 * MINUTE_MS, 1);
    assert.equal(evaluate(watch, historyOf([...busy, one]), NOW_MS).isSo, false);
    assert.equal(evaluate(watch, historyOf(hoursOf(hourMs, [0, 1])), NOW_MS).isSo, false);
  });

  test('a share of rejected events, of one source or of all', () => {
    const rejected = (value: number, source: string): Fact => ({
      metric: 'millrace_events_rejected_total',
      labels: { source, code: 'x' },
      atMs: NOW_MS - 2 * MINUTE_MS,
      value,
    });
    const at = NOW_MS - 2 * MINUTE_MS;
    const facts = [received(at, 100), rejected(10, 'web'), received(at, 900, 'ios')];
    const isSo = (source: string | null, share: number): boolean =>
      evaluate({ kind: 'error-rate', source, share, minutes: 5 }, historyOf(facts), NOW_MS).isSo;
    assert.equal(isSo('web', 0.05), true);
    assert.equal(isSo('web', 0.1), false);
    assert.equal(isSo(null, 0.05), false);
    assert.equal(isSo('other', 0), false);
  });

  test('the worst destination is named', () => {
    const gauge = (destination: string, value: number): Fact => ({
      metric: 'millrace_delivery_dead_letters',
      labels: { destination },
      atMs: NOW_MS - MINUTE_MS,
      value,
    });
    const facts = historyOf([gauge('crm', 2), gauge('slack', 7)]);
    const watch = { kind: 'dead-letters', destination: null, above: 5 } as const;
    const found = evaluate(watch, facts, NOW_MS);
    assert.deepEqual(found, { isSo: true, text: 'slack has 7 dead letters' });
    assert.equal(evaluate({ ...watch, destination: 'crm' }, facts, NOW_MS).isSo, false);
  });
});
