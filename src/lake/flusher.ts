/** Makes files of parts in the background, and keeps the number of files small. */
import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import { toError } from '../base/errors.ts';
import type { FileKind, LakeFile, NewFile } from './file-catalog.ts';
import type { LakeState } from './lake-state.ts';
import { closeDay, filesToClose } from './closed-days.ts';
import type { Part } from './load/lake-part.ts';
import {
  absoluteRelation,
  adoptPart,
  dayOf,
  mergeCounts,
  parquetRelation,
  writeParquet,
} from './parquet.ts';
import type { ParquetOptions } from './parquet.ts';

export interface Flusher {
  /**
   * Called between steps: starts a flush or a compaction when one is due, and commits a finished
   * one. Never waits for background work.
   */
  tend(): Promise<void>;
  /** Flushes everything and waits until it is committed. */
  flushAll(): Promise<void>;
  /**
   * Waits until nothing is written, without starting or committing anything. An engine that is
   * closed under a statement waits for itself, for ever.
   */
  stop(): Promise<void>;
}

/** The parts that a flush makes files of, and how far in the log they reach. */
interface Frozen {
  parts: readonly Part[];
  cursors: ReadonlyMap<string, number>;
}

/**
 * Files are merged with others of their level, so that each row is written a few times only and the
 * number of files levels off; above the last level they are left alone.
 */
const LEVEL_BYTES = [16 * 1024 * 1024, 128 * 1024 * 1024] as const;
/** Queries open each part. */
const PARTS_MAX = 100;
/** A query that began before a compaction may still read the old files; they go after this. */
const TRASH_MS_MIN = 120_000;
/** Of a query beyond its time limit, until it is ended. */
const TRASH_MARGIN_MS = 60_000;
const RETRY_MS = 5_000;
const INTERRUPT_MS = 20;
/** Files that could not be rewritten are left alone for so long; others go on. */
const HOLD_MS = 600_000;
/** Between looks for files to merge, days to close and days to let go. */
const LOOK_MS = 1_000;
const DAY_MS = 86_400_000;

