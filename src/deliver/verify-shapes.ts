/** What a recount of deliveries found. */

export interface DestinationReport {
  slug: string;
  isConserved: boolean;
  /** Events stored since it began, up to what is judged. */
  stored: number;
  delivered: number;
  filtered: Record<string, number>;
  discarded: number;
  /** Dead letters that are kept. */
  dead: number;
  /** Given up because the log could not wait. */
  expired: number;
  /** Waiting for another attempt, or not read yet. */
  pending: number;
  problems: string[];
}
