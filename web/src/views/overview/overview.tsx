/** What needs attention, and how everything fares. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { request } from '../../api.ts';
import { bytes, duration, share, shortCount } from '../../format.ts';
import { useLoaded } from '../../loading.ts';
import { Badge } from '../../parts/badge.tsx';
import { Chart } from '../../parts/chart.tsx';
import { Empty, Page, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { href } from '../../router.ts';
import { attention } from './attention.ts';
import type { DestinationRow, Status } from './attention.ts';
import { bySource, parseMetrics, quantile, total } from './metrics.ts';
import type { Metrics } from './metrics.ts';

const EVERY_MS = 5_000;
/** Ten minutes. */
const POINTS_MAX = 120;

interface Point {
  seconds: number;
  metrics: Metrics;
}

export function Overview() {
  const status = useLoaded<Status>('/status', EVERY_MS);
  const destinations = useLoaded<DestinationRow[]>('/admin/destinations', EVERY_MS);
  const { points, error } = useMetrics();
  const latest = points.at(-1)?.metrics;
  return (
    <Page title="Overview">
      <Problem error={status.error ?? destinations.error ?? error} />
      {latest && status.data && destinations.data && (
        <>
          <Attention
            items={attention({
              metrics: latest,
              status: status.data,
              destinations: destinations.data,
            })}
          />
          <Figures metrics={latest} />
          <Rates points={points} />
          <Destinations rows={destinations.data} />
        </>
      )}
    </Page>
  );
}

/** Counters every few seconds, so that their differences are rates. */
function useMetrics(): { points: readonly Point[]; error: Error | undefined } {
  const points = useRef<Point[]>([]);
  const [error, setError] = useState<Error>();
  const [, draw] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    const load = async (): Promise<void> => {
      try {
        const answer = await request('GET', '/metrics', undefined, stop.signal);
        const metrics = parseMetrics(await answer.text());
        points.current = [...points.current, { seconds: Date.now() / 1000, metrics }];
        points.current = points.current.slice(-POINTS_MAX);
        setError(undefined);
        draw((turn) => turn + 1);
      } catch (failure) {
        if (!stop.signal.aborted) setError(failure as Error);
      }
    };
    void load();
    const timer = setInterval(() => void load(), EVERY_MS);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, []);
  return { points: points.current, error };
}

function Attention({ items }: { items: ReturnType<typeof attention> }) {
  return (
    <Section title="Needs attention">
      {items.length === 0 ? (
        <p>
          <Badge tone="good">All well</Badge> Nothing needs you now.
        </p>
      ) : (
        <ul class="attention">
          {items.map(({ tone, text, path }) => (
            <li key={text}>
              <Badge tone={tone}>{tone === 'bad' ? 'now' : 'soon'}</Badge>{' '}
              <a href={href(path)}>{text}</a>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

/** Received = stored + rejected + duplicates + what is on its way, since this server started. */
function Figures({ metrics }: { metrics: Metrics }) {
  const received = total(metrics, 'millrace_events_received_total');
  const rejected = total(metrics, 'millrace_events_rejected_total');
  const accepted = total(metrics, 'millrace_events_accepted_total');
  const duplicates = total(metrics, 'millrace_dispatch_duplicates_total');
  const stored = total(metrics, 'millrace_lake_events_total');
  const figures: [string, string][] = [
    ['Received', shortCount(received)],
    ['Accepted', received === 0 ? '–' : share(accepted / received)],
    ['Rejected', shortCount(rejected)],
    ['Duplicates', shortCount(duplicates)],
    ['In SQL', shortCount(stored)],
    ['Visible in SQL after (p99)', freshness(metrics)],
    ['Free on disk', bytes(total(metrics, 'millrace_disk_free_bytes'))],
    ['Memory', bytes(total(metrics, 'millrace_resident_bytes'))],
    ['Running for', duration(total(metrics, 'millrace_uptime_seconds') * 1000)],
  ];
  return (
    <>
      <dl class="figures" aria-label="Since the server started">
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p class="muted">
        Counted since this server started. <code>npx millrace verify</code> recomputes from the
        files that every event is accounted for.
      </p>
    </>
  );
}

function freshness(metrics: Metrics): string {
  const seconds = quantile(metrics, 'millrace_lake_visible_seconds', 0.99);
  return seconds === null ? '–' : `≤ ${duration(seconds * 1000)}`;
}

function Rates({ points }: { points: readonly Point[] }) {
  const names = [...bySource(points.at(-1)?.metrics, 'millrace_events_received_total').keys()];
  if (points.length < 2 || names.length === 0) {
    return (
      <Empty>
        Events per minute appear here once something is sent. <a href={href('/sources')}>Sources</a>{' '}
        have snippets to paste.
      </Empty>
    );
  }
  const lines = names.map((name) => ({
    name,
    values: points.slice(1).map((point, at) => {
      const before = points[at];
      if (!before) return null;
      const count = (own: Point): number =>
        bySource(own.metrics, 'millrace_events_received_total').get(name) ?? 0;
      const minutes = (point.seconds - before.seconds) / 60;
      return Math.max(0, (count(point) - count(before)) / minutes);
    }),
  }));
  return (
    <Section title="Events per minute, by source">
      <Chart
        label="Events per minute, by source"
        times={points.slice(1).map(({ seconds }) => seconds)}
        lines={lines}
      />
    </Section>
  );
}

function Destinations({ rows }: { rows: readonly DestinationRow[] }) {
  return (
    <Section title="Destinations">
      {rows.length === 0 ? (
        <Empty>
          No destination is connected. <a href={href('/destinations')}>Connect one</a> to send
          events on: webhooks, warehouses, storage, streams, and Segment's own.
        </Empty>
      ) : (
        <Table
          label="Destinations"
          columns={['Name', 'State', 'Delivered', 'Filtered', 'Dead letters', 'Lag']}
        >
          {rows.map(({ slug, name, state, status }) => (
            <tr key={slug}>
              <td>
                <a href={href(`/destinations/${slug}`)}>{name}</a>
              </td>
              <td>
                <Badge tone={state !== 'enabled' || status?.breaker === 'open' ? 'warn' : 'good'}>
                  {status?.breaker === 'open' ? 'not reachable' : state}
                </Badge>
              </td>
              <td class="number">{shortCount(status?.delivered ?? 0)}</td>
              <td class="number">
                {shortCount(Object.values(status?.filtered ?? {}).reduce((sum, n) => sum + n, 0))}
              </td>
              <td class="number">{shortCount(status?.deadLetters ?? 0)}</td>
              <td class="number">{duration((status?.live?.lagSeconds ?? 0) * 1000)}</td>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}
