/** Where a partition of the log is. */
import { join } from 'node:path';

/** A partition of the log, with what its readers and writers share of it. */
export interface LogPartition {
  name: string;
  region: string;
  folder: string;
  /** Its place in the shared durable ends. */
  slot: number;
  /** How far its readers have come. */
  positionMin: number;
}

/** The folder of a partition's segments. */
export function partitionFolder(dataFolder: string, region: string, partition: string): string {
  return join(dataFolder, region, 'log', partition);
}
