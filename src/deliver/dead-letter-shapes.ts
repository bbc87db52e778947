/** Dead letters as people see them. */

/** Where an event is, and what accounting needs of it. */
export interface EventPlace {
  partition: string;
  position: number;
  index: number;
  sourceNumber: number;
  /** Whole hours since the Unix epoch, of receipt. */
  hour: number;
}

export interface FailureText {
  reason: string;
  message: string;
  status: number | null;
  response: string | null;
}

export interface DeadLetterGroup {
  reason: string;
  status: number | null;
  count: number;
  firstDiedAtMs: number;
  lastDiedAtMs: number;
  /** One of its messages. */
  message: string;
}

/** Which ones; nothing given means all. */
export interface DeadLetterFilter {
  id?: number | undefined;
  reason?: string | undefined;
  status?: number | undefined;
  messageId?: string | undefined;
}

/** A dead letter as people see it. */
export interface DeadLetterView extends EventPlace {
  id: number;
  stream: string;
  messageId: string;
  type: string;
  event: string | null;
  orderKey: string;
  attempts: number;
  firstFailedMs: number | null;
  diedAtMs: number;
  failure: FailureText;
  /** The event itself, only where one is asked for; null: it could not be read. */
  message?: Record<string, unknown> | null;
}
