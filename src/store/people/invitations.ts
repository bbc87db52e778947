/** Links that work once: for the first owner, for people who are invited, for a new password. */
import { MillraceError } from '../../base/errors.ts';
import type { Role, SourceRights } from './people-shapes.ts';
import { digestOf, newSecret } from '../sealing/secret-text.ts';
import { inStoreTransaction } from '../store.ts';
import type { Store } from '../store.ts';
import { ensureWorkspace } from '../workspace/workspaces.ts';
import type { PendingInvitation } from './people-shapes.ts';

export interface Invitation {
  /** Null: of the first owner, who says it himself. */
  email: string | null;
  role: Role;
  /** Of the account that it makes; null: all sources. */
  sources: SourceRights | null;
  /** Set for a new password of a known user. */
  userId: string | null;
}

const DAY_MS = 24 * 3_600_000;
const VALID_MS = 7 * DAY_MS;
const OF_FIRST_OWNER = { email: null, role: 'owner', sources: null, userId: null } as const;

/**
 * The secret of the link that makes the first owner; null once there is one. Valid for a day, and
 * there is only one: a new one puts an end to the one before.
 */
export function createFirstOwnerInvitation(store: Store): string | null {
  return inStoreTransaction(store, () => {
    if (hasOwner(store)) return null;
    const workspace = ensureWorkspace(store).id;
    store.database
      .prepare('delete from invitations where workspace_id = ? and email is null')
      .run(workspace);
    return createInvitation(store, OF_FIRST_OWNER, DAY_MS);
  });
}

/** Returns the secret for the link. */
export function createInvitation(store: Store, invitation: Invitation, validMs = VALID_MS): string {
  const secret = newSecret(store.random);
  const now = store.clock.wallMs();
  store.database.prepare('delete from invitations where expires_at_ms < ?').run(now);
  store.database
    .prepare(
      `insert into invitations (digest, workspace_id, email, role, sources, user_id,
         created_at_ms, expires_at_ms) values (?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      digestOf(secret),
      ensureWorkspace(store).id,
      invitation.email,
      invitation.role,
      invitation.sources === null ? null : JSON.stringify(invitation.sources),
      invitation.userId,
      now,
      now + validMs,
    );
  return secret;
}

/** Reads it without using it up. The first owner's is worth nothing once there is one. */
export function findInvitation(store: Store, secret: string): Invitation | undefined {
  const row = store.database
    .prepare(
      'select * from invitations where workspace_id = ? and digest = ? and expires_at_ms >= ?',
    )
    .get(ensureWorkspace(store).id, digestOf(secret), store.clock.wallMs());
  if (!row || (row['email'] === null && hasOwner(store))) return undefined;
  return {
    email: row['email'] === null ? null : String(row['email']),
    role: row['role'] as Role,
    sources: rightsFrom(row['sources']),
    userId: row['user_id'] === null ? null : String(row['user_id']),
  };
}

/** By email. Offers of a new password to known users are not among them. */
export function listInvitations(store: Store): PendingInvitation[] {
  const rows = store.database
    .prepare(
      `select * from invitations where workspace_id = ? and email is not null
         and user_id is null and expires_at_ms >= ? order by lower(email), created_at_ms`,
    )
    .all(ensureWorkspace(store).id, store.clock.wallMs());
  return rows.map((row) => ({
    email: String(row['email']),
    role: row['role'] as Role,
    sources: rightsFrom(row['sources']),
    expiresAtMs: Number(row['expires_at_ms']),
  }));
}

/** Puts an end to what was offered to somebody new; returns how many there were. */
export function deleteInvitations(store: Store, email: string): number {
  const { changes } = store.database
    .prepare(
      `delete from invitations
       where workspace_id = ? and lower(email) = lower(?) and user_id is null`,
    )
    .run(ensureWorkspace(store).id, email);
  return Number(changes);
}

/** Uses it up, with what is done for it, or not at all. @throws MillraceError NOT_FOUND */
export function acceptInvitation<T>(
  store: Store,
  secret: string,
  accept: (invitation: Invitation) => T,
): T {
  return inStoreTransaction(store, () => {
    const invitation = findInvitation(store, secret);
    if (!invitation) throw new MillraceError('NOT_FOUND', 'The link is used up or too old');
    store.database.prepare('delete from invitations where digest = ?').run(digestOf(secret));
    return accept(invitation);
  });
}

function hasOwner(store: Store): boolean {
  const row = store.database
    .prepare(`select user_id from memberships where workspace_id = ? and role = 'owner' limit 1`)
    .get(ensureWorkspace(store).id);
  return row !== undefined;
}

/** As the table has them. */
export function rightsFrom(value: unknown): SourceRights | null {
  return typeof value === 'string' ? (JSON.parse(value) as SourceRights) : null;
}
