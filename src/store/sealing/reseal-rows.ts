/** Sealing with another key what a table keeps sealed. */
import { inStoreTransaction } from '../store.ts';
import type { Store } from '../store.ts';
import type { Sealer } from './sealing.ts';

/** Where sealed values are. */
export interface SealedColumn {
  table: string;
  /** The column that names a row. */
  key: string;
  column: string;
  /** The place for which the value of a row is sealed. */
  placeOf(key: string): string;
}

/** All of them, in one transaction. @returns how many. @throws MillraceError SECRETS_SEALED */
export function resealRows(store: Store, where: SealedColumn, old: Sealer, next: Sealer): number {
  const { table, key, column, placeOf } = where;
  return inStoreTransaction(store, () => {
    const rows = store.database
      .prepare(`select ${key} as name, ${column} as sealed from ${table}`)
      .all();
    const update = store.database.prepare(`update ${table} set ${column} = ? where ${key} = ?`);
    for (const row of rows) {
      const name = String(row['name']);
      const text = old.open(row['sealed'] as Uint8Array, placeOf(name));
      update.run(next.seal(text, placeOf(name)), name);
    }
    return rows.length;
  });
}