export function createFlusher(state: LakeState): Flusher {
  const { clock, logger, metrics, settings, disk, dataFolder } = state.options;
  let lastFlushMs = clock.monotonicMs();
  let notBeforeMs = 0;
  let frozen: Frozen | undefined;
  let running: Promise<void> | undefined;
  let finished: (() => Promise<void>) | undefined;
  let nextLookMs = 0;
  let isRewriting = false;
  let isEnding = false;
  const held = new Map<string, number>();
  const trashMs = Math.max(TRASH_MS_MIN, settings.queryMs + TRASH_MARGIN_MS);
  const trash: { path: string; atMs: number }[] = [];
  const failures = metrics.cell('millrace_lake_failures_total');

  const background = (
    work: () => Promise<() => Promise<void>>,
    onFailure: () => void = () => {
      notBeforeMs = clock.monotonicMs() + RETRY_MS;
    },
  ): void => {
    running = work()
      .then((commit) => {
        finished = commit;
      })
      .catch((error: unknown) => {
        if (isEnding) return;
        failures.value++;
        onFailure();
        logger.error({ reason: toError(error).message }, 'lake write failed; it will be retried');
      })
      .finally(() => {
        running = undefined;
      });
  };
  const commitFlush = async (flushed: Frozen, files: NewFile[]): Promise<void> => {
    state.catalog.transaction(() => {
      for (const file of files) state.catalog.addFile(file);
      state.catalog.setCursors(flushed.cursors);
      state.warehouse.save(state.catalog);
    });
    const gone = new Set(flushed.parts);
    state.parts = state.parts.filter((part) => !gone.has(part));
    const atMs = clock.monotonicMs() + trashMs;
    for (const { path, isWhole } of flushed.parts) if (!isWhole) trash.push({ path, atMs });
    frozen = undefined;
    state.fileCursors = flushed.cursors;
    lastFlushMs = clock.monotonicMs();
    countFiles(state);
    await expireRejected();
  };
  const startFlush = (): void => {
    frozen ??= { parts: [...state.parts], cursors: state.partCursors };
    const flushed = frozen;
    background(async () => {
      const files = await writeParts(state, flushed.parts);
      return () => commitFlush(flushed, files);
    });
  };
  /** Writes the rows of some files in another way, and lists the new files in their place. */
  const startRewrite = (files: LakeFile[], write: typeof mergeFiles): void => {
    isRewriting = true;
    const rewriting = async (): Promise<() => Promise<void>> => {
      const written = await write(state, files).finally(() => {
        isRewriting = false;
      });
      return async () => {
        state.catalog.transaction(() => {
          for (const { id } of files) state.catalog.removeFile(id);
          for (const file of written) state.catalog.addFile(file);
        });
        throwAway(files);
        countFiles(state);
      };
    };
    // One damaged file must not keep all others from being merged, nor events from being flushed.
    const hold = (): void => {
      for (const { path } of files) held.set(path, clock.monotonicMs() + HOLD_MS);
    };
    background(rewriting, hold);
  };
  /** Files that are not held because of an earlier failure. */
  const rewritable = (): LakeFile[] => {
    const nowMs = clock.monotonicMs();
    for (const [path, untilMs] of held) if (untilMs <= nowMs) held.delete(path);
    const groups = new Set<string>();
    const files = state.catalog.files();
    for (const file of files) if (held.has(file.path)) groups.add(groupOf(file));
    return files.filter((file) => !groups.has(groupOf(file)));
  };
  const throwAway = (files: readonly LakeFile[]): void => {
    const atMs = clock.monotonicMs() + trashMs;
    for (const { path } of files) trash.push({ path: join(dataFolder, path), atMs });
  };
  /** The bound on rejected events: whole files go, oldest first; what they held stays counted. */
  const expireRejected = async (): Promise<void> => {
    const files = state.catalog.files('rejected');
    let rows = files.reduce((sum, file) => sum + file.rows, 0);
    const expired: LakeFile[] = [];
    for (const file of files.toSorted((a, b) => a.day.localeCompare(b.day) || a.id - b.id)) {
      if (rows <= settings.rejectedRowsMax) break;
      rows -= file.rows;
      expired.push(file);
    }
    if (expired.length === 0) return;
    state.catalog.transaction(() => {
      for (const { id } of expired) state.catalog.expireFile(id);
    });
    throwAway(expired);
    metrics.cell('millrace_lake_rejected_expired_total').value += expired.reduce(
      (sum, file) => sum + file.rows,
      0,
    );
    countFiles(state);
  };
  /** Days of events that are older than they are kept; what they held stays counted. */
  const expireDays = (): void => {
    const { retentionDays } = settings;
    if (retentionDays === null) return;
    const oldest = new Date(clock.wallMs() - retentionDays * DAY_MS).toISOString().slice(0, 10);
    const expired = state.catalog.files('events').filter(({ day }) => day < oldest);
    if (expired.length === 0) return;
    state.catalog.transaction(() => {
      for (const { id } of expired) state.catalog.expireFile(id);
    });
    throwAway(expired);
    const rows = expired.reduce((sum, file) => sum + file.rows, 0);
    metrics.cell('millrace_lake_expired_total').value += rows;
    logger.info({ files: expired.length, rows, before: oldest }, 'days of the lake expired');
    countFiles(state);
  };
  const isFlushDue = (): boolean => {
    if (frozen) return true;
    const { parts } = state;
    // Also when nothing but duplicates came: the log may go as far as the cursors say.
    if (state.partCursors === state.fileCursors) return false;
    return (
      parts.length >= PARTS_MAX ||
      sumOf(parts, 'rows') >= settings.flushRows ||
      sumOf(parts, 'bytes') >= settings.flushBytes ||
      clock.monotonicMs() - lastFlushMs >= settings.flushSeconds * 1000
    );
  };
  const emptyTrash = async (): Promise<void> => {
    while (trash[0] && trash[0].atMs <= clock.monotonicMs()) {
      const { path } = trash[0];
      trash.shift();
      await disk.remove(path);
    }
  };
  /** What only makes files better can be done at the next start. */
  const endRewriting = async (): Promise<void> => {
    isEnding = true;
    // Between two statements nothing is interrupted.
    while (isRewriting) {
      state.background.interrupt();
      await clock.sleep(INTERRUPT_MS);
    }
    isEnding = false;
  };
  const commitFinished = async (): Promise<void> => {
    if (!finished) return;
    const commit = finished;
    finished = undefined;
    await commit();
  };

  return {
    async tend() {
      await commitFinished();
      await emptyTrash();
      if (running || clock.monotonicMs() < notBeforeMs) return;
      if (isFlushDue()) return startFlush();
      if (clock.monotonicMs() < nextLookMs) return;
      nextLookMs = clock.monotonicMs() + LOOK_MS;
      expireDays();
      const files = rewritable();
      const small = filesToMerge(files, settings.compactFilesMin);
      if (small) return startRewrite(small, mergeFiles);
      const past = filesToClose(files, daysInParts(state), clock.wallMs());
      if (past) startRewrite(past, closePastDay);
    },
    async flushAll() {
      for (let attempt = 0; attempt < 3; attempt++) {
        await endRewriting();
        await running;
        await commitFinished();
        if (state.partCursors === state.fileCursors) return;
        startFlush();
      }
      await running;
      await commitFinished();
    },
    async stop() {
      await endRewriting();
      await running;
    },
  };
}

/** Whole parts become files as they are; the others of a kind and region are joined. */
async function writeParts(state: LakeState, parts: readonly Part[]): Promise<NewFile[]> {
  const options = writeOptions(state);
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

async function mergeFiles(state: LakeState, files: readonly LakeFile[]): Promise<NewFile[]> {
  const [first] = files;
  assert(first !== undefined, 'a compaction has files');
  const paths = files.map(({ path }) => path);
  const relation = parquetRelation(state.options.dataFolder, paths);
  assert(relation !== null, 'a compaction has a relation');
  const counts = mergeCounts(files.flatMap(({ id }) => state.catalog.fileCounts(id)));
  return writeParquet(writeOptions(state), first.kind, first.region, relation, counts);
}

function closePastDay(state: LakeState, files: readonly LakeFile[]): Promise<NewFile[]> {
  const options = {
    ...writeOptions(state),
    countsOf: ({ id }: LakeFile) => state.catalog.fileCounts(id),
    sourceNumbers: new Map([...state.sources.values()].map(({ id, number }) => [id, number])),
  };
  return closeDay(options, files);
}

function daysInParts(state: LakeState): Set<string> {
  const hours = state.parts.flatMap(({ counts }) => counts.map(({ hour }) => hour));
  return new Set(hours.map(dayOf));
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

function writeOptions(state: LakeState): ParquetOptions {
  const { disk, random, dataFolder } = state.options;
  return { connection: state.background, disk, random, dataFolder };
}

function sumOf(parts: readonly Part[], what: 'rows' | 'bytes'): number {
  return parts.reduce((sum, part) => sum + part[what], 0);
}

function countFiles(state: LakeState): void {
  const { metrics } = state.options;
  for (const kind of ['events', 'rejected'] as const) {
    const files = state.catalog.files(kind);
    metrics.cell('millrace_lake_files', { kind }).value = files.length;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    metrics.cell('millrace_lake_bytes', { kind }).value = bytes;
  }
}
