/** Statements that turn a JSON array of objects, `$1`, into rows of a table. */
import { escapeIdentifier } from 'pg';
import { SEEN_COLUMN } from '../warehouse/rows.ts';
import type { Column } from '../warehouse/columns.ts';
import { qualified, SQL_TYPES } from './catalog.ts';

type Columns = ReadonlyMap<string, Column>;

/** A row that is there already stays as it is. */
export function insertStatement(schema: string, table: string, columns: Columns): string {
  return `${insertion(schema, table, columns)} on conflict (id) do nothing`;
}

/**
 * Values of a newer call win; those of an older one only fill what is empty. No key may stand in
 * the array twice.
 */
export function upsertStatement(schema: string, table: string, columns: Columns): string {
  const seen = escapeIdentifier(SEEN_COLUMN);
  const isNewer = `excluded.${seen} >= coalesce(t.${seen}, '-infinity')`;
  const changes = [...columns.keys()]
    .filter((name) => name !== 'id')
    .map((name) => {
      const column = escapeIdentifier(name);
      const [fresh, old] = [`excluded.${column}`, `t.${column}`];
      if (name === SEEN_COLUMN || name === 'received_at' || name === 'uuid_ts') {
        return `${column} = greatest(${old}, ${fresh})`;
      }
      return (
        `${column} = case when ${isNewer} then coalesce(${fresh}, ${old}) ` +
        `else coalesce(${old}, ${fresh}) end`
      );
    });
  const insert = insertion(schema, table, columns);
  return `${insert} on conflict (id) do update set ${changes.join(', ')}`;
}

function insertion(schema: string, table: string, columns: Columns): string {
  const names = [...columns.keys()].map(escapeIdentifier).join(', ');
  const types = [...columns.values()].map(({ name, type }) => {
    return `${escapeIdentifier(name)} ${SQL_TYPES[type]}`;
  });
  return (
    `insert into ${qualified(schema, table)} as t (${names}) ` +
    `select ${names} from json_to_recordset($1::json) as r(${types.join(', ')})`
  );
}
