/** Rows of one kind and region that wait for the next cut: lines in a file of the parts folder. */
import { join } from 'node:path';
import { createByteBuffer, putText, reserve } from '../../base/byte-buffer.ts';
import type { ByteBuffer } from '../../base/byte-buffer.ts';
import type { Disk, DiskFile } from '../../base/disk.ts';
import { toError } from '../../base/errors.ts';
import type { FileKind, HourCount } from '../file-catalog.ts';
import { LINE_END } from './event-lines.ts';

export interface PendingRows {
  kind: FileKind;
  region: string;
  /** Lines of fields, not yet in the file. */
  lines: ByteBuffer;
  /** Lines of JSON, not yet in their file. */
  jsonLines: ByteBuffer;
  rows: number;
  /** Bytes of the longest line of each form. */
  longest: number;
  longestJson: number;
  counts: Map<string, HourCount>;
  /** Files that hold lines so far. */
  files: { lines: RowsFile; json: RowsFile };
}

interface RowsFile {
  path: string;
  handle: DiskFile | undefined;
  bytes: number;
}

const HOUR_MS = 3_600_000;

/** @param name of this cut's files in the folder. */
export function createPendingRows(
  kind: FileKind,
  region: string,
  folder: string,
  name: string,
): PendingRows {
  const file = (extension: string): RowsFile => ({
    path: join(folder, `${name}.${extension}`),
    handle: undefined,
    bytes: 0,
  });
  return {
    kind,
    region,
    lines: createByteBuffer(),
    jsonLines: createByteBuffer(),
    rows: 0,
    longest: 0,
    longestJson: 0,
    counts: new Map(),
    files: { lines: file('lines'), json: file('ndjson') },
  };
}

/** Adds a row that is a line of JSON. */
export function addJsonLine(pending: PendingRows, line: string): void {
  const before = pending.jsonLines.length;
  putText(pending.jsonLines, line);
  reserve(pending.jsonLines, 1);
  pending.jsonLines.bytes[pending.jsonLines.length++] = LINE_END;
  pending.longestJson = Math.max(pending.longestJson, pending.jsonLines.length - before);
}

/** Counts rows, so that nobody needs to read them again to know. */
export function countRows(
  pending: PendingRows,
  sourceNumber: number,
  receivedAtMs: number,
  count: number,
): void {
  if (count === 0) return;
  pending.rows += count;
  const hour = Math.floor(receivedAtMs / HOUR_MS);
  const key = `${sourceNumber}/${hour}`;
  const known = pending.counts.get(key);
  if (known) known.count += count;
  else pending.counts.set(key, { sourceNumber, hour, count });
}

/** Bytes of lines, in files and not yet. */
export function pendingBytes({ files, lines, jsonLines }: PendingRows): number {
  return files.lines.bytes + files.json.bytes + lines.length + jsonLines.length;
}

/** Writes what is in memory to the files. */
export async function spillRows(disk: Disk, pending: PendingRows): Promise<void> {
  await spill(disk, pending.files.lines, pending.lines);
  await spill(disk, pending.files.json, pending.jsonLines);
}

async function spill(disk: Disk, file: RowsFile, lines: ByteBuffer): Promise<void> {
  if (lines.length === 0) return;
  if (!file.handle) {
    file.handle = await disk.open(file.path, 'write');
    await file.handle.truncate(0);
  }
  for (let at = 0; at < lines.length;) {
    at += await file.handle.write(lines.bytes, at, lines.length - at, file.bytes + at);
  }
  file.bytes += lines.length;
  lines.length = 0;
}

/** No more rows come: closes the files. */
export async function closeRows({ files }: PendingRows): Promise<void> {
  for (const file of [files.lines, files.json]) {
    await file.handle?.close();
    file.handle = undefined;
  }
}

/** Removes the files; what is left of them goes at the next start. */
export async function removeRows(disk: Disk, { files }: PendingRows): Promise<string[]> {
  const failures: string[] = [];
  for (const file of [files.lines, files.json]) {
    if (file.bytes === 0) continue;
    await disk.remove(file.path).catch((error: unknown) => {
      failures.push(toError(error).message);
    });
  }
  return failures;
}
