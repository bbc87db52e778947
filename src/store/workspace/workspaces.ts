import type { Store } from '../store.ts';
import { inStoreTransaction } from '../store.ts';

export interface Workspace {
  id: string;
  name: string;
  createdAtMs: number;
}

/** The workspace that sources belong to; created under this name when there is none yet. */
export function ensureWorkspace(store: Store, name = 'default'): Workspace {
  // Asked at every request: reading needs no lock.
  const [known] = listWorkspaces(store);
  if (known) return known;
  return inStoreTransaction(store, () => {
    const [first] = listWorkspaces(store);
    if (first) return first;
    const workspace = { id: store.random.uuid(), name, createdAtMs: store.clock.wallMs() };
    store.database
      .prepare('insert into workspaces (id, name, created_at_ms) values (?, ?, ?)')
      .run(workspace.id, workspace.name, workspace.createdAtMs);
    return workspace;
  });
}

/** Oldest first. */
export function listWorkspaces(store: Store): Workspace[] {
  const rows = store.database
    .prepare('select id, name, created_at_ms from workspaces order by created_at_ms, id')
    .all();
  return rows.map((row) => ({
    id: String(row['id']),
    name: String(row['name']),
    createdAtMs: Number(row['created_at_ms']),
  }));
}
