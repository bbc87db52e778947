/**
 * Every metric of the program, by name. A thread counts into its own registry without locks; the
 * main thread collects snapshots and adds equal series together when /metrics is read.
 */
export const METRICS = {
  millrace_requests_total: ['counter', 'Requests answered by the collector, by status.'],
  millrace_source_requests_total: ['counter', 'Requests made durable, by source.'],
  millrace_events_received_total: ['counter', 'Events in authenticated requests, by source.'],
  millrace_events_accepted_total: ['counter', 'Events made durable and answered 200, by source.'],
  millrace_events_rejected_total: ['counter', 'Events rejected at ingest, by source and code.'],
  millrace_events_repaired_total: ['counter', 'Events read in another way than sent, by rule.'],
  millrace_key_events_total: ['counter', 'Events received, by source and number of the write key.'],
  millrace_unauthorized_total: ['counter', 'Requests without a usable write key, by cause.'],
  millrace_rate_limited_total: ['counter', 'Requests answered 429, by source.'],
  millrace_unavailable_total: ['counter', 'Requests answered 503, by code.'],
  millrace_request_seconds: ['histogram', 'Time from request to durable answer.'],
  millrace_sdk_metrics_total: ['counter', 'Metric series that SDKs posted to /v1/m.'],
  millrace_log_waiting_bytes: ['gauge', 'Bytes appended and not yet durable, by partition.'],
  millrace_log_durable_position: ['gauge', 'Durable end of each partition.'],
  millrace_log_alarms_total: ['counter', 'Log alarms (damage, failed writes, cut tails), by kind.'],
  millrace_dispatch_position: ['gauge', 'Dispatched up to this position, by partition.'],
  millrace_dispatch_duplicates_total: ['counter', 'Events dropped as duplicates, by source.'],
  millrace_dispatch_damaged_total: ['counter', 'Damaged log ranges skipped by the reader.'],
  millrace_lake_events_total: ['counter', 'Events made visible to SQL, by source.'],
  millrace_lake_rejected_total: ['counter', 'Rejected events made visible to SQL.'],
  millrace_lake_visible_seconds: ['histogram', 'Time from receipt to visibility in SQL.'],
  millrace_lake_hot_rows: ['gauge', 'Rows in the hot tail: in parts, and in no file yet.'],
  millrace_lake_files: ['gauge', 'Parquet files, by kind.'],
  millrace_lake_bytes: ['gauge', 'Bytes in Parquet files, by kind.'],
  millrace_lake_failures_total: ['counter', 'Lake loads, flushes or compactions that failed.'],
  millrace_lake_unloadable_total: ['counter', 'Events whose JSON the SQL engine refused.'],
  millrace_lake_expired_total: ['counter', 'Events let go with their day by the retention.'],
  millrace_lake_rejected_expired_total: [
    'counter',
    'Rejected events let go by lake.rejectedRowsMax.',
  ],
  millrace_delivery_delivered_total: ['counter', 'Events delivered, by destination.'],
  millrace_delivery_filtered_total: ['counter', 'Events filtered, by destination and reason.'],
  millrace_delivery_dead_total: ['counter', 'Events that became dead, by destination and reason.'],
  millrace_delivery_retries_total: ['counter', 'Failed attempts of events that are tried again.'],
  millrace_delivery_attempts_total: ['counter', 'Calls of destinations, by outcome.'],
  millrace_delivery_attempt_seconds: ['histogram', 'Time of a call of a destination.'],
  millrace_delivery_lag_bytes: ['gauge', 'Bytes of the log a destination has not accounted for.'],
  millrace_delivery_lag_seconds: ['gauge', 'Age of what a destination is being sent.'],
  millrace_delivery_in_flight: ['gauge', 'Events read and not settled, by destination.'],
  millrace_delivery_waiting: ['gauge', 'Events that wait for another attempt, by destination.'],
  millrace_delivery_dead_letters: ['gauge', 'Dead letters kept, by destination.'],
  millrace_delivery_breaker_open: ['gauge', '1 while nothing gets through to a destination.'],
  millrace_canary_seconds: ['gauge', 'How long the canary took, by path.'],
  millrace_canary_late_total: ['counter', 'Flights of the canary that were late, by path.'],
  millrace_control_store_up: ['gauge', '1 while the control store can be reached.'],
  millrace_sql_crashes_total: ['counter', 'Queries that ended the process they ran in.'],
  millrace_sql_running: ['gauge', "People's queries that run."],
  millrace_sql_waiting: ['gauge', "People's queries that wait for their turn."],
  millrace_sql_queries_total: ['counter', 'User SQL statements, by outcome.'],
  millrace_thread_restarts_total: ['counter', 'Threads restarted after an unexpected end.'],
  millrace_retention_removed_bytes_total: ['counter', 'Log bytes removed by retention.'],
  millrace_resident_bytes: ['gauge', 'Resident memory of the process.'],
  millrace_disk_free_bytes: ['gauge', 'Free bytes on the disk of the data folder.'],
  millrace_uptime_seconds: ['gauge', 'Seconds since start.'],
} as const satisfies Record<string, readonly ['counter' | 'gauge' | 'histogram', string]>;

