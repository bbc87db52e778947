/** What the control store and the thread of its PostgreSQL connection say to each other. */
import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode } from '../../base/errors.ts';
import type { ControlRow, ControlValue, TransactionKind } from './control-database.ts';

export interface PostgresPlace {
  /** `postgres://user:password@host/database`. */
  url: string;
  /** Holds all tables of the control store. */
  schema: string;
  /** For connecting, and for each statement; a call takes at most twice as long. */
  timeoutMs: number;
}

export interface PostgresThreadSetup extends PostgresPlace {
  port: MessagePort;
  shared: SharedArrayBuffer;
}

export type PostgresRequest =
  | { kind: 'connect' }
  | { kind: 'query'; text: string; values: ControlValue[]; isWrite: boolean }
  /** Statements without values. */
  | { kind: 'exec'; text: string }
  | { kind: 'begin'; transaction: TransactionKind }
  | { kind: 'commit' }
  | { kind: 'rollback' }
  | { kind: 'close' };

export type PostgresOrder = PostgresRequest & { id: number };

/** Out of order: nobody waits for the request any more. */
export interface PostgresReset {
  resetId: number;
}

export interface PostgresAnswer {
  id: number;
  rows?: ControlRow[];
  changes?: number;
  /** `code` null: what should never happen, such as wrong SQL. */
  failure?: { code: ErrorCode | null; message: string };
}

/** Memory that both sides see, so that asking for state neither waits nor fails. */
export interface PostgresShared {
  /** [0] counts answers; who waits for one waits here. [1] is 1 while PostgreSQL answers. */
  words: Int32Array<SharedArrayBuffer>;
  /** [0] counts the changes of all other connections. */
  version: BigInt64Array<SharedArrayBuffer>;
}

export const ANSWERS = 0;
export const REACHABLE = 1;
const WORDS_BYTES = 8;

export function allocatePostgresShared(): SharedArrayBuffer {
  return new SharedArrayBuffer(WORDS_BYTES + BigInt64Array.BYTES_PER_ELEMENT);
}

export function viewPostgresShared(shared: SharedArrayBuffer): PostgresShared {
  return {
    words: new Int32Array(shared, 0, 2),
    version: new BigInt64Array(shared, WORDS_BYTES, 1),
  };
}
