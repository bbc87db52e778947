import type { DestinationStanding } from '../../../../src/operate/destinations/destination-shapes.ts';

/** For whatever reason they were. */
export function filteredOf(status: Pick<DestinationStanding, 'filtered'> | null): number {
  return Object.values(status?.filtered ?? {}).reduce((sum, count) => sum + count, 0);
}
