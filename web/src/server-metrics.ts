import { isInternalSlug } from '../../src/base/internal-source.ts';

/** The server's metrics (Prometheus text) as numbers. */
export interface Sample {
  labels: Readonly<Record<string, string>>;
  value: number;
}

export type Metrics = ReadonlyMap<string, readonly Sample[]>;

const LINE = /^(\w+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Reads Prometheus' text; what is no sample, or counts Millrace's own events, is left out. */
export function parseMetrics(text: string): Metrics {
  const metrics = new Map<string, Sample[]>();
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    const samples = metrics.get(name) ?? [];
    const pairs = [...labels.matchAll(LABEL)].map(([, key = '', own = '']) => [key, own] as const);
    const sample = { labels: Object.fromEntries(pairs), value: Number(value) };
    if (!isInternalSlug(sample.labels['source'])) samples.push(sample);
    metrics.set(name, samples);
  }
  return metrics;
}

export function total(metrics: Metrics, name: string): number {
  return (metrics.get(name) ?? []).reduce((sum, { value }) => sum + value, 0);
}

export function bySource(metrics: Metrics | undefined, name: string): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { labels, value } of metrics?.get(name) ?? []) {
    const source = labels['source'] ?? '';
    sums.set(source, (sums.get(source) ?? 0) + value);
  }
  return sums;
}

/** The upper bound of the bucket in which a share of a histogram ends; null when it is empty. */
export function quantile(metrics: Metrics, name: string, wanted: number): number | null {
  const buckets = new Map<number, number>();
  for (const { labels, value } of metrics.get(`${name}_bucket`) ?? []) {
    const bound = labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le']);
    buckets.set(bound, (buckets.get(bound) ?? 0) + value);
  }
  const bounds = [...buckets.keys()].toSorted((a, b) => a - b);
  const all = buckets.get(Number.POSITIVE_INFINITY) ?? 0;
  if (all === 0) return null;
  return bounds.find((bound) => (buckets.get(bound) ?? 0) >= all * wanted) ?? null;
}
