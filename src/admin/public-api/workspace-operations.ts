/** The workspace, its labels and audit log. */
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import { listAudit, recordAudit } from '../../store/people/audit.ts';
import { ensureWorkspace } from '../../store/workspace/workspaces.ts';
import { requireRole } from '../actor.ts';
import { body, pageOf, param } from './ask.ts';
import type { Ask, Handler } from './ask.ts';

const AUDIT_MAX = 10_000;
const labelSchema = z.object({
  label: z.object({
    key: z.string().min(1).max(200),
    value: z.string().min(1).max(200),
    description: z.string().max(1_000).default(''),
  }),
});

export const WORKSPACE_BODIES = { createLabel: labelSchema };

export const WORKSPACE_HANDLERS: Record<string, Handler> = {
  getWorkspace({ server }) {
    const { id, name } = ensureWorkspace(server.store);
    return { workspace: { id, name, slug: name } };
  },
  echo: ({ c, actor }) => ({
    method: c.req.method,
    headers: {},
    message: c.req.query('message') ?? '',
    by: actor.name,
  }),
  listAuditEvents(ask) {
    requireRole(ask.c, 'admin');
    const all = listAudit(ask.server.store, { limit: AUDIT_MAX });
    const { page, pagination } = pageOf(ask, all, ({ id }) => String(id));
    const events = page.map(({ id, atMs, actor, action, resource }) => ({
      id: String(id),
      timestamp: new Date(atMs).toISOString(),
      type: action,
      actor: actor.id,
      ...(actor.type === 'user' && { actorEmail: actor.name }),
      resourceId: resource.id,
      resourceType: resource.type,
      resourceName: resource.name,
    }));
    return { events, pagination };
  },
  listLabels({ server }) {
    const rows = server.store.database
      .prepare('select key, value, description from labels where workspace_id = ? order by 1, 2')
      .all(ensureWorkspace(server.store).id);
    return { labels: rows.map((row) => ({ ...row })) };
  },
  async createLabel(ask) {
    requireRole(ask.c, 'member');
    const { label } = await body(ask, labelSchema);
    const { store } = ask.server;
    store.database
      .prepare(
        `insert into labels (workspace_id, key, value, description) values (?, ?, ?, ?)
         on conflict (workspace_id, key, value) do update set description = excluded.description`,
      )
      .run(ensureWorkspace(store).id, label.key, label.value, label.description);
    auditLabel(ask, 'Label Created', label.key, label.value);
    return { label };
  },
  deleteLabel(ask) {
    requireRole(ask.c, 'member');
    const { store } = ask.server;
    const workspace = ensureWorkspace(store).id;
    const known = [workspace, param(ask, 'key'), param(ask, 'value')] as const;
    const { changes } = store.database
      .prepare('delete from labels where workspace_id = ? and key = ? and value = ?')
      .run(...known);
    if (Number(changes) === 0) {
      throw new MillraceError('NOT_FOUND', 'There is no such label', { field: 'key' });
    }
    store.database
      .prepare('delete from resource_labels where workspace_id = ? and key = ? and value = ?')
      .run(...known);
    auditLabel(ask, 'Label Deleted', param(ask, 'key'), param(ask, 'value'));
    return { status: 'SUCCESS' };
  },
};

function auditLabel({ server, actor }: Ask, action: string, key: string, value: string): void {
  const name = `${key}: ${value}`;
  const resource = { type: 'label', id: name, name };
  recordAudit(server.store, actor, { action, resource });
}
