/** How much is kept, for how long, and what is free. */
import { partitionFolder } from '../../log/partition-folder.ts';
import { listSegments } from '../../log/segments.ts';
import type { Snapshot } from '../../observe/metrics.ts';
import { regionsOf } from '../regions-of.ts';
import type { RunningServer } from '../running-server.ts';
import type { OverviewAnswer } from './overview-shapes.ts';

type Server = Pick<RunningServer, 'config' | 'store' | 'disk' | 'dataFolder' | 'snapshots'>;

/** Reads the sizes of the log's segments, and counters for the rest. */
export async function diskOverview(server: Server): Promise<OverviewAnswer> {
  const { config, disk, dataFolder } = server;
  const metrics = server.snapshots();
  let logBytes = 0;
  let fromMs = Number.POSITIVE_INFINITY;
  for (const region of regionsOf(server)) {
    for (const name of await disk.list(partitionFolder(dataFolder, region, ''))) {
      for (const segment of await listSegments(disk, partitionFolder(dataFolder, region, name))) {
        logBytes += segment.bytes;
        if (segment.createdMs > 0) fromMs = Math.min(fromMs, segment.createdMs);
      }
    }
  }
  const freeBytes = sumOf(metrics, 'millrace_disk_free_bytes');
  return {
    disk: {
      // Not measured yet.
      freeBytes: Number.isFinite(freeBytes) ? freeBytes : null,
      minFreeBytes: config.log.minFreeBytes,
      logBytes,
      lakeBytes: sumOf(metrics, 'millrace_lake_bytes'),
    },
    retention: {
      logHours: config.log.retentionHours,
      logBytesMax: config.log.retentionBytesMax,
      logFrom: Number.isFinite(fromMs) ? new Date(fromMs).toISOString() : null,
      rejectedRowsMax: config.lake.rejectedRowsMax,
    },
  };
}

function sumOf(metrics: readonly Snapshot[], name: string): number {
  const own = metrics.flatMap((snapshot) =>
    snapshot.filter(([series]) => series === name || series.startsWith(`${name}{`)),
  );
  return own.reduce((sum, [, value]) => sum + value, 0);
}
