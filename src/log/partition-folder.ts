import { join } from 'node:path';

/** The folder of a partition's segments. */
export function partitionFolder(dataFolder: string, region: string, partition: string): string {
  return join(dataFolder, region, 'log', partition);
}
