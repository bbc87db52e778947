/** What became of an event, and how verdicts are told. */
export type Verdict = 'stored' | 'rejected' | 'duplicate' | 'suppressed';

/** One duplicate: item `index` of the record at `position`. */
export interface DuplicateEntry {
  partition: string;
  position: number;
  index: number;
  sourceNumber: number;
  /** Whole hours since the Unix epoch, of receipt. */
  hour: number;
}

export interface VerdictCount {
  verdict: Verdict;
  sourceNumber: number;
  hour: number;
  count: number;
}
