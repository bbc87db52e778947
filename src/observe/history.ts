/**
 * Counters and gauges over time, in history.db: minutes, hours and days. What was counted since the
 * last tick is added to all three at once, so no later job rolls anything up. The truth stays in
 * log, lake and delivery state; a crash loses the counts of one tick here, and nothing there.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../base/clock.ts';
import { INTERNAL_REASON, isInternalSlug } from '../base/internal-source.ts';
import { inTransaction, openSqlite } from '../base/sqlite.ts';
import { METRICS } from './metrics.ts';
import type { Labels, MetricName, Snapshot } from './metrics.ts';
import { parseSeries } from './series.ts';
import type { Granularity } from './history-shapes.ts';

export interface HistorySettings {
  /** How long each granularity is kept. */
  minuteDays: number;
  hourDays: number;
  dayDays: number;
  /** Series that are kept apart; further ones are summed under the label `other`. */
  seriesMax: number;
}

export interface HistoryQuery {
  metric: string;
  /** Labels to keep apart; all others are summed. */
  by?: readonly string[];
  /** Only series with these labels. */
  where?: Labels;
  /** Milliseconds since 1970, half-open. */
  fromMs: number;
  toMs: number;
  granularity: Granularity;
}

export interface HistorySeries {
  labels: Labels;
  /** Start of each bucket that has a value, ascending. A counter's value is what was added. */
  points: [atMs: number, value: number][];
}

export interface History {
  /** Takes a snapshot of all threads. */
  record(snapshots: Iterable<Snapshot>): void;
  /** Without events of Millrace's own sources, which are nobody's usage. */
  query(query: HistoryQuery): HistorySeries[];
  /** Gauges as they were at the last snapshot. */
  latest(metric: MetricName): { labels: Labels; value: number }[];
  close(): void;
}

export const GRANULARITY_MS: Record<Granularity, number> = {
  MINUTE: 60_000,
  HOUR: 3_600_000,
  DAY: 86_400_000,
};
const DAY_MS = 86_400_000;
const TABLES: Record<Granularity, string> = { MINUTE: 'minutes', HOUR: 'hours', DAY: 'days' };
/** Kept: what people ask about. Positions, sizes and buckets of histograms are not. */
const KEPT: ReadonlySet<string> = new Set([
  'millrace_events_received_total',
  'millrace_events_accepted_total',
  'millrace_events_rejected_total',
  'millrace_key_events_total',
  'millrace_unauthorized_total',
  'millrace_rate_limited_total',
  'millrace_unavailable_total',
  'millrace_dispatch_duplicates_total',
  'millrace_lake_events_total',
  'millrace_delivery_delivered_total',
  'millrace_delivery_filtered_total',
  'millrace_delivery_dead_total',
  'millrace_delivery_retries_total',
  'millrace_delivery_lag_seconds',
  'millrace_delivery_dead_letters',
  'millrace_delivery_waiting',
  'millrace_log_alarms_total',
  'millrace_disk_free_bytes',
  'millrace_resident_bytes',
  'millrace_canary_seconds',
  'millrace_canary_late_total',
] satisfies MetricName[]);
const OTHER: Labels = { other: 'true' };

const SCHEMA = `
create table series (
  id integer primary key,
  metric text not null,
  labels text not null,
  unique (metric, labels)
) strict;
${Object.values(TABLES)
  .map(
    (table) => `create table ${table} (
  series integer not null references series (id),
  at_ms integer not null,
  value real not null,
  primary key (series, at_ms)
) strict, without rowid;`,
  )
  .join('\n')}
`;