export type MetricName = keyof typeof METRICS;
export type Labels = Record<string, string>;

/** A counter or gauge: callers keep the object and change `value`. */
export interface Cell {
  value: number;
}

export interface Histogram {
  /** @param times how often it was seen. */
  observe(seconds: number, times?: number): void;
}

/** Series text (`name{label="x"}`) and value, ready to be added to other threads' series. */
export type Snapshot = [series: string, value: number][];

export interface MetricsRegistry {
  cell(name: MetricName, labels?: Labels): Cell;
  histogram(name: MetricName): Histogram;
  snapshot(): Snapshot;
}

const BUCKETS_SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
];

/** The registry of one thread. */
export function createMetricsRegistry(): MetricsRegistry {
  const cells = new Map<string, Cell>();
  const cellAt = (series: string): Cell => {
    let cell = cells.get(series);
    if (!cell) cells.set(series, (cell = { value: 0 }));
    return cell;
  };
  return {
    cell: (name, labels) => cellAt(name + labelText(labels)),
    histogram(name) {
      const buckets = BUCKETS_SECONDS.map((le) => cellAt(`${name}_bucket{le="${le}"}`));
      const infinite = cellAt(`${name}_bucket{le="+Inf"}`);
      const sum = cellAt(`${name}_sum`);
      const count = cellAt(`${name}_count`);
      return {
        observe(seconds, times = 1) {
          for (let at = BUCKETS_SECONDS.length - 1; at >= 0; at--) {
            if (seconds > (BUCKETS_SECONDS[at] ?? 0)) break;
            const bucket = buckets[at];
            if (bucket) bucket.value += times;
          }
          infinite.value += times;
          sum.value += seconds * times;
          count.value += times;
        },
      };
    },
    snapshot: () => [...cells].map(([series, cell]) => [series, cell.value]),
  };
}

/** Prometheus text exposition (format 0.0.4) of the sum of all snapshots. */
export function renderPrometheus(snapshots: Iterable<Snapshot>): string {
  const sums = new Map<string, number>();
  for (const snapshot of snapshots) {
    for (const [series, value] of snapshot) sums.set(series, (sums.get(series) ?? 0) + value);
  }
  const lines: string[] = [];
  for (const [name, [type, help]] of Object.entries(METRICS)) {
    const own = [...sums].filter(([series]) => metricOf(series) === name);
    if (own.length === 0) continue;
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [series, value] of own) lines.push(`${series} ${value}`);
  }
  return lines.join('\n') + '\n';
}

function metricOf(series: string): string {
  const brace = series.indexOf('{');
  const name = brace < 0 ? series : series.slice(0, brace);
  return name.replace(/_(bucket|sum|count)$/, '');
}

function labelText(labels: Labels | undefined): string {
  if (!labels) return '';
  const parts = Object.entries(labels).map(
    ([key, value]) =>
      `${key}="${value.replace(/["\\\n]/g, (c) => (c === '\n' ? '\\n' : '\\' + c))}"`,
  );
  return `{${parts.join(',')}}`;
}
