/** API tokens: made and revoked with an entry in the audit log. */
import { createApiToken, revokeApiToken } from '../../store/people/api-tokens.ts';
import { recordAudit } from '../../store/people/audit.ts';
import type { Actor, ApiToken, Role } from '../../store/people/people-shapes.ts';
import { inStoreTransaction } from '../../store/store.ts';
import type { Store } from '../../store/store.ts';
import { requireRoleOf } from '../rights/actor-rights.ts';
import type { TokenMade, TokenView } from './account-shapes.ts';

/** @throws MillraceError FORBIDDEN: only an owner makes one that may what an owner may. */
export function addToken(
  store: Store,
  actor: Actor,
  given: { name: string; role: Role; scopes: readonly string[]; expiresAtMs: number | null },
): TokenMade {
  requireRoleOf(actor, given.role === 'owner' ? 'owner' : 'admin');
  return inStoreTransaction(store, () => {
    const { about, token } = createApiToken(store, { ...given, createdBy: actor.name });
    const after = tokenView(about);
    recordAudit(store, actor, { action: 'Token Created', resource: resourceOf(about), after });
    return { ...after, token };
  });
}

/** @throws MillraceError NOT_FOUND, FORBIDDEN */
export function endToken(store: Store, actor: Actor, id: string): TokenView {
  requireRoleOf(actor, 'admin');
  return inStoreTransaction(store, () => {
    const about = revokeApiToken(store, id);
    const before = tokenView(about);
    recordAudit(store, actor, { action: 'Token Revoked', resource: resourceOf(about), before });
    return before;
  });
}

/** What may be shown of a token: never the token itself. */
export function tokenView({
  createdAtMs,
  expiresAtMs,
  lastUsedAtMs,
  ...about
}: ApiToken): TokenView {
  const isoOf = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    ...about,
    createdAt: new Date(createdAtMs).toISOString(),
    expiresAt: isoOf(expiresAtMs),
    lastUsedAt: isoOf(lastUsedAtMs),
  };
}

function resourceOf({ id, name }: ApiToken) {
  return { type: 'token', id, name };
}
