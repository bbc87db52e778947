/** Each destination in a row: what it got, what it did not get, and how far behind it is. */
import { Empty, Section } from '../../parts/page.tsx';
import { Table } from '../../parts/table.tsx';
import { href } from '../../page-router.ts';
import type { Destination } from '../destinations/destination-shapes.ts';
import {
  STANDING_COLUMNS,
  StandingCells,
  StateBadge,
} from '../destinations/destination-standing.tsx';

const COLUMNS = ['Name', 'State', ...STANDING_COLUMNS];

export function OverviewDestinations({ rows }: { rows: readonly Destination[] }) {
  return (
    <Section title="Destinations">
      {rows.length === 0 ? (
        <Empty>
          No destination is connected. <a href={href('/destinations')}>Connect one</a> to send
          events on: webhooks, warehouses, storage, streams, and Segment's own.
        </Empty>
      ) : (
        <Table label="Destinations" columns={COLUMNS}>
          {rows.map((one) => (
            <tr key={one.slug}>
              <td>
                <a href={href(`/destinations/${one.slug}`)}>{one.name}</a>
              </td>
              <td>
                <StateBadge destination={one} />
              </td>
              <StandingCells destination={one} />
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}
