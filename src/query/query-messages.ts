/** What the server and a query process say to each other. */
import type { LakeTables } from '../lake/lake-tables.ts';
import type { SqlRequest, SqlResult } from './run-sql.ts';

export interface QuerySetup {
  dataFolder: string;
  regions: readonly string[];
  /** e.g. `512MB` */
  memoryLimit: string;
  threads: number;
  /** Of this process alone. */
  temporaryRoot: string;
  /** e.g. `4GB` */
  temporaryLimit: string;
  answerBytesMax: number;
  processBytesMax: number;
}

/** Server → query process. */
export type QueryOrder =
  | { kind: 'setup'; setup: QuerySetup }
  | { kind: 'query'; id: number; request: SqlRequest; tables: LakeTables }
  | { kind: 'cancel'; id: number };

export interface FailureText {
  code: string;
  message: string;
  field: string | undefined;
}

/** Query process → server. */
export type QueryMessage =
  | { kind: 'answer'; id: number; result: SqlResult }
  | { kind: 'failed'; id: number; error: FailureText }
  | { kind: 'view-refused'; reason: string }
  /** It has more memory than it may have. */
  | { kind: 'too-large' };
