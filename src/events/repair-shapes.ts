/** What of an event is read in another way than it was sent, for people. */

/** One repair. */
export interface ToldRepair {
  field: string;
  /** The JSON that was sent. */
  sent: string;
  words: string;
}
