/**
 * Which files are written once more: small ones together with others of their level, so that each
 * row is written a few times only and the number of files levels off; then days that have passed.
 */
import { filesToClose } from './closed-days.ts';
import type { FileKind, LakeFile, NewFile } from './file-catalog.ts';
import type { LakeState } from './lake-state.ts';
import { dayOf } from './parquet.ts';
import { closePastDay, mergeFiles } from './write-files.ts';

export interface Rewrite {
  files: readonly LakeFile[];
  write(lake: LakeState, files: readonly LakeFile[]): Promise<NewFile[]>;
}

/** Files that are left alone, by path, and until when. */
export type HeldFiles = Map<string, number>;

/** Above the last level files are left alone. */
const LEVEL_BYTES = [16 * 1024 * 1024, 128 * 1024 * 1024] as const;
/** Files that could not be rewritten are left alone for so long; others go on. */
const HOLD_MS = 600_000;

/** One damaged file must not keep all others from being merged, nor events from being flushed. */
export function holdFiles(held: HeldFiles, files: readonly LakeFile[], nowMs: number): void {
  for (const { path } of files) held.set(path, nowMs + HOLD_MS);
}

/** What is due, or undefined. */
export function nextRewrite(lake: LakeState, held: HeldFiles): Rewrite | undefined {
  const { clock, settings } = lake.options;
  const files = notHeld(lake.catalog.files(), held, clock.monotonicMs());
  const small = filesToMerge(files, settings.compactFilesMin);
  if (small) return { files: small, write: mergeFiles };
  const past = filesToClose(files, daysInParts(lake), clock.wallMs());
  return past && { files: past, write: closePastDay };
}

/** Files that are not held because of an earlier failure. */
function notHeld(files: readonly LakeFile[], held: HeldFiles, nowMs: number): LakeFile[] {
  for (const [path, untilMs] of held) if (untilMs <= nowMs) held.delete(path);
  const groups = new Set<string>();
  for (const file of files) if (held.has(file.path)) groups.add(groupOf(file));
  return files.filter((file) => !groups.has(groupOf(file)));
}

/** Files that are rewritten together, or because of each other. */
function groupOf({ kind, region, day }: LakeFile): string {
  return `${kind}/${region}/${day}`;
}

/** The first group of one kind, region, day and level that has enough files. */
function filesToMerge(files: readonly LakeFile[], filesMin: number): LakeFile[] | undefined {
  const groups = new Map<string, LakeFile[]>();
  for (const file of files) {
    const level = LEVEL_BYTES.findIndex((bytes) => file.bytes < bytes);
    if (level < 0 || file.isClosed) continue;
    const key: `${FileKind}/${string}` = `${file.kind}/${file.region}/${file.day}/${level}`;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(file);
    if (group.length >= filesMin) return group;
  }
  return undefined;
}

function daysInParts(lake: LakeState): Set<string> {
  const hours = lake.parts.flatMap(({ counts }) => counts.map(({ hour }) => hour));
  return new Set(hours.map(dayOf));
}
