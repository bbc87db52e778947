/** What a destination did with one event. */

export interface TracedAttempt {
  stream: string;
  at: string;
  elapsedMs: number;
  outcome: string;
  reason: string | null;
  message: string | null;
  status: number | null;
}

export interface DestinationTrace {
  slug: string;
  type: string;
  /** By today's settings; earlier ones may have decided otherwise. */
  rules: RuleResult[];
  attempts: TracedAttempt[];
  /** Where the live stream has it. */
  standing: 'before start' | 'pending' | 'waiting' | 'dead' | 'filtered' | 'delivered' | 'unknown';
  detail: string;
}

export interface RuleResult {
  rule: string;
  /** Null: it lets the event pass. */
  reason: string | null;
  detail: string;
}
