/** Regions and the sizes of their folders. */
import { join } from 'node:path';
import type { Disk } from '../../base/disk.ts';
import { errnoOf } from '../../base/errors.ts';
import { partitionFolder } from '../../log/partition-folder.ts';
import { listSegments } from '../../log/segments.ts';
import { listSources } from '../../store/sources/sources.ts';
import { regionsOf } from '../regions-of.ts';
import type { ServerParts } from '../server-parts.ts';
import type { RegionView } from './overview-shapes.ts';

type Parts = Pick<ServerParts, 'config' | 'disk' | 'dataFolder' | 'store' | 'clock'>;
type Sizes = Map<string, { logBytes: number; lakeBytes: number }>;

/** Every file is opened for its size, so that they are not asked again and again. */
const KEPT_MS = 30_000;

/** Sizes are kept for a while: there is one of this for a server. */
export function createRegionSizes(parts: Parts): () => Promise<RegionView[]> {
  const { config, store, clock } = parts;
  let kept: { atMs: number; sizes: Promise<Sizes> } | undefined;
  return async () => {
    const own = listSources(store);
    const names = regionsOf(parts);
    if (!kept || clock.monotonicMs() - kept.atMs > KEPT_MS) {
      kept = { atMs: clock.monotonicMs(), sizes: sizesOf(parts, names) };
      kept.sizes.catch(() => (kept = undefined));
    }
    const sizes = await kept.sizes;
    return names.map((name) => ({
      name,
      isConfigured: Object.hasOwn(config.regions, name),
      hosts: config.regions[name]?.hosts ?? [],
      sources: own.filter(({ region }) => region === name).length,
      ...(sizes.get(name) ?? { logBytes: 0, lakeBytes: 0 }),
    }));
  };
}

async function sizesOf({ disk, dataFolder }: Parts, regions: readonly string[]): Promise<Sizes> {
  const sizes: Sizes = new Map();
  for (const region of regions) {
    let logBytes = 0;
    for (const name of await disk.list(partitionFolder(dataFolder, region, ''))) {
      const segments = await listSegments(disk, partitionFolder(dataFolder, region, name));
      for (const { bytes } of segments) logBytes += bytes;
    }
    let lakeBytes = 0;
    for (const kind of ['lake', 'rejected']) {
      lakeBytes += await parquetBytes(disk, join(dataFolder, region, kind));
    }
    sizes.set(region, { logBytes, lakeBytes });
  }
  return sizes;
}

/** Files are in a folder for each day. */
async function parquetBytes(disk: Disk, folder: string): Promise<number> {
  let bytes = 0;
  for (const day of await disk.list(folder)) {
    if (!day.startsWith('day=')) continue;
    for (const name of await disk.list(join(folder, day))) {
      bytes += await fileBytes(disk, join(folder, day, name));
    }
  }
  return bytes;
}

/** A file that compaction has replaced meanwhile has no size. */
async function fileBytes(disk: Disk, path: string): Promise<number> {
  try {
    const file = await disk.open(path, 'read');
    try {
      return await file.size();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0;
    throw error;
  }
}
