/** Whether what a rule watches is so now, from the history of counters. Pure. */
import { GRANULARITY_MS, startOf } from '../../observe/history.ts';
import type { History, HistoryQuery, HistorySeries } from '../../observe/history.ts';
import type { MetricName } from '../../observe/metrics.ts';
import type { Watch } from '../../store/workspace/alert-rule-shapes.ts';

export interface Finding {
  isSo: boolean;
  /** One line for people, with the numbers. */
  text: string;
}

type Query = History['query'];

const MINUTE_MS = GRANULARITY_MS.MINUTE;
const WEEK_MS = 7 * GRANULARITY_MS.DAY;
/** Weeks of history that an hour is compared with, and how many of them there must be. */
const BASELINE_WEEKS = 4;
const BASELINE_WEEKS_MIN = 2;
/** An hour with fewer events than this says nothing about volume. */
const BASELINE_EVENTS_MIN = 20;

/** Counters are looked at over whole minutes that have ended, gauges as they are now. */
export function evaluate(
  watch: Watch,
  { query, latest }: Pick<History, 'query' | 'latest'>,
  nowMs: number,
): Finding {
  const sum = (metric: string, minutes: number, where: Record<string, string> = {}): number =>
    total(query(lastMinutes(metric, minutes, nowMs, where)));
  switch (watch.kind) {
    case 'error-rate': {
      const where = sourceOf(watch.source);
      const received = sum('millrace_events_received_total', watch.minutes, where);
      const rejected = sum('millrace_events_rejected_total', watch.minutes, where);
      const share = received === 0 ? 0 : rejected / received;
      const percent = (share * 100).toFixed(1);
      const text = `${percent} % of ${received} events were rejected in ${watch.minutes} minutes`;
      return { isSo: received > 0 && share > watch.share, text };
    }
    case 'silence': {
      const received = sum('millrace_events_received_total', watch.minutes, sourceOf(watch.source));
      const expected = (baseline(watch.source, query, nowMs) ?? 0) * (watch.minutes / 60);
      const text = `${watch.source} sent nothing for ${watch.minutes} minutes`;
      const usual = ` (usual: ${Math.round(expected)} events)`;
      return { isSo: received === 0 && expected >= 1, text: text + usual };
    }
    case 'volume':
      return volume(watch, query, nowMs);
    case 'rate-limited': {
      const refused = sum('millrace_rate_limited_total', watch.minutes, sourceOf(watch.source));
      const text = `${refused} requests were over the limit in ${watch.minutes} minutes`;
      return { isSo: refused > watch.above, text };
    }
    case 'unknown-keys': {
      const refused = sum('millrace_unauthorized_total', watch.minutes);
      const text = `${refused} requests had no usable write key in ${watch.minutes} minutes`;
      return { isSo: refused > watch.above, text };
    }
    case 'dead-letters': {
      const worst = highest('millrace_delivery_dead_letters', watch.destination, latest);
      const text = `${worst.name} has ${worst.value} dead letters`;
      return { isSo: worst.value > watch.above, text };
    }
    case 'lag': {
      const worst = highest('millrace_delivery_lag_seconds', watch.destination, latest);
      const text = `${worst.name} is ${Math.round(worst.value)} seconds behind`;
      return { isSo: worst.value > watch.seconds, text };
    }
    case 'disk': {
      const free = highest('millrace_disk_free_bytes', null, latest).value;
      const text = `${(free / 2 ** 30).toFixed(1)} GiB are free on the disk`;
      return { isSo: free > 0 && free < watch.freeBytes, text };
    }
    case 'canary': {
      const late = sum('millrace_canary_late_total', watch.minutes);
      return {
        isSo: late > 0,
        text: `the canary was late ${late} times in ${watch.minutes} minutes`,
      };
    }
  }
}

/** The last whole hour, against the median of the same hour of earlier weeks. */
function volume(watch: Extract<Watch, { kind: 'volume' }>, query: Query, nowMs: number): Finding {
  const hourMs = startOf(nowMs, 'HOUR') - GRANULARITY_MS.HOUR;
  const usual = baseline(watch.source, query, hourMs);
  const own = hourOf(watch.source, query, hourMs);
  const text = `${watch.source}: ${own} events in the last hour, usually ${Math.round(usual ?? 0)}`;
  if (usual === null || Math.max(usual, own) < BASELINE_EVENTS_MIN) return { isSo: false, text };
  return { isSo: own > usual * watch.factor || own < usual / watch.factor, text };
}

/**
 * Events of the hour of the week in which `atMs` is, as a median of earlier weeks; null: too few
 * weeks are known.
 */
export function baseline(source: string, query: Query, atMs: number): number | null {
  const hourMs = startOf(atMs, 'HOUR');
  const first = query({
    metric: 'millrace_events_received_total',
    where: sourceOf(source),
    fromMs: 0,
    toMs: atMs,
    granularity: 'DAY',
  })[0]?.points[0]?.[0];
  const weeks: number[] = [];
  for (let week = 1; week <= BASELINE_WEEKS; week++) {
    const then = hourMs - week * WEEK_MS;
    if (first === undefined || then < first) break;
    weeks.push(hourOf(source, query, then));
  }
  if (weeks.length < BASELINE_WEEKS_MIN) return null;
  const sorted = weeks.toSorted((a, b) => a - b);
  const [low, high] = [Math.floor((sorted.length - 1) / 2), Math.ceil((sorted.length - 1) / 2)];
  return ((sorted[low] ?? 0) + (sorted[high] ?? 0)) / 2;
}

function hourOf(source: string, query: Query, hourMs: number): number {
  return total(
    query({
      metric: 'millrace_events_received_total',
      where: sourceOf(source),
      fromMs: hourMs,
      toMs: hourMs + GRANULARITY_MS.HOUR,
      granularity: 'HOUR',
    }),
  );
}

function lastMinutes(
  metric: string,
  minutes: number,
  nowMs: number,
  where: Record<string, string>,
): HistoryQuery {
  const toMs = startOf(nowMs, 'MINUTE');
  return { metric, where, fromMs: toMs - minutes * MINUTE_MS, toMs, granularity: 'MINUTE' };
}

function sourceOf(source: string | null): Record<string, string> {
  return source === null ? {} : { source };
}

/** The destination with the highest value of a gauge. */
function highest(
  metric: MetricName,
  destination: string | null,
  latest: History['latest'],
): { name: string; value: number } {
  const found = latest(metric)
    .map(({ labels, value }) => ({ name: labels['destination'] ?? '', value }))
    .filter(({ name }) => destination === null || name === destination)
    .toSorted((a, b) => b.value - a.value);
  return found[0] ?? { name: destination ?? 'no destination', value: 0 };
}

function total(series: readonly HistorySeries[]): number {
  return series.reduce((sum, { points }) => points.reduce((own, [, value]) => own + value, sum), 0);
}
