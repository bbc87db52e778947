/** One event end to end: received, judged, loaded, and what each destination did with it. */
import type { DestinationTrace } from '../../deliver/trace-shapes.ts';
import type { ToldRepair } from '../../events/repair-shapes.ts';

export interface MessageTrace {
  messageId: string;
  /** Each copy that was stored or rejected; duplicates of a stored copy are not kept. */
  copies: TracedCopy[];
}

export interface TracedCopy {
  verdict: 'stored' | 'rejected';
  source: string;
  type: string | null;
  event: string | null;
  receivedAt: string;
  timestamp: string | null;
  /** Place in the log. */
  partition: string;
  position: number;
  index: number;
  /** Of a rejected one. */
  reason: string | null;
  /** What is read in another way than it was sent. */
  repairs: ToldRepair[];
  lake: string;
  warehouse: string | null;
  destinations: DestinationTrace[];
}
