/** Queries that people keep: shared by all of the workspace. */
import { MillraceError } from '../../base/errors.ts';
import type { Store } from '../store.ts';
import { ensureWorkspace } from './workspaces.ts';
import type { SavedQuery } from './saved-query-shapes.ts';

/** So many that nobody finds anything any more. */
const QUERIES_MAX = 1_000;

/** By name. */
export function listSavedQueries(store: Store): SavedQuery[] {
  return store.database
    .prepare('select * from saved_queries where workspace_id = ? order by name, id')
    .all(ensureWorkspace(store).id)
    .map(savedQueryOf);
}

/** @throws MillraceError NOT_FOUND */
export function getSavedQuery(store: Store, id: string): SavedQuery {
  const row = store.database
    .prepare('select * from saved_queries where workspace_id = ? and id = ?')
    .get(ensureWorkspace(store).id, id);
  if (row) return savedQueryOf(row);
  throw new MillraceError('NOT_FOUND', 'There is no such saved query', { field: 'id' });
}

/** @throws MillraceError CONFLICT when there are too many. */
export function createSavedQuery(
  store: Store,
  { name, sql, createdBy }: Pick<SavedQuery, 'name' | 'sql' | 'createdBy'>,
): SavedQuery {
  if (listSavedQueries(store).length >= QUERIES_MAX) {
    const message = `There are ${QUERIES_MAX} saved queries; delete one that nobody needs`;
    throw new MillraceError('CONFLICT', message);
  }
  const [id, nowMs] = [store.random.uuid(), store.clock.wallMs()];
  store.database
    .prepare(
      `insert into saved_queries
         (id, workspace_id, name, sql, created_by, created_at_ms, updated_at_ms)
       values (?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(id, ensureWorkspace(store).id, name, sql, createdBy, nowMs, nowMs);
  return getSavedQuery(store, id);
}

/** @throws MillraceError NOT_FOUND */
export function changeSavedQuery(
  store: Store,
  id: string,
  change: { name?: string | undefined; sql?: string | undefined },
): SavedQuery {
  const before = getSavedQuery(store, id);
  store.database
    .prepare('update saved_queries set name = ?, sql = ?, updated_at_ms = ? where id = ?')
    .run(change.name ?? before.name, change.sql ?? before.sql, store.clock.wallMs(), id);
  return getSavedQuery(store, id);
}

/** @throws MillraceError NOT_FOUND */
export function deleteSavedQuery(store: Store, id: string): SavedQuery {
  const before = getSavedQuery(store, id);
  store.database.prepare('delete from saved_queries where id = ?').run(id);
  return before;
}

function savedQueryOf(row: Record<string, unknown>): SavedQuery {
  return {
    id: String(row['id']),
    name: String(row['name']),
    sql: String(row['sql']),
    createdBy: String(row['created_by']),
    createdAtMs: Number(row['created_at_ms']),
    updatedAtMs: Number(row['updated_at_ms']),
  };
}
