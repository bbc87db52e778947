/**
 * Makes files of parts in the background, and keeps the number of files small. What is written is
 * listed between steps, when nothing else changes the list.
 */
import { toError } from '../base/errors.ts';
import { expireDays, expireRejected } from './expiry.ts';
import type { NewFile } from './file-catalog.ts';
import type { LakeState } from './lake-state.ts';
import { countFiles, replaceFiles } from './listed-files.ts';
import type { Part } from './load/lake-part.ts';
import { holdFiles, nextRewrite } from './rewrite-choice.ts';
import type { HeldFiles, Rewrite } from './rewrite-choice.ts';
import { createTrash, emptyTrash, throwAway } from './trash.ts';
import type { Trash } from './trash.ts';
import { writeParts } from './write-files.ts';

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

/** The one value that all functions below work on. */
interface FlusherState {
  lake: LakeState;
  trash: Trash;
  held: HeldFiles;
  /** Until they are listed: a flush that failed is tried again with the same parts. */
  frozen: Frozen | undefined;
  /** What is written in the background. */
  running: Promise<void> | undefined;
  /** Lists what was written. */
  commit: Commit | undefined;
  lastFlushMs: number;
  /** After a failure. */
  notBeforeMs: number;
  nextLookMs: number;
  isRewriting: boolean;
  isEnding: boolean;
}

type Commit = () => void;

/** Queries open each part. */
const PARTS_MAX = 100;
const RETRY_MS = 5_000;
const INTERRUPT_MS = 20;
const FLUSHES_MAX = 3;
/** Between looks for files to merge, days to close and days to let go. */
const LOOK_MS = 1_000;

export function createFlusher(lake: LakeState): Flusher {
  const { clock, settings } = lake.options;
  const flusher: FlusherState = {
    lake,
    trash: createTrash(settings.queryMs),
    held: new Map(),
    frozen: undefined,
    running: undefined,
    commit: undefined,
    lastFlushMs: clock.monotonicMs(),
    notBeforeMs: 0,
    nextLookMs: 0,
    isRewriting: false,
    isEnding: false,
  };
  return {
    tend: () => tend(flusher),
    flushAll: () => flushAll(flusher),
    stop: () => stop(flusher),
  };
}

async function tend(flusher: FlusherState): Promise<void> {
  const { lake, trash, held } = flusher;
  const { clock, disk } = lake.options;
  commitWritten(flusher);
  await emptyTrash(trash, disk, clock.monotonicMs());
  const nowMs = clock.monotonicMs();
  if (flusher.running || nowMs < flusher.notBeforeMs) return;
  if (isFlushDue(flusher, nowMs)) return startFlush(flusher);
  if (nowMs < flusher.nextLookMs) return;
  flusher.nextLookMs = nowMs + LOOK_MS;
  expireDays(lake, trash);
  const rewrite = nextRewrite(lake, held);
  if (rewrite) startRewrite(flusher, rewrite);
}

async function flushAll(flusher: FlusherState): Promise<void> {
  const { lake } = flusher;
  for (let flush = 0; flush < FLUSHES_MAX; flush++) {
    await stop(flusher);
    commitWritten(flusher);
    if (lake.partCursors === lake.fileCursors) return;
    startFlush(flusher);
  }
  await flusher.running;
  commitWritten(flusher);
}

async function stop(flusher: FlusherState): Promise<void> {
  await endRewriting(flusher);
  await flusher.running;
}

/** What only makes files better can be done at the next start. */
async function endRewriting(flusher: FlusherState): Promise<void> {
  const { background, options } = flusher.lake;
  flusher.isEnding = true;
  // Between two statements nothing is interrupted.
  while (flusher.isRewriting) {
    background.interrupt();
    await options.clock.sleep(INTERRUPT_MS);
  }
  flusher.isEnding = false;
}

function commitWritten(flusher: FlusherState): void {
  const { commit } = flusher;
  flusher.commit = undefined;
  commit?.();
}

function isFlushDue({ lake, frozen, lastFlushMs }: FlusherState, nowMs: number): boolean {
  if (frozen) return true;
  const { parts, options } = lake;
  const { flushRows, flushBytes, flushSeconds } = options.settings;
  // Also when nothing but duplicates came: the log may go as far as the cursors say.
  if (lake.partCursors === lake.fileCursors) return false;
  return (
    parts.length >= PARTS_MAX ||
    sumOf(parts, 'rows') >= flushRows ||
    sumOf(parts, 'bytes') >= flushBytes ||
    nowMs - lastFlushMs >= flushSeconds * 1000
  );
}

function sumOf(parts: readonly Part[], what: 'rows' | 'bytes'): number {
  return parts.reduce((sum, part) => sum + part[what], 0);
}

function startFlush(flusher: FlusherState): void {
  const { lake } = flusher;
  flusher.frozen ??= { parts: [...lake.parts], cursors: lake.partCursors };
  const { frozen } = flusher;
  const writing = async (): Promise<Commit> => {
    const files = await writeParts(lake, frozen.parts);
    return () => commitFlush(flusher, frozen, files);
  };
  const holdOff = (): void => {
    flusher.notBeforeMs = lake.options.clock.monotonicMs() + RETRY_MS;
  };
  flusher.running = watch(flusher, writing(), holdOff);
}

function commitFlush(flusher: FlusherState, flushed: Frozen, files: readonly NewFile[]): void {
  const { lake, trash } = flusher;
  const { catalog, warehouse } = lake;
  catalog.transaction(() => {
    for (const file of files) catalog.addFile(file);
    catalog.setCursors(flushed.cursors);
    warehouse.save(catalog);
  });
  const gone = new Set(flushed.parts);
  lake.parts = lake.parts.filter((part) => !gone.has(part));
  lake.fileCursors = flushed.cursors;
  const nowMs = lake.options.clock.monotonicMs();
  const joined = flushed.parts.filter(({ isWhole }) => !isWhole);
  throwAway(
    trash,
    joined.map(({ path }) => path),
    nowMs,
  );
  flusher.frozen = undefined;
  flusher.lastFlushMs = nowMs;
  countFiles(lake);
  expireRejected(lake, trash);
}

/** Writes the rows of some files in another way, and lists the new files in their place. */
function startRewrite(flusher: FlusherState, { files, write }: Rewrite): void {
  const { lake, trash, held } = flusher;
  flusher.isRewriting = true;
  const writing = async (): Promise<Commit> => {
    const written = await write(lake, files).finally(() => {
      flusher.isRewriting = false;
    });
    return () => replaceFiles(lake, trash, files, written);
  };
  flusher.running = watch(flusher, writing(), () => {
    holdFiles(held, files, lake.options.clock.monotonicMs());
  });
}

/** Keeps what is to be committed, or says that it failed. */
async function watch(
  flusher: FlusherState,
  writing: Promise<Commit>,
  onFailure: () => void,
): Promise<void> {
  const { metrics, logger } = flusher.lake.options;
  try {
    flusher.commit = await writing;
  } catch (error) {
    if (flusher.isEnding) return;
    metrics.cell('millrace_lake_failures_total').value++;
    onFailure();
    logger.error({ reason: toError(error).message }, 'lake write failed; it will be retried');
  } finally {
    flusher.running = undefined;
  }
}
