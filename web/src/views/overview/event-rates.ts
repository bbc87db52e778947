/** Events per minute of each source, from the history or, in the first minutes, from counters. */
import type { HistoryAnswer } from '../../../../src/operate/overview/overview-shapes.ts';
import { sumOfPoints } from '../../counter-history.ts';
import { bySource } from '../../server-metrics.ts';
import { rateOf } from '../../use-metrics.ts';
import type { Point } from '../../use-metrics.ts';

export interface Lines {
  /** Seconds since 1970. */
  times: number[];
  lines: { name: string; values: (number | null)[] }[];
}

export interface Range {
  name: string;
  hours: number;
  granularity: 'MINUTE' | 'HOUR';
}

export const RANGES: readonly Range[] = [
  { name: 'hour', hours: 1, granularity: 'MINUTE' },
  { name: 'day', hours: 24, granularity: 'MINUTE' },
  { name: 'month', hours: 24 * 30, granularity: 'HOUR' },
];

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** As many as there are colours that one can tell apart. */
const LINES_MAX = 6;
const RECEIVED = 'millrace_events_received_total';
/** The path stays the same for so long, so that it is loaded again and not anew. */
const STEP_MS = 10 * MINUTE_MS;

/** Where the server tells a counter by source, for a range that ends now. */
export function historyPath(metric: string, { hours, granularity }: Range, nowMs: number): string {
  const from = new Date(Math.floor(nowMs / STEP_MS) * STEP_MS - hours * HOUR_MS).toISOString();
  const query = new URLSearchParams({ metric, by: 'source', from, granularity });
  return `/admin/history?${query.toString()}`;
}

/** What was counted since a time, by source. */
export function sumsSince(history: HistoryAnswer | undefined, fromMs: number): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { labels, points } of history?.series ?? []) {
    const sum = sumOfPoints(points.filter(([at]) => Date.parse(at) >= fromMs));
    if (sum > 0) sums.set(labels['source'] ?? 'other', sum);
  }
  return sums;
}

/** Only whole buckets: one that is not over yet would look like a fall. */
export function linesOfHistory(history: HistoryAnswer, range: Range, nowMs: number): Lines {
  const size = range.granularity === 'MINUTE' ? MINUTE_MS : HOUR_MS;
  const lastMs = Math.floor(nowMs / size) * size - size;
  const given = history.series.flatMap(({ points }) => points.map(([at]) => Date.parse(at)));
  const firstMs = Math.max(Math.min(...given, lastMs + size), nowMs - range.hours * HOUR_MS);
  const times: number[] = [];
  for (let at = Math.ceil(firstMs / size) * size; at <= lastMs; at += size) times.push(at);
  const lines = history.series.map(({ labels, points }) => {
    const values = new Map(points.map(([at, value]) => [Date.parse(at), value]));
    const perMinute = (at: number): number => ((values.get(at) ?? 0) * MINUTE_MS) / size;
    return { name: labels['source'] ?? 'other', values: times.map(perMinute) };
  });
  return { times: times.map((at) => at / 1000), lines: largest(lines) };
}

/** For the first minutes, of which the history knows nothing yet. */
export function linesOfCounters(
  points: readonly Point[],
  isSeen: (slug: string) => boolean,
): Lines {
  const names = [...bySource(points.at(-1)?.metrics, RECEIVED).keys()].filter(isSeen);
  const lines = names.map((name) => ({
    name,
    values: points.slice(1).map((point, at) => {
      const count = rateOf([points[at], point], (own) => bySource(own, RECEIVED).get(name) ?? 0);
      return count === null ? null : count * 60;
    }),
  }));
  return { times: points.slice(1).map(({ seconds }) => seconds), lines: largest(lines) };
}

/** The largest, and the sum of all others. */
function largest(lines: Lines['lines']): Lines['lines'] {
  const sumOf = (values: readonly (number | null)[]): number =>
    values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const sorted = lines.toSorted((a, b) => sumOf(b.values) - sumOf(a.values));
  if (sorted.length <= LINES_MAX) return sorted;
  const rest = sorted.slice(LINES_MAX - 1);
  const values = (rest[0]?.values ?? []).map((_, at) =>
    sumOf(rest.map((one) => one.values[at] ?? 0)),
  );
  return [...sorted.slice(0, LINES_MAX - 1), { name: `${rest.length} others`, values }];
}
