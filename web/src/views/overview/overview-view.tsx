/** What needs attention, and how everything fares. */
import { useMemo, useRef } from 'preact/hooks';
import type { AlertsAnswer } from '../../../../src/operate/alerts/alert-shapes.ts';
import type { ListedDestination } from '../../../../src/operate/destinations/destination-shapes.ts';
import type {
  HistoryAnswer,
  OverviewAnswer,
} from '../../../../src/operate/overview/overview-shapes.ts';
import type { ListedSource } from '../../../../src/operate/sources/source-shapes.ts';
import { seesAllSources } from '../../admin-api.ts';
import { bytes, duration, share, shortCount, time } from '../../format.ts';
import { href, place, setQuery } from '../../page-router.ts';
import { Badge } from '../../parts/badge.tsx';
import { Chart } from '../../parts/chart.tsx';
import { Facts } from '../../parts/facts.tsx';
import { Figures } from '../../parts/figures.tsx';
import { Empty, Page, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { quantile, total } from '../../server-metrics.ts';
import type { Metrics } from '../../server-metrics.ts';
import { useLoaded } from '../../use-loaded.ts';
import { useMetrics } from '../../use-metrics.ts';
import type { Point } from '../../use-metrics.ts';
import { attention } from './attention.ts';
import { RANGES, historyPath, linesOfCounters, linesOfHistory, sumsSince } from './event-rates.ts';
import { OverviewDestinations } from './overview-destinations.tsx';
import { Recount } from './recount.tsx';

const EVERY_MS = 5_000;
const SLOWLY_MS = 30_000;
const HISTORY_MS = 10_000;
const HOUR_MS = 3_600_000;
const RECEIVED = 'millrace_events_received_total';
const REJECTED = 'millrace_events_rejected_total';
const [LAST_HOUR = { name: 'hour', hours: 1, granularity: 'MINUTE' as const }] = RANGES;

export function Overview() {
  const sources = useLoaded<ListedSource[]>('/admin/sources', EVERY_MS);
  const destinations = useLoaded<ListedDestination[]>('/admin/destinations', EVERY_MS);
  const overview = useLoaded<OverviewAnswer>('/admin/overview', SLOWLY_MS);
  const hour = useHistory(RECEIVED);
  const refused = useHistory(REJECTED);
  const mayRecount = seesAllSources();
  const alerts = useLoaded<AlertsAnswer>(mayRecount ? '/admin/alerts' : null, SLOWLY_MS);
  const { points, error } = useMetrics();
  const latest = points.at(-1)?.metrics;
  const sinceMs = Date.now() - HOUR_MS;
  const firing = alerts.data?.rules.filter(({ standing }) => standing.phase === 'firing') ?? [];
  return (
    <Page title="Overview">
      <Problem error={sources.error ?? destinations.error ?? overview.error ?? error} />
      {latest && sources.data && destinations.data && overview.data && (
        <>
          <Attention
            items={attention({
              metrics: latest,
              sources: sources.data,
              destinations: destinations.data,
              overview: overview.data,
              alerts: firing,
              received: sumsSince(hour, sinceMs),
              rejected: sumsSince(refused, sinceMs),
            })}
          />
          <SinceStart metrics={latest} />
          <Rates points={points} sources={sources.data} />
          <OverviewDestinations rows={destinations.data} />
          <div class="columns">
            {mayRecount && <Recount />}
            <Storage overview={overview.data} />
          </div>
        </>
      )}
    </Page>
  );
}

/** Of the range; what was there last, while its path changes. */
function useHistory(metric: string, range = LAST_HOUR): HistoryAnswer | undefined {
  const { data } = useLoaded<HistoryAnswer>(historyPath(metric, range, Date.now()), HISTORY_MS);
  const last = useRef<{ name: string; data: HistoryAnswer }>();
  if (data) last.current = { name: range.name, data };
  return last.current?.name === range.name ? last.current.data : undefined;
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

/** Received = accepted + rejected; accepted = in SQL + repeated + what is on its way. */
function SinceStart({ metrics }: { metrics: Metrics }) {
  const received = total(metrics, RECEIVED);
  const accepted = total(metrics, 'millrace_events_accepted_total');
  const seconds = quantile(metrics, 'millrace_lake_visible_seconds', 0.99);
  const figures: [string, string][] = [
    ['Received', shortCount(received)],
    ['Accepted', received === 0 ? '–' : share(accepted / received)],
    ['Rejected', shortCount(total(metrics, REJECTED))],
    ['Repeated', shortCount(total(metrics, 'millrace_dispatch_duplicates_total'))],
    ['In SQL', shortCount(total(metrics, 'millrace_lake_events_total'))],
    ['In SQL after (p99)', seconds === null ? '–' : `≤ ${duration(seconds * 1000)}`],
    ['Memory', bytes(total(metrics, 'millrace_resident_bytes'))],
    ['Running for', duration(total(metrics, 'millrace_uptime_seconds') * 1000)],
  ];
  return (
    <section aria-labelledby="since">
      <h2 id="since" class="small">
        Since this server started
      </h2>
      <Figures figures={figures} />
    </section>
  );
}

function Rates({
  points,
  sources,
}: {
  points: readonly Point[];
  sources: readonly ListedSource[];
}) {
  const chosen = place.value.query.get('range') ?? 'hour';
  const range = RANGES.find(({ name }) => name === chosen) ?? LAST_HOUR;
  const history = useHistory(RECEIVED, range);
  const drawn = useMemo(() => {
    const whole = history && linesOfHistory(history, range, Date.now());
    if (whole && whole.times.length > 2 && whole.lines.length > 0) return whole;
    const slugs = new Set(sources.map(({ slug }) => slug));
    return linesOfCounters(points, (slug) => slugs.has(slug));
  }, [history, range, history && history.series.length > 0 ? null : points]);
  const hasSent = total(points.at(-1)?.metrics ?? new Map(), RECEIVED) > 0;
  const isEmpty = drawn.times.length < 2 || drawn.lines.length === 0;
  return (
    <Section
      title="Events per minute, by source"
      actions={RANGES.map(({ name }) => (
        <button
          key={name}
          type="button"
          class={name === range.name ? '' : 'quiet'}
          aria-pressed={name === range.name}
          onClick={() => setQuery({ range: name === 'hour' ? null : name })}
        >
          {name}
        </button>
      ))}
    >
      {isEmpty && hasSent && <p class="muted">Measuring…</p>}
      {isEmpty && !hasSent && (
        <Empty>
          They appear here once something is sent. <a href={href('/sources')}>Sources</a> have
          snippets to paste.
        </Empty>
      )}
      {!isEmpty && (
        <Chart label="Events per minute, by source" times={drawn.times} lines={drawn.lines} />
      )}
    </Section>
  );
}

function Storage({ overview: { disk, retention } }: { overview: OverviewAnswer }) {
  const { logHours, logBytesMax, logFrom, rejectedRowsMax } = retention;
  const facts: [string, string][] = [
    ['Free on disk', disk.freeBytes === null ? '–' : bytes(disk.freeBytes)],
    ['Events are refused below', bytes(disk.minFreeBytes)],
    ['Log', `${bytes(disk.logBytes)}, ${logFrom === null ? 'empty' : `from ${time(logFrom)}`}`],
    ['Events in Parquet', bytes(disk.lakeBytes)],
    [
      'Log is kept for',
      duration(logHours * HOUR_MS) +
        (logBytesMax === null ? '' : `, ${bytes(logBytesMax)} of each partition at most`),
    ],
    ['Rejected events kept', `the latest ${shortCount(rejectedRowsMax)}`],
  ];
  return (
    <Section title="Disk and retention">
      <Facts facts={facts} />
    </Section>
  );
}
