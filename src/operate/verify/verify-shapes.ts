/** A recount of everything, as `millrace verify` makes it. */
import type { DestinationReport } from '../../deliver/verify-shapes.ts';
import type { VerifyReport } from '../../lake/verify-shapes.ts';

export interface WholeReport extends VerifyReport {
  destinations: DestinationReport[];
}

export interface VerifyState {
  state: 'never' | 'running' | 'done' | 'failed';
  /** 0 to 1. */
  share: number;
  startedAt: string | null;
  finishedAt: string | null;
  report: WholeReport | null;
  failure: string | null;
}
