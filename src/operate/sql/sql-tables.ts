/** The names that a query may use, for the completion of the SQL editor. */
import type { SavedQueryControl, SqlTable } from '../../admin/saved-query-routes.ts';
import type { Store } from '../../store/store.ts';
import type { LakeService } from '../../query/lake-service.ts';
import { lakeRows } from './lake-rows.ts';

/** Columns of all tables together; a source with thousands of events has as many tables. */
const COLUMNS_MAX = 50_000;

/** Hot tables are how the lake is made; `events` shows their rows. */
const COLUMNS_SQL = `select table_schema, table_name, column_name, data_type
  from information_schema.columns
  where table_schema <> 'main' or table_name in ('events', 'rejected')
  order by table_schema <> 'main', table_schema, table_name, ordinal_position`;

export function createSavedQueryControl(store: Store, lake: LakeService): SavedQueryControl {
  return {
    store,
    async tables() {
      const tables = new Map<string, SqlTable>();
      for (const row of await lakeRows(lake, COLUMNS_SQL, COLUMNS_MAX)) {
        const [schema, name] = [String(row['table_schema']), String(row['table_name'])];
        const key = JSON.stringify([schema, name]);
        const table = tables.get(key) ?? { schema, name, columns: [] };
        tables.set(key, table);
        table.columns.push({ name: String(row['column_name']), type: String(row['data_type']) });
      }
      return [...tables.values()];
    },
  };
}
