import type { Disk } from '../base/disk.ts';
import { listSegments } from './segments.ts';
import type { Segment } from './segments.ts';

/**
 * Removes whole segments that end at or below a position, oldest first and never the last one.
 * The caller has made sure that no reader needs them.
 * @returns what was removed.
 */
export async function removeSegmentsBefore(options: {
  disk: Disk;
  folder: string;
  position: number;
}): Promise<Segment[]> {
  const { disk, folder, position } = options;
  const segments = await listSegments(disk, folder);
  const removed: Segment[] = [];
  for (let at = 0; at + 1 < segments.length; at++) {
    const segment = segments[at];
    const successor = segments[at + 1];
    if (!segment || !successor || successor.base > position) break;
    await disk.remove(segment.path);
    // One by one: a power cut that kept an older and lost a newer one would leave a hole.
    await disk.syncFolder(folder);
    removed.push(segment);
  }
  return removed;
}
