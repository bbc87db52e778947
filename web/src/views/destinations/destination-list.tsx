import { may } from '../../admin-api.ts';
import { useLoaded } from '../../use-loaded.ts';
import { Empty, Page } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { href } from '../../page-router.ts';
import type { Destination } from './destination-shapes.ts';
import { STANDING_COLUMNS, StandingCells, StateBadge } from './destination-standing.tsx';

const COLUMNS = ['Name', 'Type', 'State', ...STANDING_COLUMNS];

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
              <StandingCells destination={one} />
            </tr>
          ))}
        </Table>
      )}
    </Page>
  );
}
