/** What became of the events of a destination, with samples of those that did not arrive. */
import type { DestinationDelivery } from '../../../../src/operate/destinations/destination-shapes.ts';
import { count, duration, time } from '../../format.ts';
import { href } from '../../page-router.ts';
import { Badge } from '../../parts/badge.tsx';
import { Chart } from '../../parts/chart.tsx';
import { Figures } from '../../parts/figures.tsx';
import { Empty, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { useLoaded } from '../../use-loaded.ts';
import { tracePath } from '../../view-paths.ts';
import { filteredOf } from './filtered-count.ts';

const EVERY_MS = 3_000;

export function DeliveryTab({ slug }: { slug: string }) {
  const { data, error } = useLoaded<DestinationDelivery>(
    `/admin/destinations/${slug}/delivery`,
    EVERY_MS,
  );
  if (!data) return <Problem error={error} />;
  return (
    <>
      <Standing data={data} />
      <Hours data={data} />
      <Outcomes data={data} />
      <Samples slug={slug} data={data} />
      <Attempts data={data} />
    </>
  );
}

function Standing({ data: { status } }: { data: DestinationDelivery }) {
  const { delivered, live, deadLetters, breaker } = status;
  return (
    <Figures
      label="Since it began"
      figures={[
        ['Delivered', count(delivered)],
        ['Filtered', count(filteredOf(status))],
        ['Waiting for another attempt', count(live?.waiting ?? 0)],
        ['In flight', count(live?.inFlight ?? 0)],
        ['Dead letters', count(deadLetters)],
        ['Lag', duration((live?.lagSeconds ?? 0) * 1000)],
        ['Breaker', breaker],
      ]}
    />
  );
}

function Hours({ data: { hours } }: { data: DestinationDelivery }) {
  if (hours.length < 2) return null;
  const ordered = hours.toSorted((a, b) => a.at.localeCompare(b.at));
  return (
    <Section title="By the hour of receipt">
      <Chart
        label="Events by hour"
        times={ordered.map(({ at }) => Date.parse(at) / 1000)}
        lines={[
          { name: 'delivered', values: ordered.map(({ delivered }) => delivered) },
          { name: 'filtered', values: ordered.map(({ filtered }) => filtered) },
        ]}
      />
    </Section>
  );
}

function Outcomes({ data: { outcomes } }: { data: DestinationDelivery }) {
  if (outcomes.length === 0) {
    return (
      <Empty>
        Nothing has come yet. It is sent what arrives from now on; what came before can be{' '}
        <em>replayed</em>.
      </Empty>
    );
  }
  return (
    <Section title="Outcomes">
      <Table label="Outcomes" columns={['Outcome', 'Reason', 'Events']}>
        {outcomes.map(({ outcome, reason, count: events }) => (
          <tr key={`${outcome} ${reason}`}>
            <td>
              <Badge tone={outcome === 'delivered' ? 'good' : 'plain'}>{outcome}</Badge>
            </td>
            <td>{reason}</td>
            <td class="number">{count(events)}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

/** Recent events that were filtered or died, with a link to their whole path. */
function Samples({
  slug,
  data: { dead, filtered = [] },
}: {
  slug: string;
  data: DestinationDelivery;
}) {
  if (dead.length + filtered.length === 0) return null;
  return (
    <Section title="Did not arrive">
      <Table label="Samples of events that did not arrive" columns={['Event', 'Why', 'When', '']}>
        {filtered.map((own) => (
          <tr key={`filtered ${own.messageId}`}>
            <td>{own.event ?? own.type}</td>
            <td>
              <Badge>filtered</Badge> {own.rule}: {own.reason} {own.detail}
            </td>
            <td>{time(own.receivedAt)}</td>
            <td>
              <TraceLink messageId={own.messageId} />
            </td>
          </tr>
        ))}
        {dead.map((own) => (
          <tr key={`dead ${own.id}`}>
            <td>{own.event ?? own.type}</td>
            <td>
              <Badge tone="bad">dead</Badge> {own.reason} {own.status ?? ''} {own.message}
            </td>
            <td>{time(own.at)}</td>
            <td>
              <TraceLink messageId={own.messageId} />{' '}
              <a href={href(`/destinations/${slug}/dead-letters`)}>dead letters</a>
            </td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

function TraceLink({ messageId }: { messageId: string }) {
  return <a href={href(tracePath(messageId))}>trace</a>;
}

function Attempts({ data: { attempts } }: { data: DestinationDelivery }) {
  if (attempts.length === 0) return null;
  return (
    <Section title="Latest attempts">
      <Table label="Latest attempts" columns={['When', 'Outcome', 'Answer', 'Events', 'Took']}>
        {attempts.map((own, at) => (
          <tr key={at}>
            <td>{time(own.at)}</td>
            <td>
              <Badge tone={own.outcome === 'delivered' ? 'good' : 'warn'}>{own.outcome}</Badge>
            </td>
            <td>
              {own.status} {own.reason} {own.message}
            </td>
            <td class="number">{own.events}</td>
            <td class="number">{duration(own.elapsedMs)}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}
