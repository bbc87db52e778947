/** How a destination fares, in a row of a table. */
import { duration, shortCount } from '../../format.ts';
import { Badge } from '../../parts/badge.tsx';
import type { Destination } from './destination-shapes.ts';
import { filteredOf } from './destination-shapes.ts';

/** The heads of `StandingCells`. */
export const STANDING_COLUMNS = ['Delivered', 'Filtered', 'Dead letters', 'Lag'].map((number) => ({
  number,
}));

export function StandingCells({ destination: { status } }: { destination: Destination }) {
  return (
    <>
      <td class="number">{shortCount(status?.delivered ?? 0)}</td>
      <td class="number">{shortCount(filteredOf(status))}</td>
      <td class="number">{shortCount(status?.deadLetters ?? 0)}</td>
      <td class="number">{duration((status?.live?.lagSeconds ?? 0) * 1000)}</td>
    </>
  );
}

export function StateBadge({ destination }: { destination: Destination }) {
  const { state, status } = destination;
  if (status?.failure) return <Badge tone="bad">cannot run</Badge>;
  if (status?.breaker === 'open') return <Badge tone="bad">not reachable</Badge>;
  return <Badge tone={state === 'enabled' ? 'good' : 'warn'}>{state}</Badge>;
}
