/** How destinations fare, a row each. */
import type { ListedDestination } from '../../../../src/operate/destinations/destination-shapes.ts';
import { duration, shortCount } from '../../format.ts';
import { href } from '../../page-router.ts';
import { Badge } from '../../parts/badge.tsx';
import { Table } from '../../parts/table.tsx';
import { filteredOf } from './filtered-count.ts';

const NUMBERS = ['Delivered', 'Filtered', 'Dead letters', 'Lag'].map((number) => ({ number }));

interface Props {
  destinations: readonly ListedDestination[];
  /** Shows of which type each is. */
  hasTypes?: boolean;
}

/** What it got, what it did not get, and how far behind it is. */
export function DestinationTable({ destinations, hasTypes = false }: Props) {
  const columns = ['Name', ...(hasTypes ? ['Type'] : []), 'State', ...NUMBERS];
  return (
    <Table label="Destinations" columns={columns}>
      {destinations.map((destination) => {
        const { slug, name, type, status } = destination;
        return (
          <tr key={slug}>
            <td>
              <a href={href(`/destinations/${slug}`)}>{name}</a>
            </td>
            {hasTypes && <td>{type}</td>}
            <td>
              <StateBadge destination={destination} />
            </td>
            <td class="number">{shortCount(status?.delivered ?? 0)}</td>
            <td class="number">{shortCount(filteredOf(status))}</td>
            <td class="number">{shortCount(status?.deadLetters ?? 0)}</td>
            <td class="number">{duration((status?.live?.lagSeconds ?? 0) * 1000)}</td>
          </tr>
        );
      })}
    </Table>
  );
}

export function StateBadge({ destination }: { destination: ListedDestination }) {
  const { state, status } = destination;
  if (status?.failure) return <Badge tone="bad">cannot run</Badge>;
  if (status?.breaker === 'open') return <Badge tone="bad">not reachable</Badge>;
  return <Badge tone={state === 'enabled' ? 'good' : 'warn'}>{state}</Badge>;
}
