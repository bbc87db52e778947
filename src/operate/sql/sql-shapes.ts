/** What SQL may name, and what it answers. */
import type { SavedQuery } from '../../store/workspace/saved-query-shapes.ts';

export interface SqlColumn {
  name: string;
  type: string;
}

export interface SqlTable {
  /** `main`, or the schema of a source. */
  schema: string;
  name: string;
  columns: SqlColumn[];
}

export interface SqlTablesAnswer {
  tables: SqlTable[];
}

/** Rows as JSON. */
export interface SqlAnswer {
  columns: SqlColumn[];
  rows: unknown[][];
  /** There were more rows than the cap. */
  truncated: boolean;
  elapsedMs: number;
}

export interface SavedQueryView extends Omit<SavedQuery, 'createdAtMs' | 'updatedAtMs'> {
  createdAt: string;
  updatedAt: string;
}
