/** How many live events a reader gets: nobody reads as fast, and ingestion needs the time. */
const ALL_PER_SECOND_MAX = 5_000;
const ONE_PER_SECOND_MIN = 20;

/** Of each reader, however many there are; they get the same. */
export function tailEntriesPerSecond(readers: number): number {
  return Math.max(ONE_PER_SECOND_MIN, ALL_PER_SECOND_MAX / Math.max(1, readers));
}
