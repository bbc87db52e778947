/** Queries that are kept by name. */

export interface SavedQuery {
  id: string;
  name: string;
  sql: string;
  /** The name of whoever made it. */
  createdBy: string;
  createdAtMs: number;
  updatedAtMs: number;
}
