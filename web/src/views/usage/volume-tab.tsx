/** Events of a source by hour, against the same hours of earlier weeks, and what was refused. */
import type {
  BaselineAnswer,
  HistoryAnswer,
} from '../../../../src/operate/overview/overview-shapes.ts';
import type { ListedSource } from '../../../../src/operate/sources/source-shapes.ts';
import { sumOfHistory, sumOfPoints } from '../../counter-history.ts';
import { count, share } from '../../format.ts';
import { place } from '../../page-router.ts';
import { AddressChoice } from '../../parts/address-form.tsx';
import { Chart } from '../../parts/chart.tsx';
import { Figures } from '../../parts/figures.tsx';
import { Empty, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { useLoaded } from '../../use-loaded.ts';
import { ByEvent } from './usage-by-event.tsx';
import { ByKey } from './usage-by-key.tsx';

const HOUR_MS = 3_600_000;
const RANGES = { '24 hours': 24, '7 days': 24 * 7, '30 days': 24 * 30 } as const;
type Range = keyof typeof RANGES;
const DAY: Range = '24 hours';
const EVERY_MS = 5_000;

export function Volume() {
  const sources = useLoaded<ListedSource[]>('/admin/sources');
  const { query } = place.value;
  const first = sources.data?.[0]?.slug ?? '';
  const chosen = query.get('source') ?? first;
  const hours = RANGES[(query.get('range') ?? DAY) as Range] ?? RANGES[DAY];
  // Rounded, so that the same question is asked until the hour is over.
  const toMs = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS;
  const span = `from=${iso(toMs - hours * HOUR_MS)}&to=${iso(toMs)}`;
  const { received, rejected, byKey, limited, unknown, usual } = useVolumes(chosen, span);
  if (sources.data?.length === 0) return <Empty>There is no source yet.</Empty>;
  const total = sumOfHistory(received.data);
  const refused = sumOfHistory(rejected.data);
  return (
    <>
      <form class="inline" onSubmit={(event) => event.preventDefault()}>
        <AddressChoice
          name="source"
          label="Source"
          standard={first}
          choices={sources.data?.map(({ slug, name }) => [slug, name] as const) ?? []}
        />
        <AddressChoice name="range" label="Range" standard={DAY} choices={Object.keys(RANGES)} />
      </form>
      <Problem error={received.error ?? usual.error} />
      <Figures
        figures={[
          ['Events', count(total)],
          ['Rejected', total === 0 ? '–' : share(refused / total)],
          ['Over the limit', count(sumOfHistory(limited.data))],
          ['Unknown keys, all sources', count(sumOfHistory(unknown.data))],
        ]}
      />
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

/** What was counted of a source; nothing as long as none is chosen. */
function useVolumes(source: string, span: string) {
  const own = `&source=${encodeURIComponent(source)}`;
  const path = (more: string): string | null =>
    source === '' ? null : `/admin/history${more}&${span}`;
  const counter = (name: string, more: string): string | null =>
    path(`?metric=millrace_${name}_total&granularity=HOUR${more}`);
  return {
    received: useLoaded<HistoryAnswer>(counter('events_received', own), EVERY_MS),
    rejected: useLoaded<HistoryAnswer>(counter('events_rejected', `${own}&by=code`), EVERY_MS),
    byKey: useLoaded<HistoryAnswer>(counter('key_events', `${own}&by=key`), EVERY_MS),
    limited: useLoaded<HistoryAnswer>(counter('rate_limited', own), EVERY_MS),
    unknown: useLoaded<HistoryAnswer>(counter('unauthorized', ''), EVERY_MS),
    usual: useLoaded<BaselineAnswer>(path(`/baseline?source=${encodeURIComponent(source)}`)),
  };
}

interface LinesProps {
  answer: HistoryAnswer;
  usual: BaselineAnswer | undefined;
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
            <td class="number">{count(sumOfPoints(points))}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
