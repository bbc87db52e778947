/** The views `events` and `rejected`: every listed Parquet file and every hot table, as one. */
import type { FileKind } from './catalog.ts';
import { columnNames, EVENT_COLUMNS, REJECTED_COLUMNS } from './columns.ts';
import type { HotTail } from './hot-tail.ts';
import type { LakeState } from './lake-state.ts';
import { parquetRelation } from './parquet.ts';

/** Statements that show what is listed and hot now; run them in one transaction. */
export function tableStatements(
  state: Pick<LakeState, 'catalog' | 'events' | 'rejected' | 'options'>,
): string[] {
  return [
    viewStatement(state, 'events', EVENT_COLUMNS, state.events),
    viewStatement(state, 'rejected', REJECTED_COLUMNS, state.rejected),
  ];
}

/**
 * Replaces both views in one transaction.
 * @param alsoDrop hot tables whose rows the new views find in Parquet.
 */
export async function refreshTables(
  state: LakeState,
  alsoDrop: readonly string[] = [],
): Promise<void> {
  const { connection } = state.engine;
  await connection.run('begin transaction');
  try {
    for (const sql of tableStatements(state)) await connection.run(sql);
    for (const table of alsoDrop) await connection.run(`drop table if exists ${table}`);
    await connection.run('commit');
  } catch (error) {
    await connection.run('rollback');
    throw error;
  }
}

function viewStatement(
  state: Pick<LakeState, 'catalog' | 'options'>,
  kind: FileKind,
  columns: Record<string, string>,
  tail: HotTail,
): string {
  const names = columnNames(columns);
  const paths = state.catalog.files(kind).map(({ path }) => path);
  const parquet = parquetRelation(state.options.dataFolder, paths);
  const relations = [...(parquet === null ? [] : [parquet]), ...tail.tables()];
  const parts = relations.map((relation) => `select ${names} from ${relation}`);
  return `create or replace view ${kind} as ${parts.join(' union all ')}`;
}
