/** Changes of the list of files. What leaves it goes into the trash, and the metrics follow. */
import { join } from 'node:path';
import type { LakeFile, NewFile } from './file-catalog.ts';
import type { LakeState } from './lake-state.ts';
import { throwAway } from './trash.ts';
import type { Trash } from './trash.ts';

/** Lists files that have the same rows in the place of others. */
export function replaceFiles(
  lake: LakeState,
  trash: Trash,
  files: readonly LakeFile[],
  written: readonly NewFile[],
): void {
  const { catalog } = lake;
  catalog.transaction(() => {
    for (const { id } of files) catalog.removeFile(id);
    for (const file of written) catalog.addFile(file);
  });
  throwFilesAway(lake, trash, files);
}

/** Lets go of files and their rows, which stay counted. @returns how many rows. */
export function expireFiles(lake: LakeState, trash: Trash, files: readonly LakeFile[]): number {
  const { catalog } = lake;
  catalog.transaction(() => {
    for (const { id } of files) catalog.expireFile(id);
  });
  throwFilesAway(lake, trash, files);
  return files.reduce((sum, file) => sum + file.rows, 0);
}

function throwFilesAway(lake: LakeState, trash: Trash, files: readonly LakeFile[]): void {
  const { dataFolder, clock } = lake.options;
  const paths = files.map(({ path }) => join(dataFolder, path));
  throwAway(trash, paths, clock.monotonicMs());
  countFiles(lake);
}

/** Says in the metrics what is listed. */
export function countFiles({ catalog, options }: LakeState): void {
  for (const kind of ['events', 'rejected'] as const) {
    const files = catalog.files(kind);
    options.metrics.cell('millrace_lake_files', { kind }).value = files.length;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    options.metrics.cell('millrace_lake_bytes', { kind }).value = bytes;
  }
}
