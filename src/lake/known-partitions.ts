/** Which log partitions there are: one for each region and thread, and those found on disk. */
import { join } from 'node:path';
import type { Disk } from '../base/disk.ts';
import { openLedger } from '../dispatch/ledger.ts';
import { openCatalog } from './file-catalog.ts';
import { partitionFolder } from '../log/partition-folder.ts';
import type { LogPartition } from '../log/partition-folder.ts';

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
): Promise<LogPartition[]> {
  const known = readerPositions(dataFolder);
  const partitions: LogPartition[] = [];
  for (const region of regions) {
    const names = Array.from({ length: threads }, (_, index) => `${region}-${index}`);
    for (const name of await disk.list(join(dataFolder, region, 'log'))) {
      if (NAME.exec(name)?.[1] === region && !names.includes(name)) names.push(name);
    }
    for (const name of names) {
      const folder = partitionFolder(dataFolder, region, name);
      const positionMin = known.get(name) ?? 0;
      partitions.push({ name, region, folder, slot: partitions.length, positionMin });
    }
  }
  return partitions;
}

/** How far dispatcher and lake have come in each partition. */
function readerPositions(dataFolder: string): Map<string, number> {
  const catalog = openCatalog(join(dataFolder, 'lake.db'));
  const ledger = openLedger(join(dataFolder, 'dispatch.db'));
  const positions = catalog.cursors();
  for (const [name, position] of ledger.cursors()) {
    positions.set(name, Math.max(position, positions.get(name) ?? 0));
  }
  catalog.close();
  ledger.close();
  return positions;
}

/** The partitions that a thread opens: its own, and for thread 0 those without a thread. */
export function partitionsOf(
  partitions: readonly LogPartition[],
  index: number,
  threads: number,
): LogPartition[] {
  return partitions.filter(({ name }) => {
    const owner = Number(NAME.exec(name)?.[2]);
    return owner === index || (index === 0 && owner >= threads);
  });
}
