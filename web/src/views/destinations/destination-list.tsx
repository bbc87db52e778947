import type { ListedDestination } from '../../../../src/operate/destinations/destination-shapes.ts';
import { may } from '../../admin-api.ts';
import { href } from '../../page-router.ts';
import { Empty, Page } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { useLoaded } from '../../use-loaded.ts';
import { DestinationTable } from './destination-table.tsx';

/** All destinations, with how they fare. */
export function DestinationList() {
  const { data, error } = useLoaded<ListedDestination[]>('/admin/destinations', 5_000);
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
      {data && data.length > 0 && <DestinationTable destinations={data} hasTypes />}
    </Page>
  );
}
