/** What a script of the Public API stored with a resource, and expects back unchanged. */
import type { Store } from '../store.ts';
import { ensureWorkspace } from './workspaces.ts';

/** Empty when nothing was stored. */
export function getResourceDocument(
  store: Store,
  type: string,
  id: string,
): Record<string, unknown> {
  const row = store.database
    .prepare(
      `select document from resource_documents
       where workspace_id = ? and resource_type = ? and resource_id = ?`,
    )
    .get(ensureWorkspace(store).id, type, id);
  return row ? (JSON.parse(String(row['document'])) as Record<string, unknown>) : {};
}

/** In the place of what was there. */
export function setResourceDocument(
  store: Store,
  type: string,
  id: string,
  document: Record<string, unknown>,
): void {
  store.database
    .prepare(
      `insert into resource_documents (workspace_id, resource_type, resource_id, document)
       values (?, ?, ?, ?)
       on conflict (workspace_id, resource_type, resource_id)
       do update set document = excluded.document`,
    )
    .run(ensureWorkspace(store).id, type, id, JSON.stringify(document));
}

/** Nothing to delete is no error. */
export function deleteResourceDocument(store: Store, type: string, id: string): void {
  store.database
    .prepare(
      `delete from resource_documents
       where workspace_id = ? and resource_type = ? and resource_id = ?`,
    )
    .run(ensureWorkspace(store).id, type, id);
}
