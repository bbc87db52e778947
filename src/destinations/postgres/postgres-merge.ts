/** Statements that merge rows, named `r` in their source, into a table. */
import { escapeIdentifier } from 'pg';
import { SEEN_COLUMN } from '../warehouse/warehouse-rows.ts';
import type { Column } from '../warehouse/warehouse-columns.ts';
import { qualified } from './postgres-catalog.ts';

export interface MergeTarget {
  schema: string;
  table: string;
  columns: ReadonlyMap<string, Column>;
}

/** A row that is there already stays as it is. */
export function insertStatement(target: MergeTarget, source: string): string {
  return `${insertion(target, source)} on conflict (id) do nothing`;
}

/**
 * Values of a newer call win; those of an older one only fill what is empty. No key may stand in
 * the array twice.
 */
export function upsertStatement(target: MergeTarget, source: string): string {
  const seen = escapeIdentifier(SEEN_COLUMN);
  const isNewer = `excluded.${seen} >= coalesce(t.${seen}, '-infinity')`;
  const changes = [...target.columns.keys()]
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
  const insert = insertion(target, source);
  return `${insert} on conflict (id) do update set ${changes.join(', ')}`;
}

function insertion({ schema, table, columns }: MergeTarget, source: string): string {
  const names = [...columns.keys()].map(escapeIdentifier);
  const values = names.map((name) => `r.${name}`);
  return (
    `insert into ${qualified(schema, table)} as t (${names.join(', ')}) ` +
    `select ${values.join(', ')} from ${source}`
  );
}
