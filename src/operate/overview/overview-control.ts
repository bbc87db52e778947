/** Disk, retention, and recounts of the running server. */
import { Worker } from 'node:worker_threads';
import type { OverviewAnswer, OverviewControl, VerifyState } from '../../admin/overview-routes.ts';
import { partitionFolder } from '../../log/partition-folder.ts';
import { listSegments } from '../../log/segments.ts';
import type { Snapshot } from '../../observe/metrics.ts';
import { listDestinationPlaces } from '../../store/destinations/destinations.ts';
import { listSourcesEver } from '../../store/sources/sources.ts';
import type { AdminSeams } from '../../admin/admin-seams.ts';
import type { ServerParts } from '../server-parts.ts';
import type { VerifyWhat } from '../verify/verify-everything.ts';
import type { VerifyMessage } from '../verify/verify-thread.ts';

const FILE = new URL('../verify/verify-thread.ts', import.meta.url);
const NEVER: VerifyState = {
  state: 'never',
  share: 0,
  startedAt: null,
  finishedAt: null,
  report: null,
  failure: null,
};

export function createOverviewControl({ parts, metrics }: AdminSeams): OverviewControl {
  let verified = NEVER;
  const now = (): string => new Date(parts.clock.wallMs()).toISOString();
  return {
    overview: () => overviewOf(parts, metrics()),
    verified: () => verified,
    verify() {
      if (verified.state === 'running') return verified;
      verified = { ...NEVER, state: 'running', startedAt: now() };
      const end = (change: Partial<VerifyState>): void => {
        if (verified.state === 'running') verified = { ...verified, ...change, finishedAt: now() };
      };
      const worker = new Worker(FILE, { name: 'verify', workerData: whatToVerify(parts) });
      worker.on('message', (message: VerifyMessage) => {
        if (message.kind === 'progress') verified = { ...verified, share: message.share };
        else if (message.kind === 'failed') end({ state: 'failed', failure: message.message });
        else end({ state: 'done', share: 1, report: message.report });
      });
      worker.on('error', (error: Error) => end({ state: 'failed', failure: error.message }));
      worker.on('exit', () => end({ state: 'failed', failure: 'The recount ended early' }));
      // A server that stops does not wait for it: nothing is written.
      worker.unref();
      return verified;
    },
  };
}

/** Plain data for another thread: nothing of the store's own. */
function whatToVerify(parts: ServerParts): VerifyWhat {
  const sources = listSourcesEver(parts.store).map(({ id, number, slug }) => ({
    id,
    number,
    slug,
  }));
  const destinations = listDestinationPlaces(parts.store);
  return { dataFolder: parts.dataFolder, regions: regionsOf(parts), sources, destinations };
}

async function overviewOf(
  parts: ServerParts,
  metrics: readonly Snapshot[],
): Promise<OverviewAnswer> {
  const { config, disk, dataFolder } = parts;
  let logBytes = 0;
  let fromMs = Number.POSITIVE_INFINITY;
  for (const region of regionsOf(parts)) {
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

/** A region that the configuration no longer names keeps its data. */
function regionsOf({ config, store }: ServerParts): string[] {
  const used = listSourcesEver(store).map(({ region }) => region);
  return [...new Set([...Object.keys(config.regions), ...used])];
}

function sumOf(metrics: readonly Snapshot[], name: string): number {
  const own = metrics.flatMap((snapshot) =>
    snapshot.filter(([series]) => series === name || series.startsWith(`${name}{`)),
  );
  return own.reduce((sum, [, value]) => sum + value, 0);
}
