/**
 * A disk in memory that does what real ones do on their worst days, from a seed.
 *
 * Bytes: a write is visible at once and durable only after `sync`, or when it was a write to a
 * 'write-durable' file and its promise has resolved. A power cut keeps the durable bytes and, of
 * every unsynced write, any of its 512-byte sectors in any order; the file may have grown without
 * its bytes. Names: what is created, renamed or removed is durable after `syncFolder`; a power cut
 * keeps any of the other changes. A failed write may have written a part, and a failed sync has
 * lost what it was asked to keep.
 *
 * A life ends with `kill` (nothing is lost) or `powerCut`. What the old life has begun never
 * settles, so that a dead writer cannot touch the disk of its successor.
 */
import { dirname, basename, join } from 'node:path';
import type { Disk, DiskFile, OpenMode } from '../../src/base/disk.ts';

export type OperationKind =
  | 'open'
  | 'write'
  | 'read'
  | 'size'
  | 'truncate'
  | 'sync'
  | 'close'
  | 'list'
  | 'exists'
  | 'makeFolder'
  | 'rename'
  | 'remove'
  | 'removeFolder'
  | 'syncFolder'
  | 'freeBytes';

export interface Operation {
  kind: OperationKind;
  path: string;
  /** Counts the operations of this disk from 0. */
  index: number;
}

export interface SimulatedDisk {
  /** The disk of the present life. */
  readonly disk: Disk;
  /** Operations asked for so far. */
  operations(): number;
  /**
   * Called before each operation. Returns the errno to fail it with; undefined lets it pass, unless
   * the life has been ended: then it does not happen.
   */
  onOperation: (operation: Operation) => string | undefined;
  /** Returns how many of `length` bytes a write takes. */
  onWriteLength: (operation: Operation, length: number) => number;
  /** All files together may hold this much; a write takes what fits, and then fails ENOSPC. */
  capacityBytes: number;
  kill(): void;
  powerCut(): void;
  paths(): string[];
  /** The bytes as a reader sees them. */
  bytesOf(path: string): Buffer;
  /** Replaces or creates a file, durably. */
  put(path: string, bytes: Uint8Array): void;
  /** Inverts bits of one byte, in the cache and on the medium. */
  flip(path: string, at: number, mask?: number): void;
}

interface Image {
  bytes: Buffer;
  size: number;
}

type Change =
  { kind: 'write'; at: number; bytes: Buffer } | { kind: 'truncate'; at: number; bytes: null };

interface Inode {
  seen: Image;
  durable: Image;
  /** What is in `seen` and not yet in `durable`, in order. */
  pending: Change[];
}

interface NameChange {
  folders: string[];
  apply(names: Map<string, Inode>): void;
}

interface State {
  names: Map<string, Inode>;
  durableNames: Map<string, Inode>;
  pendingNames: NameChange[];
  folders: Set<string>;
  /** Goes up with each life. */
  life: number;
  count: number;
  below(bound: number): number;
  control: SimulatedDisk;
}

const SECTOR_BYTES = 512;

/** @param seed decides everything that a power cut and a failed write leave to chance. */
export function createSimulatedDisk(seed = 1): SimulatedDisk {
  const below = diceOf(seed);
  let disk: Disk;
  const control: SimulatedDisk = {
    get disk() {
      return disk;
    },
    operations: () => state.count,
    onOperation: () => undefined,
    onWriteLength: (_, length) => length,
    capacityBytes: Infinity,
    kill: () => startLife(),
    powerCut() {
      cutNames(state);
      for (const inode of new Set(state.names.values())) cutBytes(inode, below);
      startLife();
    },
    paths: () => [...state.names.keys()].sort(),
    bytesOf(path) {
      const { bytes, size } = inodeOf(state, path).seen;
      return Buffer.from(bytes.subarray(0, size));
    },
    put(path, bytes) {
      const inode: Inode = { seen: emptyImage(), durable: emptyImage(), pending: [] };
      for (const image of [inode.seen, inode.durable]) writeImage(image, 0, bytes);
      for (const names of [state.names, state.durableNames]) names.set(path, inode);
    },
    flip(path, at, mask = 1) {
      const { seen, durable } = inodeOf(state, path);
      for (const { bytes, size } of [seen, durable]) {
        if (at < size) bytes[at] = (bytes[at] ?? 0) ^ mask;
      }
    },
  };
  const state: State = {
    names: new Map(),
    durableNames: new Map(),
    pendingNames: [],
    folders: new Set(),
    life: 0,
    count: 0,
    below,
    control,
  };
  const startLife = (): void => {
    state.life++;
    disk = diskOfLife(state, state.life);
  };
  disk = diskOfLife(state, state.life);
  return control;
}

type Perform = <T>(kind: OperationKind, path: string, action: () => T) => Promise<T>;

