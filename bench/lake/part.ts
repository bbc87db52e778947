import type { Part } from '../support/run-parts.ts';

export interface LakeScale {
  /** Alternating pairs of baseline and Millrace. */
  pairs: number;
  /** Events of each measurement of loading. */
  loadEvents: number;
  /** Events that are queried, spread over this many days. */
  queryEvents: number;
  days: number;
  /** Keys of the index of duplicates. */
  dedupKeys: number;
}

export type LakePart = Part<LakeScale>;
