import { may } from '../../admin-api.ts';
import { duration, shortCount } from '../../format.ts';
import { useLoaded } from '../../use-loaded.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { href } from '../../page-router.ts';
import type { Destination } from './destination-shapes.ts';

const COLUMNS = ['Name', 'Type', 'State', 'Delivered', 'Filtered', 'Dead letters', 'Lag'];

/** All destinations, with how they fare. */
export function DestinationList() {
  const { data, error } = useLoaded<Destination[]>('/admin/destinations', 5_000);
  return (
    <Page
      title="Destinations"
      actions={
        may('member') && (
          <a class="button" href={href('/destinations/new')}>
            Connect a destination
          </a>
        )
      }
    >
      <Problem error={error} />
      {data?.length === 0 && (
        <Empty>
          Nothing is connected yet. Events are kept and can be queried; a destination sends them on,
          from now, or from the first one that was kept.
        </Empty>
      )}
      {data && data.length > 0 && (
        <Table label="Destinations" columns={COLUMNS}>
          {data.map((one) => (
            <tr key={one.id}>
              <td>
                <a href={href(`/destinations/${one.slug}`)}>{one.name}</a>
              </td>
              <td>{one.type}</td>
              <td>
                <StateBadge destination={one} />
              </td>
              <td class="number">{shortCount(one.status?.delivered ?? 0)}</td>
              <td class="number">{shortCount(sumOf(one.status?.filtered))}</td>
              <td class="number">{shortCount(one.status?.deadLetters ?? 0)}</td>
              <td class="number">{duration((one.status?.live?.lagSeconds ?? 0) * 1000)}</td>
            </tr>
          ))}
        </Table>
      )}
    </Page>
  );
}

function sumOf(counts: Record<string, number> = {}): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

export function StateBadge({ destination }: { destination: Destination }) {
  const { state, status } = destination;
  if (status?.failure) return <Badge tone="bad">cannot run</Badge>;
  if (status?.breaker === 'open') return <Badge tone="bad">not reachable</Badge>;
  return <Badge tone={state === 'enabled' ? 'good' : 'warn'}>{state}</Badge>;
}
