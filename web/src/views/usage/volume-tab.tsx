/** Events of a source by hour, against the same hours of earlier weeks, and what was refused. */
import { count, share } from '../../format.ts';
import { useLoaded } from '../../use-loaded.ts';
import { Chart } from '../../parts/chart.tsx';
import { Field } from '../../parts/field.tsx';
import { Empty, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { place, setQuery } from '../../page-router.ts';
import { ByEvent } from './usage-by-event.tsx';
import { ByKey } from './usage-by-key.tsx';
import type { HistoryAnswer } from './usage-shapes.ts';

const HOUR_MS = 3_600_000;
const RANGES = { '24 hours': 24, '7 days': 24 * 7, '30 days': 24 * 30 } as const;
type Range = keyof typeof RANGES;
const EVERY_MS = 5_000;

interface Baseline {
  points: [at: string, value: number | null][];
}

export function Volume() {
  const sources = useLoaded<{ slug: string; name: string }[]>('/admin/sources');
  const { query } = place.value;
  const chosen = query.get('source') ?? sources.data?.[0]?.slug ?? '';
  const range = (query.get('range') ?? '24 hours') as Range;
  const hours = RANGES[range] ?? 24;
  // Rounded, so that the same question is asked until the hour is over.
  const toMs = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS;
  const span = `from=${iso(toMs - hours * HOUR_MS)}&to=${iso(toMs)}`;
  const ask = (metric: string, more = ''): string | null =>
    chosen === ''
      ? null
      : `/admin/history?metric=millrace_${metric}_total&granularity=HOUR&${span}${more}`;
  const own = `&source=${encodeURIComponent(chosen)}`;
  const received = useLoaded<HistoryAnswer>(ask('events_received', own), EVERY_MS);
  const rejected = useLoaded<HistoryAnswer>(ask('events_rejected', `${own}&by=code`), EVERY_MS);
  const byKey = useLoaded<HistoryAnswer>(ask('key_events', `${own}&by=key`), EVERY_MS);
  const limited = useLoaded<HistoryAnswer>(ask('rate_limited', own), EVERY_MS);
  const unknown = useLoaded<HistoryAnswer>(ask('unauthorized'), EVERY_MS);
  const usual = useLoaded<Baseline>(
    chosen === '' ? null : `/admin/history/baseline?source=${encodeURIComponent(chosen)}&${span}`,
  );
  if (sources.data?.length === 0) return <Empty>There is no source yet.</Empty>;
  const total = sumOf(received.data);
  const refused = sumOf(rejected.data);
  return (
    <>
      <form class="inline" onSubmit={(event) => event.preventDefault()}>
        <Field label="Source">
          {(attributes) => (
            <select
              {...attributes}
              value={chosen}
              onChange={(event) => setQuery({ source: event.currentTarget.value })}
            >
              {sources.data?.map(({ slug, name }) => (
                <option key={slug} value={slug}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Range">
          {(attributes) => (
            <select
              {...attributes}
              value={range}
              onChange={(event) => setQuery({ range: event.currentTarget.value })}
            >
              {Object.keys(RANGES).map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          )}
        </Field>
      </form>
      <Problem error={received.error ?? usual.error} />
      <dl class="figures">
        <div>
          <dt>Events</dt>
          <dd>{count(total)}</dd>
        </div>
        <div>
          <dt>Rejected</dt>
          <dd>{total === 0 ? '–' : share(refused / total)}</dd>
        </div>
        <div>
          <dt>Over the limit</dt>
          <dd>{count(sumOf(limited.data))}</dd>
        </div>
        <div>
          <dt>Unknown keys, all sources</dt>
          <dd>{count(sumOf(unknown.data))}</dd>
        </div>
      </dl>
      <Section title="Events an hour, and usually">
        {received.data && (
          <Lines answer={received.data} usual={usual.data} toMs={toMs} hours={hours} />
        )}
        <p class="muted">
          Usual is the median of the same hour of the week, once two weeks are known.
        </p>
      </Section>
      {refused > 0 && <Rejected answer={rejected.data} />}
      {chosen !== '' && (
        <>
          <ByEvent source={chosen} span={span} />
          <ByKey source={chosen} answer={byKey.data} />
        </>
      )}
    </>
  );
}

interface LinesProps {
  answer: HistoryAnswer;
  usual: Baseline | undefined;
  toMs: number;
  hours: number;
}

function Lines({ answer, usual, toMs, hours }: LinesProps) {
  const values = new Map(answer.series[0]?.points.map(([at, value]) => [Date.parse(at), value]));
  const known = new Map(usual?.points.map(([at, value]) => [Date.parse(at), value]));
  const times = Array.from({ length: hours }, (_, at) => toMs - (hours - at) * HOUR_MS);
  return (
    <Chart
      label="Events an hour"
      times={times.map((ms) => ms / 1000)}
      lines={[
        { name: 'events', values: times.map((ms) => values.get(ms) ?? 0) },
        { name: 'usual', values: times.map((ms) => known.get(ms) ?? null) },
      ]}
    />
  );
}

function Rejected({ answer }: { answer: HistoryAnswer | undefined }) {
  return (
    <Section title="Rejected, by reason">
      <Table label="Rejected events by reason" columns={['Reason', 'Events']}>
        {answer?.series.map(({ labels, points }) => (
          <tr key={labels['code']}>
            <td>{labels['code']}</td>
            <td class="number">{count(points.reduce((sum, [, value]) => sum + value, 0))}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

function sumOf(answer: HistoryAnswer | undefined): number {
  const points = answer?.series.flatMap((series) => series.points) ?? [];
  return points.reduce((sum, [, value]) => sum + value, 0);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
