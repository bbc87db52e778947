/** Each destination in a row: what it got, what it did not get, and how far behind it is. */
import type { ListedDestination } from '../../../../src/operate/destinations/destination-shapes.ts';
import { href } from '../../page-router.ts';
import { Empty, Section } from '../../parts/page.tsx';
import { DestinationTable } from '../destinations/destination-table.tsx';

export function OverviewDestinations({ rows }: { rows: readonly ListedDestination[] }) {
  return (
    <Section title="Destinations">
      {rows.length === 0 ? (
        <Empty>
          No destination is connected. <a href={href('/destinations')}>Connect one</a> to send
          events on: webhooks, warehouses, storage, streams, and Segment's own.
        </Empty>
      ) : (
        <DestinationTable destinations={rows} />
      )}
    </Section>
  );
}
