/** Each destination in a row: what it got, what it did not get, and how far behind it is. */
import { duration, shortCount } from '../../format.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Section } from '../../parts/page.tsx';
import { Table } from '../../parts/table.tsx';
import { href } from '../../page-router.ts';
import type { DestinationRow } from './overview-shapes.ts';

const COLUMNS = [
  'Name',
  'State',
  ...['Delivered', 'Filtered', 'Dead letters', 'Lag'].map((number) => ({ number })),
];

export function Destinations({ rows }: { rows: readonly DestinationRow[] }) {
  return (
    <Section title="Destinations">
      {rows.length === 0 ? (
        <Empty>
          No destination is connected. <a href={href('/destinations')}>Connect one</a> to send
          events on: webhooks, warehouses, storage, streams, and Segment's own.
        </Empty>
      ) : (
        <Table label="Destinations" columns={COLUMNS}>
          {rows.map(({ slug, name, state, status }) => (
            <tr key={slug}>
              <td>
                <a href={href(`/destinations/${slug}`)}>{name}</a>
              </td>
              <td>
                <Badge tone={state !== 'enabled' || status?.breaker === 'open' ? 'warn' : 'good'}>
                  {status?.breaker === 'open' ? 'not reachable' : state}
                </Badge>
              </td>
              <td class="number">{shortCount(status?.delivered ?? 0)}</td>
              <td class="number">{shortCount(filteredOf(status))}</td>
              <td class="number">{shortCount(status?.deadLetters ?? 0)}</td>
              <td class="number">{duration((status?.live?.lagSeconds ?? 0) * 1000)}</td>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}

function filteredOf(status: DestinationRow['status']): number {
  return Object.values(status?.filtered ?? {}).reduce((sum, count) => sum + count, 0);
}
