/** Changes from the command line are in the audit log, as all others. */
import { recordAudit } from '../store/people/audit.ts';
import type { Actor } from '../store/people/people-shapes.ts';
import type { Store } from '../store/store.ts';
import type { WriteKey } from '../store/sources/write-keys.ts';

/** Whoever can write the data folder owns it. */
export const CLI_ACTOR: Actor = {
  type: 'cli',
  id: 'cli',
  name: 'command line',
  role: 'owner',
  sources: null,
  scopes: [],
};

/** Never with the key itself. */
export function auditKey(store: Store, action: string, key: WriteKey): void {
  const { id, hint, state, sourceSlug, expiresAtMs } = key;
  const expiresAt = expiresAtMs === null ? null : new Date(expiresAtMs).toISOString();
  const resource = { type: 'write key', id, name: `${sourceSlug} ${hint}` };
  recordAudit(store, CLI_ACTOR, { action, resource, after: { hint, state, expiresAt } });
}
