/** The names that a query may use, for the completion of the SQL editor. */
import type { QueriedLake } from './lake-rows.ts';
import { lakeRows } from './lake-rows.ts';
import type { SqlTable } from './sql-shapes.ts';

/** Columns of all tables together; a source with thousands of events has as many tables. */
const COLUMNS_MAX = 50_000;

/** Hot tables are how the lake is made; `events` shows their rows. */
const COLUMNS_SQL = `select table_schema, table_name, column_name, data_type
  from information_schema.columns
  where table_schema <> 'main' or table_name in ('events', 'rejected')
  order by table_schema <> 'main', table_schema, table_name, ordinal_position`;

/** All that a query may name. */
export async function sqlTables(lake: QueriedLake): Promise<SqlTable[]> {
  const tables = new Map<string, SqlTable>();
  for (const row of await lakeRows(lake, COLUMNS_SQL, COLUMNS_MAX)) {
    const [schema, name] = [String(row['table_schema']), String(row['table_name'])];
    const key = JSON.stringify([schema, name]);
    const table = tables.get(key) ?? { schema, name, columns: [] };
    tables.set(key, table);
    table.columns.push({ name: String(row['column_name']), type: String(row['data_type']) });
  }
  return [...tables.values()];
}