/** Opens or creates the file. */
export function openHistory(path: string, settings: HistorySettings, clock: Clock): History {
  const database = openSqlite(path, { version: 1, schema: SCHEMA });
  // A tick that is lost with the machine is no loss worth a sync.
  database.exec('pragma synchronous = normal;');
  const ids = new Map<string, number>();
  for (const row of database.prepare('select id, metric, labels from series').all()) {
    ids.set(`${String(row['metric'])} ${String(row['labels'])}`, Number(row['id']));
  }
  const before = new Map<string, number>();
  let sums: ReadonlyMap<string, number> = new Map();
  let prunedHour = -1;
  const idOf = (metric: string, labels: Labels): number => {
    const text = JSON.stringify(labels);
    const known = ids.get(`${metric} ${text}`);
    if (known !== undefined) return known;
    if (ids.size >= settings.seriesMax && labels !== OTHER) return idOf(metric, OTHER);
    const added = database
      .prepare('insert into series (metric, labels) values (?, ?)')
      .run(metric, text);
    ids.set(`${metric} ${text}`, Number(added.lastInsertRowid));
    return Number(added.lastInsertRowid);
  };
  return {
    record(snapshots) {
      const nowMs = clock.wallMs();
      sums = sumsOf(snapshots);
      inTransaction(database, () => {
        for (const [series, value] of sums) {
          const { name, labels } = parseSeries(series);
          if (!KEPT.has(name) || isInternal(labels)) continue;
          if (METRICS[name as MetricName][0] === 'gauge') {
            setValue(database, idOf(name, labels), nowMs, value);
            continue;
          }
          const last = before.get(series) ?? 0;
          before.set(series, value);
          // A thread that was restarted counts from nothing again.
          const added = value >= last ? value - last : value;
          if (added > 0) addValue(database, idOf(name, labels), nowMs, added);
        }
        const hour = Math.floor(nowMs / GRANULARITY_MS.HOUR);
        if (hour !== prunedHour) prune(database, settings, nowMs);
        prunedHour = hour;
      });
    },
    query: (query) => queryHistory(database, query),
    latest: (metric) =>
      [...sums].flatMap(([series, value]) => {
        const { name, labels } = parseSeries(series);
        return name === metric ? [{ labels, value }] : [];
      }),
    close: () => database.close(),
  };
}

/** Counts of Millrace's own events, and of destinations passing them by. */
function isInternal(labels: Labels): boolean {
  return isInternalSlug(labels['source']) || labels['reason'] === INTERNAL_REASON;
}

function sumsOf(snapshots: Iterable<Snapshot>): Map<string, number> {
  const sums = new Map<string, number>();
  for (const snapshot of snapshots) {
    for (const [series, value] of snapshot) sums.set(series, (sums.get(series) ?? 0) + value);
  }
  return sums;
}

function addValue(database: DatabaseSync, series: number, nowMs: number, added: number): void {
  for (const [granularity, table] of Object.entries(TABLES)) {
    database
      .prepare(
        `insert into ${table} (series, at_ms, value) values (?, ?, ?)
         on conflict (series, at_ms) do update set value = value + excluded.value`,
      )
      .run(series, startOf(nowMs, granularity as Granularity), added);
  }
}

/** Of a gauge the highest value of a bucket is kept, because peaks are what is looked for. */
function setValue(database: DatabaseSync, series: number, nowMs: number, value: number): void {
  if (!Number.isFinite(value)) return;
  for (const [granularity, table] of Object.entries(TABLES)) {
    database
      .prepare(
        `insert into ${table} (series, at_ms, value) values (?, ?, ?)
         on conflict (series, at_ms) do update set value = max(value, excluded.value)`,
      )
      .run(series, startOf(nowMs, granularity as Granularity), value);
  }
}

export function startOf(atMs: number, granularity: Granularity): number {
  const size = GRANULARITY_MS[granularity];
  return Math.floor(atMs / size) * size;
}

function prune(database: DatabaseSync, settings: HistorySettings, nowMs: number): void {
  const days = { MINUTE: settings.minuteDays, HOUR: settings.hourDays, DAY: settings.dayDays };
  for (const [granularity, table] of Object.entries(TABLES)) {
    const oldest = nowMs - days[granularity as Granularity] * DAY_MS;
    database.prepare(`delete from ${table} where at_ms < ?`).run(oldest);
  }
}

function queryHistory(database: DatabaseSync, query: HistoryQuery): HistorySeries[] {
  const { metric, by = [], where = {}, fromMs, toMs, granularity } = query;
  const rows = database
    .prepare(
      `select labels, at_ms, value from ${TABLES[granularity]} join series on series.id = series
       where metric = ? and at_ms >= ? and at_ms < ? order by at_ms`,
    )
    .all(metric, startOf(fromMs, granularity), toMs);
  const found = new Map<string, { labels: Labels; values: Map<number, number> }>();
  const isGauge = METRICS[metric as MetricName]?.[0] === 'gauge';
  for (const row of rows) {
    const labels = JSON.parse(String(row['labels'])) as Labels;
    // What was recorded before these were left out.
    if (isInternal(labels)) continue;
    if (Object.entries(where).some(([key, value]) => labels[key] !== value)) continue;
    const kept = Object.fromEntries(by.map((key) => [key, labels[key] ?? 'other']));
    const key = JSON.stringify(kept);
    let series = found.get(key);
    if (!series) found.set(key, (series = { labels: kept, values: new Map() }));
    const atMs = Number(row['at_ms']);
    const [value, known] = [Number(row['value']), series.values.get(atMs)];
    const next = known === undefined ? value : isGauge ? Math.max(known, value) : known + value;
    series.values.set(atMs, next);
  }
  return [...found.values()].map(({ labels, values }) => ({ labels, points: [...values] }));
}
