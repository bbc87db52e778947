/** What a recount of log and lake found. */

export interface VerifyReport {
  isConserved: boolean;
  /** Events in requests that were made durable. */
  received: number;
  stored: number;
  rejected: number;
  duplicate: number;
  suppressed: number;
  /** Rows of the lake's files, recounted. */
  lakeRows: number;
  rejectedRows: number;
  /** Events whose days the lake has let go (\`lake.retentionDays\`). */
  lakeExpired: number;
  /** Rejected rows that the bound on rejected events has let go. */
  rejectedExpired: number;
  /** Received and not yet in the lake's files: they are in the hot tail, or on their way. */
  pending: number;
  problems: string[];
}
