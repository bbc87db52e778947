/** Users whose events go to no destination. */
import type { Store } from '../store.ts';
import { inStoreTransaction } from '../store.ts';
import { ensureWorkspace } from '../workspace/workspaces.ts';

/** Adds users; those that are there stay. @returns how many are new. */
export function suppressUsers(store: Store, userIds: readonly string[]): number {
  return inStoreTransaction(store, () => {
    const { id } = ensureWorkspace(store);
    const insert = store.database.prepare(
      `insert into suppressed_users (workspace_id, user_id, created_at_ms) values (?, ?, ?)
       on conflict do nothing`,
    );
    const now = store.clock.wallMs();
    return userIds.reduce((sum, userId) => sum + Number(insert.run(id, userId, now).changes), 0);
  });
}

/** @returns how many were suppressed. */
export function unsuppressUsers(store: Store, userIds: readonly string[]): number {
  return inStoreTransaction(store, () => {
    const { id } = ensureWorkspace(store);
    const remove = store.database.prepare(
      'delete from suppressed_users where workspace_id = ? and user_id = ?',
    );
    return userIds.reduce((sum, userId) => sum + Number(remove.run(id, userId).changes), 0);
  });
}

/** The first first. */
export function listSuppressedUsers(store: Store): { userId: string; createdAtMs: number }[] {
  const rows = store.database
    .prepare(
      `select user_id, created_at_ms from suppressed_users where workspace_id = ?
       order by created_at_ms, user_id`,
    )
    .all(ensureWorkspace(store).id);
  return rows.map((row) => ({
    userId: String(row['user_id']),
    createdAtMs: Number(row['created_at_ms']),
  }));
}