function diskOfLife(state: State, life: number): Disk {
  const { control } = state;
  const perform: Perform = async (kind, path, action) => {
    if (state.life !== life) return await never();
    const errno = control.onOperation({ kind, path, index: state.count++ });
    // The life may have ended right before this operation.
    if (state.life !== life) return await never();
    if (errno !== undefined) throw errnoError(errno, kind, path);
    return action();
  };
  return {
    open: (path, mode) => perform('open', path, () => openFile(state, life, path, mode, perform)),
    list: (folder) => perform('list', folder, () => childrenOf(state, folder)),
    exists: (path) =>
      perform('exists', path, () => state.names.has(path) || state.folders.has(path)),
    makeFolder: (folder) =>
      perform('makeFolder', folder, () => {
        for (let at = folder; at !== dirname(at); at = dirname(at)) state.folders.add(at);
      }),
    rename: (from, to) =>
      perform('rename', from, () => {
        const inode = inodeOf(state, from);
        changeNames(state, [dirname(from), dirname(to)], (names) => {
          names.delete(from);
          names.set(to, inode);
        });
      }),
    remove: (path) =>
      perform('remove', path, () => {
        inodeOf(state, path);
        changeNames(state, [dirname(path)], (names) => names.delete(path));
      }),
    removeFolder: (folder) =>
      perform('removeFolder', folder, () => {
        if (!state.folders.has(folder)) throw errnoError('ENOENT', 'removeFolder', folder);
        if (childrenOf(state, folder).length > 0) {
          throw errnoError('ENOTEMPTY', 'removeFolder', folder);
        }
        state.folders.delete(folder);
      }),
    syncFolder: (folder) =>
      perform('syncFolder', folder, () => {
        if (!state.folders.has(folder)) throw errnoError('ENOENT', 'syncFolder', folder);
        const isHere = (change: NameChange): boolean => change.folders.includes(folder);
        for (const change of state.pendingNames.filter(isHere)) change.apply(state.durableNames);
        state.pendingNames = state.pendingNames.filter((change) => !isHere(change));
      }),
    freeBytes: (path) =>
      perform('freeBytes', path, () => Math.min(1e15, control.capacityBytes - usedBytes(state))),
  };
}

function openFile(
  state: State,
  life: number,
  path: string,
  mode: OpenMode,
  perform: Perform,
): DiskFile {
  if (state.folders.has(path) && mode !== 'read') throw errnoError('EISDIR', 'open', path);
  if (mode !== 'read' && !state.names.has(path)) {
    if (!state.folders.has(dirname(path))) throw errnoError('ENOENT', 'open', path);
    const created: Inode = { seen: emptyImage(), durable: emptyImage(), pending: [] };
    changeNames(state, [dirname(path)], (names) => names.set(path, created));
  }
  const inode = inodeOf(state, path);
  let isOpen = true;
  const onFile: Perform = async (kind, name, action) => {
    if (!isOpen && kind !== 'close') throw errnoError('EBADF', kind, name);
    if (mode === 'read' && (kind === 'write' || kind === 'truncate')) {
      throw errnoError(kind === 'write' ? 'EBADF' : 'EINVAL', kind, name);
    }
    return await perform(kind, name, action);
  };
  return {
    write: (buffer, offset, length, position) =>
      onFile('write', path, () =>
        writeSome(state, inode, path, buffer.slice(offset, offset + length), position),
      )
        .catch((error: unknown) => {
          // A part of a failed write may have reached the file, out of order.
          if (isOpen && mode !== 'read' && state.life === life) {
            tearWrite(state, inode, Buffer.from(buffer.slice(offset, offset + length)), position);
          }
          throw error;
        })
        .then(async ({ count, change }) => {
          // The caller goes on in a later turn of the loop, as with a real disk.
          await new Promise((resolve) => void setImmediate(resolve));
          if (state.life !== life) return await never();
          if (mode === 'write-durable' && change) settleWrite(inode, change);
          return count;
        }),
    read: (buffer, offset, length, position) =>
      onFile('read', path, () => {
        const { bytes, size } = inode.seen;
        const end = Math.max(position, Math.min(size, position + length));
        buffer.set(bytes.subarray(position, end), offset);
        return end - position;
      }),
    size: () => onFile('size', path, () => inode.seen.size),
    truncate: (length) =>
      onFile('truncate', path, () => {
        truncateImage(inode.seen, length);
        inode.pending.push({ kind: 'truncate', at: length, bytes: null });
      }),
    async sync() {
      try {
        await onFile('sync', path, () => settleAll(inode));
      } catch (error) {
        // The kernel has marked the pages clean: they will never be written.
        if (isOpen) inode.pending = [];
        throw error;
      }
    },
    close: () =>
      onFile('close', path, () => {
        isOpen = false;
      }),
  };
}

function writeSome(
  state: State,
  inode: Inode,
  path: string,
  bytes: Uint8Array,
  position: number,
): { count: number; change: Change | undefined } {
  const operation: Operation = { kind: 'write', path, index: state.count - 1 };
  const room = state.control.capacityBytes - usedBytes(state) + inode.seen.size - position;
  const count = Math.min(bytes.length, room, state.control.onWriteLength(operation, bytes.length));
  if (count <= 0 && bytes.length > 0) throw errnoError('ENOSPC', 'write', path);
  return { count, change: addWrite(inode, position, Buffer.from(bytes.subarray(0, count))) };
}

