/** Counters over time, as the server keeps them. */
import type { HistoryAnswer, HistoryPoint } from '../../src/operate/overview/overview-shapes.ts';

export function sumOfPoints(points: readonly HistoryPoint[] = []): number {
  return points.reduce((sum, [, value]) => sum + value, 0);
}

export function sumOfHistory(history: HistoryAnswer | undefined): number {
  return sumOfPoints(history?.series.flatMap(({ points }) => points));
}
