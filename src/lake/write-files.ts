/** Writes files of the lake from parts and from other files. Nothing is listed here. */
import { assert } from '../base/assert.ts';
import { closeDay } from './closed-days.ts';
import type { LakeFile, NewFile } from './file-catalog.ts';
import type { LakeState } from './lake-state.ts';
import type { Part } from './load/lake-part.ts';
import {
  absoluteRelation,
  adoptPart,
  mergeCounts,
  parquetRelation,
  writeParquet,
} from './parquet.ts';
import type { ParquetOptions } from './parquet.ts';

/** Whole parts become files as they are; the others of a kind and region are joined. */
export async function writeParts(lake: LakeState, parts: readonly Part[]): Promise<NewFile[]> {
  const options = writeOptions(lake);
  const files: NewFile[] = [];
  const groups = new Map<string, Part[]>();
  for (const part of parts) {
    if (part.isWhole) {
      files.push(await adoptPart(options, part));
      continue;
    }
    const key = `${part.kind}/${part.region}`;
    groups.set(key, [...(groups.get(key) ?? []), part]);
  }
  for (const group of groups.values()) {
    const [first] = group;
    const relation = absoluteRelation(group.map(({ path }) => path));
    assert(first && relation !== null, 'a group has parts');
    const counts = mergeCounts(group.flatMap((part) => part.counts));
    files.push(...(await writeParquet(options, first.kind, first.region, relation, counts)));
  }
  return files;
}

/** The rows of files of one kind, region and day in larger ones. */
export async function mergeFiles(lake: LakeState, files: readonly LakeFile[]): Promise<NewFile[]> {
  const [first] = files;
  assert(first !== undefined, 'a compaction has files');
  const paths = files.map(({ path }) => path);
  const relation = parquetRelation(lake.options.dataFolder, paths);
  assert(relation !== null, 'a compaction has a relation');
  const counts = mergeCounts(files.flatMap(({ id }) => lake.catalog.fileCounts(id)));
  return writeParquet(writeOptions(lake), first.kind, first.region, relation, counts);
}

/** The rows of a day that has passed, sorted by person. */
export function closePastDay(lake: LakeState, files: readonly LakeFile[]): Promise<NewFile[]> {
  const options = {
    ...writeOptions(lake),
    countsOf: ({ id }: LakeFile) => lake.catalog.fileCounts(id),
    sourceNumbers: new Map([...lake.sources.values()].map(({ id, number }) => [id, number])),
  };
  return closeDay(options, files);
}

function writeOptions(lake: LakeState): ParquetOptions {
  const { disk, random, dataFolder } = lake.options;
  return { connection: lake.background, disk, random, dataFolder };
}
