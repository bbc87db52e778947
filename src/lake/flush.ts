/** Moves rows from memory to Parquet in the background, and keeps the number of files small. */
import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import { toError } from '../base/errors.ts';
import type { FileKind, LakeFile, NewFile } from './catalog.ts';
import type { LakeState } from './lake-state.ts';
import { parquetRelation, writeParquet } from './parquet.ts';
import { refreshTables } from './tables.ts';

export interface Flusher {
  /**
   * Called between steps: starts a flush or a compaction when one is due, and commits a finished
   * one. Never waits for background work.
   */
  tend(): Promise<void>;
  /** Flushes everything and waits until it is committed. */
  flushAll(): Promise<void>;
}

interface Frozen {
  events: { table: string; rows: number };
  rejected: { table: string; rows: number };
  cursors: Map<string, number>;
}

/** Files above this size are left alone by compaction. */
const COMPACTED_BYTES_MAX = 128 * 1024 * 1024;
/** A query that began before a compaction may still read the old files; they go after this. */
const TRASH_MS = 120_000;
const RETRY_MS = 5_000;

export function createFlusher(state: LakeState): Flusher {
  const { clock, logger, metrics, settings, disk, dataFolder } = state.options;
  let lastFlushMs = clock.monotonicMs();
  let notBeforeMs = 0;
  let frozen: Frozen | undefined;
  let running: Promise<void> | undefined;
  let finished: (() => Promise<void>) | undefined;
  const trash: { path: string; atMs: number }[] = [];
  const failures = metrics.cell('millrace_lake_failures_total');

  const background = (work: () => Promise<() => Promise<void>>): void => {
    running = work()
      .then((commit) => {
        finished = commit;
      })
      .catch((error: unknown) => {
        failures.value++;
        notBeforeMs = clock.monotonicMs() + RETRY_MS;
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
    const tables = [flushed.events.table, flushed.rejected.table];
    state.events.forget(flushed.events.table);
    state.rejected.forget(flushed.rejected.table);
    await refreshTables(state, tables);
    frozen = undefined;
    lastFlushMs = clock.monotonicMs();
    countFiles(state);
    await expireRejected();
  };
  const startFlush = async (): Promise<void> => {
    if (!frozen) {
      const cursors = new Map([...state.partitions].map(([name, p]) => [name, p.position]));
      const events = await state.events.freeze();
      const rejected = await state.rejected.freeze();
      await refreshTables(state);
      frozen = { events, rejected, cursors };
    }
    const flushed = frozen;
    background(async () => {
      const files = await writeFrozen(state, flushed);
      return () => commitFlush(flushed, files);
    });
  };
  const startCompaction = (files: LakeFile[]): void => {
    background(async () => {
      const merged = await mergeFiles(state, files);
      return async () => {
        state.catalog.transaction(() => {
          for (const { id } of files) state.catalog.removeFile(id);
          for (const file of merged) state.catalog.addFile(file);
        });
        await refreshTables(state);
        const atMs = clock.monotonicMs() + TRASH_MS;
        for (const { path } of files) trash.push({ path, atMs });
        countFiles(state);
      };
    });
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
    await refreshTables(state);
    const atMs = clock.monotonicMs() + TRASH_MS;
    for (const { path } of expired) trash.push({ path, atMs });
    metrics.cell('millrace_lake_rejected_expired_total').value += expired.reduce(
      (sum, file) => sum + file.rows,
      0,
    );
    countFiles(state);
  };
  const isFlushDue = (): boolean => {
    const rows = state.events.rows() + state.rejected.rows();
    if (frozen) return true;
    if (rows === 0) return false;
    return (
      rows >= settings.flushRows ||
      state.events.bytes() + state.rejected.bytes() >= settings.flushBytes ||
      clock.monotonicMs() - lastFlushMs >= settings.flushSeconds * 1000
    );
  };
  const emptyTrash = async (): Promise<void> => {
    while (trash[0] && trash[0].atMs <= clock.monotonicMs()) {
      const { path } = trash[0];
      trash.shift();
      await disk.remove(join(dataFolder, path));
    }
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
      const files = filesToMerge(state.catalog.files(), settings.compactFilesMin);
      if (files) startCompaction(files);
    },
    async flushAll() {
      for (let attempt = 0; attempt < 3; attempt++) {
        await running;
        await commitFinished();
        if (state.events.rows() + state.rejected.rows() === 0) return;
        await startFlush();
      }
      await running;
      await commitFinished();
    },
  };
}

async function writeFrozen(state: LakeState, frozen: Frozen): Promise<NewFile[]> {
  const files: NewFile[] = [];
  for (const kind of ['events', 'rejected'] as const) {
    const { table, rows } = frozen[kind];
    if (rows === 0) continue;
    const written = await writeParquet(writeOptions(state), kind, table, sourceNumbers(state));
    const total = written.reduce((sum, file) => sum + file.rows, 0);
    assert(total === rows, `all ${rows} rows of ${table} are in Parquet, not ${total}`);
    files.push(...written);
  }
  return files;
}

async function mergeFiles(state: LakeState, files: readonly LakeFile[]): Promise<NewFile[]> {
  const [first] = files;
  assert(first !== undefined, 'a compaction has files');
  const paths = files.map(({ path }) => path);
  const relation = parquetRelation(state.options.dataFolder, paths);
  assert(relation !== null, 'a compaction has a relation');
  const merged = await writeParquet(
    writeOptions(state),
    first.kind,
    relation,
    sourceNumbers(state),
  );
  const before = files.reduce((sum, { rows }) => sum + rows, 0);
  const after = merged.reduce((sum, { rows }) => sum + rows, 0);
  assert(before === after, `compaction keeps all ${before} rows, not ${after}`);
  return merged;
}

/** The first group of one kind, region and day that has enough small files. */
function filesToMerge(files: readonly LakeFile[], filesMin: number): LakeFile[] | undefined {
  const groups = new Map<string, LakeFile[]>();
  for (const file of files) {
    if (file.bytes >= COMPACTED_BYTES_MAX) continue;
    const key: `${FileKind}/${string}` = `${file.kind}/${file.region}/${file.day}`;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(file);
    if (group.length >= filesMin) return group;
  }
  return undefined;
}

function writeOptions(state: LakeState): Parameters<typeof writeParquet>[0] {
  const { disk, random, dataFolder } = state.options;
  const { background, temporaryFolder } = state;
  return { connection: background, disk, random, dataFolder, temporaryFolder };
}

function sourceNumbers(state: LakeState): Map<string, number> {
  const numbers = new Map([...state.sources.values()].map(({ id, number }) => [id, number]));
  return numbers;
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
