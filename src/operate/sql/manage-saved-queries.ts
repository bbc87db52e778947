/** Saved queries, made and changed with an entry in the audit log. */
import { recordAudit } from '../../store/people/audit.ts';
import type { Actor } from '../../store/people/people-shapes.ts';
import { inStoreTransaction } from '../../store/store.ts';
import type { Store } from '../../store/store.ts';
import {
  changeSavedQuery,
  createSavedQuery,
  deleteSavedQuery,
  getSavedQuery,
} from '../../store/workspace/saved-queries.ts';
import type { SavedQueryView } from './sql-shapes.ts';
import type { SavedQuery } from '../../store/workspace/saved-query-shapes.ts';

/** @throws MillraceError CONFLICT for a name that is taken */
export function addSavedQuery(
  store: Store,
  given: { name: string; sql: string },
  actor: Actor,
): SavedQueryView {
  return inStoreTransaction(store, () => {
    const query = createSavedQuery(store, { ...given, createdBy: actor.name });
    audit(store, actor, 'Saved Query Created', null, query);
    return savedQueryView(query);
  });
}

/** @throws MillraceError NOT_FOUND, CONFLICT */
export function editSavedQuery(
  store: Store,
  id: string,
  change: { name?: string | undefined; sql?: string | undefined },
  actor: Actor,
): SavedQueryView {
  return inStoreTransaction(store, () => {
    const before = getSavedQuery(store, id);
    const query = changeSavedQuery(store, before.id, change);
    audit(store, actor, 'Saved Query Modified', before, query);
    return savedQueryView(query);
  });
}

/** @throws MillraceError NOT_FOUND */
export function dropSavedQuery(store: Store, id: string, actor: Actor): void {
  inStoreTransaction(store, () => {
    audit(store, actor, 'Saved Query Deleted', deleteSavedQuery(store, id), null);
  });
}

/** As people see it. */
export function savedQueryView({ createdAtMs, updatedAtMs, ...query }: SavedQuery): SavedQueryView {
  return {
    ...query,
    createdAt: new Date(createdAtMs).toISOString(),
    updatedAt: new Date(updatedAtMs).toISOString(),
  };
}

function audit(
  store: Store,
  actor: Actor,
  action: string,
  before: SavedQuery | null,
  after: SavedQuery | null,
): void {
  const about = after ?? before;
  if (!about) return;
  const resource = { type: 'saved query', id: about.id, name: about.name };
  recordAudit(store, actor, {
    action,
    resource,
    before: before && savedQueryView(before),
    after: after && savedQueryView(after),
  });
}
