/** Counters over time, as the server keeps them. */

/** When a part of the time began, and what was counted in it. */
export type HistoryPoint = [at: string, value: number];

export interface History {
  /** One for each combination of the labels that were asked for. */
  series: { labels: Record<string, string>; points: HistoryPoint[] }[];
}

export function sumOfPoints(points: readonly HistoryPoint[] = []): number {
  return points.reduce((sum, [, value]) => sum + value, 0);
}

export function sumOfHistory(history: History | undefined): number {
  return sumOfPoints(history?.series.flatMap(({ points }) => points));
}
