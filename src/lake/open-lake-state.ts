/** Opens what the lake works on: catalog, ledger and engine, and folders without leftovers. */
import { join } from 'node:path';
import { createDispatcher } from '../dispatch/dispatcher.ts';
import { openLedger } from '../dispatch/ledger.ts';
import { openCatalog } from './file-catalog.ts';
import type { LakeOptions, LakeState } from './lake-state.ts';
import { showViews } from './lake-views.ts';
import { emptyPartsFolder } from './load/loader.ts';
import { partsFolder } from './load/part-writer.ts';
import { removeOrphans } from './parquet.ts';
import { openEngine, TEMPORARY_FOLDER } from './sql-engine.ts';
import { createWarehouse } from './warehouse.ts';

/** @throws MillraceError DATA_FORMAT_TOO_NEW */
export async function openLakeState(options: LakeOptions): Promise<LakeState> {
  const { disk, dataFolder, regions, settings, isReadOnly, logger } = options;
  const folders = regions.flatMap((region) => [
    join(dataFolder, region, 'lake'),
    join(dataFolder, region, 'rejected'),
    partsFolder(dataFolder, region),
  ]);
  for (const folder of folders) await disk.makeFolder(folder);
  for (const region of regions) await emptyPartsFolder(options, region);
  const catalog = openCatalog(join(dataFolder, 'lake.db'));
  const ledger = openLedger(join(dataFolder, 'dispatch.db'));
  if (!isReadOnly) {
    const listed = new Set(catalog.files().map(({ path }) => path));
    const removed = await removeOrphans({ disk, dataFolder }, regions, listed);
    if (removed.length > 0)
      logger.info({ files: removed.length }, 'unlisted Parquet files removed');
  }
  const engine = await openEngine({
    memoryLimit: settings.memoryLimit,
    threads: settings.threads,
    folders,
    temporaryRoot: join(dataFolder, TEMPORARY_FOLDER),
  });
  const fileCursors = catalog.cursors();
  const state: LakeState = {
    options,
    engine,
    background: await engine.connect(),
    catalog,
    ledger,
    dispatcher: createDispatcher(ledger, {
      windowHours: settings.dedupWindowHours,
      keysMax: settings.dedupKeysMax,
      from: fileCursors,
      isReadOnly,
    }),
    warehouse: createWarehouse(catalog),
    parts: [],
    partCursors: fileCursors,
    fileCursors,
    views: new Map(),
    viewsVersion: 0,
    opening: options.random.uuid(),
    partitions: new Map(),
    sources: new Map(),
  };
  showViews(state, state.warehouse.all());
  return state;
}
