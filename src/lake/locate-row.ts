/** Which file of the lake an event is in, for trace. */
import type { LakeState } from './lake-state.ts';
import { parquetRelation } from './parquet.ts';
import { sqlText } from './sql-text.ts';

export interface RowPlace {
  partition: string;
  position: number;
  /** Day of receipt, `YYYY-MM-DD`: files are kept by it. */
  day: string;
}

/** The path relative to the data folder, or null while the row is in memory. */
export async function locateRow(state: LakeState, place: RowPlace): Promise<string | null> {
  const { dataFolder } = state.options;
  const files = state.catalog.files('events').filter(({ day }) => day === place.day);
  const relation = parquetRelation(
    dataFolder,
    files.map(({ path }) => path),
  );
  if (relation === null) return null;
  const named = relation.replace(
    'hive_partitioning = false',
    'hive_partitioning = false, filename = true',
  );
  const reader = await state.engine.connection.runAndReadAll(
    `select filename from ${named}
     where partition = ${sqlText(place.partition)} and position = ${place.position} limit 1`,
  );
  const [row] = reader.getRowObjectsJson();
  return row ? String(row['filename']).slice(dataFolder.length + 1) : null;
}