function addWrite(inode: Inode, at: number, bytes: Buffer): Change {
  const change: Change = { kind: 'write', at, bytes };
  writeImage(inode.seen, at, bytes);
  inode.pending.push(change);
  return change;
}

function tearWrite(state: State, inode: Inode, bytes: Buffer, position: number): void {
  const room = state.control.capacityBytes - usedBytes(state) + inode.seen.size - position;
  const fitting = bytes.subarray(0, Math.max(0, Math.min(bytes.length, room)));
  for (const { at, part } of sectorsOf(position, fitting)) {
    if (state.below(2) === 0) addWrite(inode, at, Buffer.from(part));
  }
}

/** Makes one write durable, with what it rests on; other unsynced writes stay unsynced. */
function settleWrite(inode: Inode, settled: Change): void {
  const kept: Change[] = [];
  const end = settled.at + (settled.bytes?.length ?? 0);
  const { pending } = inode;
  inode.pending = [];
  const index = pending.indexOf(settled);
  for (const [at, change] of pending.entries()) {
    const isBefore = at <= index;
    const overlaps =
      change.bytes !== null && change.at < end && change.at + change.bytes.length > settled.at;
    if (isBefore && change.bytes === null) {
      applyChange(inode.durable, change);
      clip(kept, change.at);
    } else if (isBefore && overlaps) {
      applyChange(inode.durable, change);
    } else {
      kept.push(change);
    }
  }
  inode.pending = kept;
}

function settleAll(inode: Inode): void {
  for (const change of inode.pending) applyChange(inode.durable, change);
  inode.pending = [];
}

/** A durable truncation takes unsynced bytes behind it away for ever. */
function clip(changes: Change[], length: number): void {
  for (const change of changes) {
    if (change.bytes !== null) {
      change.bytes = change.bytes.subarray(0, Math.max(0, length - change.at));
    }
  }
}

function cutNames(state: State): void {
  for (const change of state.pendingNames) {
    if (state.below(2) === 0) change.apply(state.durableNames);
  }
  state.pendingNames = [];
  state.names = new Map(state.durableNames);
}

function cutBytes(inode: Inode, below: (bound: number) => number): void {
  // Nothing, everything and a mixture are all likely.
  const style = below(4);
  const isKept = (): boolean => style === 0 || (style > 1 && below(2) === 0);
  for (const change of inode.pending) {
    if (change.bytes === null) {
      if (isKept()) applyChange(inode.durable, change);
      continue;
    }
    const end = change.at + change.bytes.length;
    if (end > inode.durable.size && below(4) === 0) growImage(inode.durable, end);
    for (const { at, part } of sectorsOf(change.at, change.bytes)) {
      if (isKept()) writeImage(inode.durable, at, part);
    }
  }
  inode.pending = [];
  const { bytes, size } = inode.durable;
  inode.seen = { bytes: Buffer.from(bytes), size };
}

function sectorsOf(position: number, bytes: Buffer): { at: number; part: Buffer }[] {
  const sectors: { at: number; part: Buffer }[] = [];
  for (let at = position; at < position + bytes.length;) {
    const end = Math.min(position + bytes.length, at - (at % SECTOR_BYTES) + SECTOR_BYTES);
    sectors.push({ at, part: bytes.subarray(at - position, end - position) });
    at = end;
  }
  return sectors;
}

function changeNames(
  state: State,
  folders: string[],
  apply: (names: Map<string, Inode>) => void,
): void {
  apply(state.names);
  state.pendingNames.push({ folders, apply });
}

function childrenOf(state: State, folder: string): string[] {
  const children = [...state.names.keys(), ...state.folders]
    .filter((path) => path !== folder && join(folder, basename(path)) === path)
    .map((path) => basename(path));
  return children.sort();
}

function inodeOf(state: State, path: string): Inode {
  const inode = state.names.get(path);
  if (!inode) throw errnoError('ENOENT', 'find', path);
  return inode;
}

function usedBytes(state: State): number {
  let sum = 0;
  for (const inode of new Set(state.names.values())) sum += inode.seen.size;
  return sum;
}

function emptyImage(): Image {
  return { bytes: Buffer.alloc(1024), size: 0 };
}

function growImage(image: Image, size: number): void {
  if (size > image.bytes.length) {
    const bytes = Buffer.alloc(Math.max(size, image.bytes.length * 2));
    image.bytes.copy(bytes, 0, 0, image.size);
    image.bytes = bytes;
  }
  image.size = Math.max(image.size, size);
}

function writeImage(image: Image, at: number, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  growImage(image, at + bytes.length);
  image.bytes.set(bytes, at);
}

function truncateImage(image: Image, length: number): void {
  if (length > image.size) growImage(image, length);
  image.bytes.fill(0, length);
  image.size = length;
}

function applyChange(image: Image, change: Change): void {
  if (change.bytes === null) truncateImage(image, change.at);
  else writeImage(image, change.at, change.bytes);
}

function errnoError(errno: string, kind: string, path: string): Error {
  return Object.assign(new Error(`${errno}: ${kind} '${path}'`), { code: errno });
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}

/** Mulberry32. */
export function diceOf(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}
