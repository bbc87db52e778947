import type { Part } from '../support/run-parts.ts';

export interface DeliverScale {
  /** Alternating pairs of baseline and Millrace. */
  pairs: number;
  /** Events of the parts that deliver one by one, and of the others. */
  singles: number;
  bulk: number;
  backlog: number;
}

export type DeliverPart = Part<DeliverScale>;
