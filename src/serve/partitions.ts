/** Which log partitions there are: one for each region and thread, and those found on disk. */
import { join } from 'node:path';
import type { Disk } from '../base/disk.ts';
import type { OwnPartition } from '../collect/messages.ts';
import { partitionFolder } from '../lake/lake.ts';

const NAME = /^(.+)-(\d{1,4})$/;

/**
 * Partitions with their slots. One that no thread writes any more (there were more threads once)
 * is listed as well: thread 0 recovers it, and readers finish it.
 */
export async function listPartitions(
  disk: Disk,
  dataFolder: string,
  regions: readonly string[],
  threads: number,
): Promise<OwnPartition[]> {
  const partitions: OwnPartition[] = [];
  for (const region of regions) {
    const names = Array.from({ length: threads }, (_, index) => `${region}-${index}`);
    for (const name of await disk.list(join(dataFolder, region, 'log'))) {
      if (NAME.exec(name)?.[1] === region && !names.includes(name)) names.push(name);
    }
    for (const name of names) {
      const folder = partitionFolder(dataFolder, region, name);
      partitions.push({ name, region, folder, slot: partitions.length });
    }
  }
  return partitions;
}

/** The partitions that a thread opens: its own, and for thread 0 those without a thread. */
export function partitionsOf(
  partitions: readonly OwnPartition[],
  index: number,
  threads: number,
): OwnPartition[] {
  return partitions.filter(({ name }) => {
    const owner = Number(NAME.exec(name)?.[2]);
    return owner === index || (index === 0 && owner >= threads);
  });
}
