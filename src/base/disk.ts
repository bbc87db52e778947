/**
 * The only door to files that we write ourselves (SQLite and DuckDB own theirs). A simulated disk
 * implements the same two interfaces and passes the same suite, so that torn writes, lost names,
 * bit flips and full disks can be produced at will.
 */
import { constants } from 'node:fs';
import { mkdir, open, readdir, rename, rmdir, stat, statfs, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errnoOf } from './errors.ts';

export type OpenMode =
  /** Must exist; reads only. */
  | 'read'
  /** Created when absent; reads and writes; written bytes are durable after `sync`. */
  | 'write'
  /** As 'write', and every `write` returns only when its bytes are durable (O_DSYNC). */
  | 'write-durable';

export interface DiskFile {
  /**
   * Writes at an absolute position and returns how many bytes were written, which may be fewer
   * than asked (a nearly full disk, RLIMIT_FSIZE). Rejects with an errno error.
   */
  write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  /** Reads at an absolute position; returns how many bytes were read, 0 at the end. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  size(): Promise<number>;
  truncate(length: number): Promise<void>;
  /** fdatasync. A failure means the bytes may be lost: never retry it on the same file. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  open(path: string, mode: OpenMode): Promise<DiskFile>;
  /** Names in a folder, sorted; an absent folder is empty. */
  list(folder: string): Promise<string[]>;
  exists(path: string): Promise<boolean>;
  /** Makes the folder and its parents where absent; their names are durable on return. */
  makeFolder(folder: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Removes an empty folder. */
  removeFolder(folder: string): Promise<void>;
  /** Makes names created, renamed or removed in the folder durable. */
  syncFolder(folder: string): Promise<void>;
  /** Bytes an unprivileged process can still write to the file system that holds the path. */
  freeBytes(path: string): Promise<number>;
}

const FLAGS: Record<OpenMode, number> = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR | constants.O_CREAT,
  'write-durable': constants.O_RDWR | constants.O_CREAT | (constants.O_DSYNC ?? constants.O_SYNC),
};

function diskFile(handle: FileHandle): DiskFile {
  return {
    async write(buffer, offset, length, position) {
      return (await handle.write(buffer, offset, length, position)).bytesWritten;
    },
    async read(buffer, offset, length, position) {
      return (await handle.read(buffer, offset, length, position)).bytesRead;
    },
    async size() {
      return (await handle.stat()).size;
    },
    truncate: (length) => handle.truncate(length),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}

/** The machine's disk. */
export const systemDisk: Disk = {
  async open(path, mode) {
    return diskFile(await open(path, FLAGS[mode], 0o600));
  },
  async list(folder) {
    try {
      return (await readdir(folder)).sort();
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  },
  async exists(path) {
    try {
      await stat(path);
      return true;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT' || errno === 'ENOTDIR') return false;
      throw error;
    }
  },
  async makeFolder(folder) {
    const created = await mkdir(folder, { recursive: true, mode: 0o700 });
    // Each new name is in the folder above it, so each of those is synced.
    const top = dirname(resolve(created ?? folder));
    for (let at = dirname(resolve(folder)); at.length >= top.length; at = dirname(at)) {
      await systemDisk.syncFolder(at);
      if (at === dirname(at)) break;
    }
  },
  rename: (from, to) => rename(from, to),
  remove: (path) => unlink(path),
  removeFolder: (folder) => rmdir(folder),
  async syncFolder(folder) {
    const handle = await open(folder, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
};
