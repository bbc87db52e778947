/** Labels of sources and destinations: keys and values, as in Segment's Public API. */
import { inStoreTransaction } from '../store.ts';
import type { Store } from '../store.ts';
import { ensureWorkspace } from './workspaces.ts';

export type LabelledType = 'source' | 'destination';

export interface ResourceLabel {
  key: string;
  value: string;
}

/** In the order of keys and values. */
export function listResourceLabels(store: Store, type: LabelledType, id: string): ResourceLabel[] {
  const rows = store.database
    .prepare(
      `select key, value from resource_labels
       where workspace_id = ? and resource_type = ? and resource_id = ? order by key, value`,
    )
    .all(ensureWorkspace(store).id, type, id);
  return rows.map((row) => ({ key: String(row['key']), value: String(row['value']) }));
}

/** Replaces all labels of a resource; new ones become known to the workspace. */
export function setResourceLabels(
  store: Store,
  type: LabelledType,
  id: string,
  labels: readonly ResourceLabel[],
): void {
  inStoreTransaction(store, () => {
    const workspace = ensureWorkspace(store).id;
    store.database
      .prepare(
        `delete from resource_labels
         where workspace_id = ? and resource_type = ? and resource_id = ?`,
      )
      .run(workspace, type, id);
    const know = store.database.prepare(
      'insert into labels (workspace_id, key, value) values (?, ?, ?) on conflict do nothing',
    );
    const add = store.database.prepare(
      `insert into resource_labels (workspace_id, resource_type, resource_id, key, value)
       values (?, ?, ?, ?, ?) on conflict do nothing`,
    );
    for (const { key, value } of labels) {
      know.run(workspace, key, value);
      add.run(workspace, type, id, key, value);
    }
  });
}
