/** Live events as `/tail` shows them. */
import type { ToldRepair } from '../events/repair-shapes.ts';

/** The request that an event came in. */
export interface TailRequest {
  route: string;
  ip: string;
  userAgent: string;
  /** In the whole request. */
  events: number;
  /** Place of the event in the request, and of the request in the log. */
  index: number;
  partition: string;
  position: number;
}

export interface TailAnswer {
  status: number;
  accepted: number;
  rejected: number;
  /** Null for a pixel; it keeps the first errors of many. */
  body: object | null;
}

interface TailFrame {
  /** Slug. */
  source: string;
  receivedAt: string;
  type: string | null;
  messageId: string | null;
  request: TailRequest;
  answer: TailAnswer;
  /** What of it is read in another way than it was sent. */
  repairs: readonly ToldRepair[];
}

/** Beside what we say of it stands what the sender wrote, which may be anything. */
export interface StoredTailEntry extends TailFrame {
  status: 'stored' | 'duplicate';
  [sent: string]: unknown;
}

export interface RejectedTailEntry extends TailFrame {
  status: 'rejected';
  code: string;
  message: string;
  /** What is wrong in it. */
  field: string | null;
  /** A sample of what was sent. */
  body: string;
}

export type TailEntry = StoredTailEntry | RejectedTailEntry;

/** An entry on its way to readers. */
export interface TailLine {
  /** Slug; some readers may see some sources only. */
  source: string;
  /** Of the entry: what was sent is in it to the last digit. */
  json: string;
}
