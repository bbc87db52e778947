/** API tokens: for scripts and the Public API. Shown once, kept as digests. */
import { MillraceError } from '../../base/errors.ts';
import type { Actor, Role } from './people-shapes.ts';
import { digestOf, isWellMarked, newMarkedSecret } from '../sealing/secret-text.ts';
import type { Store } from '../store.ts';
import { ensureWorkspace } from '../workspace/workspaces.ts';
import type { ApiToken } from './people-shapes.ts';

/** `mill` and `race`, token: what secret scanners look for. */
export const TOKEN_PREFIX = 'mrt_';

const HINT_CHARS = 8;
const TOUCH_MS = 60_000;

/** Returns the token, which is not kept. */
export function createApiToken(
  store: Store,
  given: {
    name: string;
    role: Role;
    scopes: readonly string[];
    createdBy: string;
    expiresAtMs: number | null;
  },
): { token: string; about: ApiToken } {
  const token = newMarkedSecret(store.random, TOKEN_PREFIX);
  const id = store.random.uuid();
  store.database
    .prepare(
      `insert into api_tokens (id, workspace_id, name, digest, hint, role, scopes, created_by,
         created_at_ms, expires_at_ms) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      id,
      ensureWorkspace(store).id,
      given.name,
      digestOf(token),
      token.slice(0, HINT_CHARS),
      given.role,
      JSON.stringify(given.scopes),
      given.createdBy,
      store.clock.wallMs(),
      given.expiresAtMs,
    );
  return { token, about: mustFind(store, id) };
}

/** Who a token speaks for; undefined when it is unknown, revoked or too old. */
export function tokenActor(store: Store, token: string): Actor | undefined {
  if (!isWellMarked(token, TOKEN_PREFIX)) return undefined;
  const row = store.database
    .prepare('select * from api_tokens where workspace_id = ? and digest = ? and is_revoked = 0')
    .get(ensureWorkspace(store).id, digestOf(token));
  if (!row) return undefined;
  const about = tokenFrom(row);
  const now = store.clock.wallMs();
  if (about.expiresAtMs !== null && now >= about.expiresAtMs) return undefined;
  if (now - (about.lastUsedAtMs ?? 0) > TOUCH_MS) {
    store.database
      .prepare('update api_tokens set last_used_at_ms = ? where id = ?')
      .run(now, about.id);
  }
  const { id, name, role, scopes } = about;
  return { type: 'token', id, name, role, sources: null, scopes };
}

/** The newest first. */
export function listApiTokens(store: Store): ApiToken[] {
  const rows = store.database
    .prepare('select * from api_tokens where workspace_id = ? order by created_at_ms desc, id')
    .all(ensureWorkspace(store).id);
  return rows.map(tokenFrom);
}

/** From now on it is refused. @throws MillraceError NOT_FOUND */
export function revokeApiToken(store: Store, id: string): ApiToken {
  mustFind(store, id);
  store.database.prepare('update api_tokens set is_revoked = 1 where id = ?').run(id);
  return mustFind(store, id);
}

function mustFind(store: Store, id: string): ApiToken {
  const row = store.database
    .prepare('select * from api_tokens where id = ? and workspace_id = ?')
    .get(id, ensureWorkspace(store).id);
  if (row) return tokenFrom(row);
  throw new MillraceError('NOT_FOUND', `There is no token ${id}`, { field: 'id' });
}

function tokenFrom(row: Record<string, unknown>): ApiToken {
  const timeOf = (value: unknown) => (value === null ? null : Number(value));
  return {
    id: String(row['id']),
    name: String(row['name']),
    hint: String(row['hint']),
    role: row['role'] as Role,
    scopes: JSON.parse(String(row['scopes'])) as string[],
    createdBy: String(row['created_by']),
    createdAtMs: Number(row['created_at_ms']),
    expiresAtMs: timeOf(row['expires_at_ms']),
    lastUsedAtMs: timeOf(row['last_used_at_ms']),
    isRevoked: row['is_revoked'] === 1,
  };
}
