/**
 * What the control store asks of its engine. The calls are synchronous, because all of them are
 * rare and small: what each request needs is served from memory.
 */

export type ControlRow = Record<string, unknown>;
export type ControlValue = null | number | string | Uint8Array;

/** One statement of the SQL that both engines understand, with `?` (or `?1`) for values. */
export interface ControlStatement {
  get(...values: ControlValue[]): ControlRow | undefined;
  all(...values: ControlValue[]): ControlRow[];
  run(...values: ControlValue[]): { changes: number };
}

/** `read` sees one state throughout; `write` has the whole store to itself until it ends. */
export type TransactionKind = 'read' | 'write';

/** Unless said otherwise, each call throws MillraceError UNAVAILABLE when the engine is away. */
export interface ControlDatabase {
  readonly engine: 'sqlite' | 'postgres';
  prepare(sql: string): ControlStatement;
  /** Statements without values and without results. */
  exec(sql: string): void;
  readonly isTransaction: boolean;
  begin(kind: TransactionKind): void;
  commit(): void;
  /** Never throws. */
  rollback(): void;
  /** A number that changes when another connection (may have) changed anything. Never throws. */
  dataVersion(): number;
  /** False from when it was noticed that the engine is away until it is back. Never waits. */
  isReachable(): boolean;
  close(): void;
}

/** Runs the work in a transaction of its own; rolls back on a throw. */
export function inControlTransaction<T>(
  database: ControlDatabase,
  kind: TransactionKind,
  work: () => T,
): T {
  database.begin(kind);
  try {
    const result = work();
    database.commit();
    return result;
  } catch (error) {
    database.rollback();
    throw error;
  }
}
