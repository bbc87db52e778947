/** The audit log: who changed what, and how it was before. */
import type { Store } from '../store.ts';
import { ensureWorkspace } from '../workspace/workspaces.ts';
import type { Actor, AuditEntry, AuditEvent } from './people-shapes.ts';

/** Written in the transaction of the change, so that there is no change without its entry. */
export function recordAudit(store: Store, actor: Actor, entry: AuditEntry): void {
  const { action, resource, before = null, after = null } = entry;
  const json = (value: unknown) => (value === null ? null : JSON.stringify(value));
  store.database
    .prepare(
      `insert into audit_events (workspace_id, at_ms, actor_type, actor_id, actor_name, action,
         resource_type, resource_id, resource_name, before, after)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      ensureWorkspace(store).id,
      store.clock.wallMs(),
      actor.type,
      actor.id,
      actor.name,
      action,
      resource.type,
      resource.id,
      resource.name,
      json(before),
      json(after),
    );
}

/** The newest first, from before an id; `text` is in the action, or names who or what. */
export function listAudit(
  store: Store,
  page: {
    beforeId?: number | undefined;
    limit: number;
    fromMs?: number;
    toMs?: number;
    text?: string | undefined;
  },
): AuditEvent[] {
  const { beforeId = Number.MAX_SAFE_INTEGER, limit, fromMs = 0, toMs, text = '' } = page;
  // Marks of patterns are letters here; the engine folds no more than A to Z, so neither do we.
  const folded = text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  const pattern = `%${folded.replaceAll(/[!%_]/g, '!$&')}%`;
  const rows = store.database
    .prepare(
      `select * from audit_events where workspace_id = ? and id < ? and at_ms >= ? and at_ms < ?
         and lower(action || ' ' || actor_name || ' ' || resource_type || ' ' || resource_name)
           like ? escape '!'
       order by id desc limit ?`,
    )
    .all(
      ensureWorkspace(store).id,
      beforeId,
      fromMs,
      toMs ?? Number.MAX_SAFE_INTEGER,
      pattern,
      limit,
    );
  return rows.map((row) => ({
    id: Number(row['id']),
    atMs: Number(row['at_ms']),
    actor: {
      type: row['actor_type'] as Actor['type'],
      id: String(row['actor_id']),
      name: String(row['actor_name']),
    },
    action: String(row['action']),
    resource: {
      type: String(row['resource_type']),
      id: String(row['resource_id']),
      name: String(row['resource_name']),
    },
    before: row['before'] === null ? null : (JSON.parse(String(row['before'])) as unknown),
    after: row['after'] === null ? null : (JSON.parse(String(row['after'])) as unknown),
  }));
}

/** The admin token of the data folder: whoever can read that file owns everything in it. */
export const ADMIN_TOKEN_ACTOR: Actor = {
  type: 'token',
  id: 'admin-token',
  name: 'admin token',
  role: 'owner',
  sources: null,
  scopes: [],
};
