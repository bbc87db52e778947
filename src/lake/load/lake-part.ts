/**
 * The newest rows: parts, small Parquet files that queries read beside the lake's own. A part is
 * written without waiting for the disk, because the log has its events until they are in a file
 * that the catalog lists; at each start the parts are made anew from the log.
 */
import type { FileKind, HourCount } from '../file-catalog.ts';

export interface Part {
  kind: FileKind;
  region: string;
  /** Absolute. */
  path: string;
  rows: number;
  /** Of its rows as text, before they were packed. */
  bytes: number;
  counts: HourCount[];
  /** As large and as well packed as the flush would make it: it becomes a file as it is. */
  isWhole: boolean;
}

/** Parts that were cut at one moment, and how far in the log everything is in them. */
export interface Cut {
  parts: Part[];
  cursors: ReadonlyMap<string, number>;
}
