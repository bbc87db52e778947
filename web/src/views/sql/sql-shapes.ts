/** What the server answers about SQL. */
export interface SqlTable {
  schema: string;
  name: string;
  columns: { name: string; type: string }[];
}

export interface SqlColumn {
  name: string;
  type: string;
}

export interface SqlResult {
  columns: SqlColumn[];
  rows: unknown[][];
  truncated: boolean;
  elapsedMs: number;
}

export interface SavedQuery {
  id: string;
  name: string;
  sql: string;
  createdBy: string;
  updatedAt: string;
}
