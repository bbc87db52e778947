/** What has gathered since the last cut: rows by kind and region, and when they were received. */
import type { Disk } from '../../base/disk.ts';
import type { FileKind } from '../file-catalog.ts';
import { partsFolder } from './part-writer.ts';
import { closeRows, createPendingRows, pendingBytes, spillRows } from './pending-rows.ts';
import type { PendingRows } from './pending-rows.ts';

export interface Gathering {
  /** Which cut it will be; in the names of its files. */
  cut: number;
  rows: Map<string, PendingRows>;
  receipts: Receipt[];
  /** Receipt of the newest, or 0. */
  newestMs: number;
}

/** Of a record, whose rows become visible together: a time, and how many. */
export interface Receipt {
  receivedAtMs: number;
  count: number;
}

/** What came since the last cut. */
export interface Waiting {
  /** Also of duplicates, which make no rows. */
  records: number;
  rows: number;
  bytes: number;
  /** Receipt of the newest, or 0. */
  newestMs: number;
}

export function newGathering(cut: number): Gathering {
  return { cut, rows: new Map(), receipts: [], newestMs: 0 };
}

/** Where rows of the kind and region gather. */
export function rowsOf(
  { rows, cut }: Gathering,
  dataFolder: string,
  kind: FileKind,
  region: string,
): PendingRows {
  const key = `${kind}/${region}`;
  let pending = rows.get(key);
  if (!pending) {
    pending = createPendingRows(kind, region, partsFolder(dataFolder, region), `${kind}-${cut}`);
    rows.set(key, pending);
  }
  return pending;
}

export function waitingOf({ rows: gathered, receipts, newestMs }: Gathering): Waiting {
  let [rows, bytes] = [0, 0];
  for (const pending of gathered.values()) {
    rows += pending.rows;
    bytes += pendingBytes(pending);
  }
  return { records: receipts.length, rows, bytes, newestMs };
}

/** Writes what is in memory to files of the operating system. */
export async function spillGathering({ rows }: Gathering, disk: Disk): Promise<void> {
  for (const pending of rows.values()) await spillRows(disk, pending);
}

/** Nothing more comes: closes the files. */
export async function closeGathering({ rows }: Gathering): Promise<void> {
  for (const pending of rows.values()) await closeRows(pending);
}
