/** Changes of people that are alike in the admin API and in Segment's: who may, and the audit. */
import { MillraceError } from '../../base/errors.ts';
import { recordAudit } from '../../store/people/audit.ts';
import type {
  PendingInvitation,
  Actor,
  Role,
  SourceRights,
  User,
} from '../../store/people/people-shapes.ts';
import { createInvitation, deleteInvitations } from '../../store/people/invitations.ts';
import { inStoreTransaction } from '../../store/store.ts';
import type { Store } from '../../store/store.ts';
import { changeUser, deleteUser, findUserByEmail, mustFindUser } from '../../store/people/users.ts';
import { requireRoleOf } from '../rights/actor-rights.ts';
import type { InvitationView, UserView } from './account-shapes.ts';

export interface PersonChange {
  role?: Role;
  sources?: SourceRights | null;
  isEnabled?: boolean;
  name?: string;
}

/**
 * Puts an end to the invitations before it of the same person.
 * @returns the secret of the link.
 * @throws MillraceError FORBIDDEN, or CONFLICT for somebody who has an account.
 */
export function invite(
  store: Store,
  actor: Actor,
  given: { email: string; role: Role; sources: SourceRights | null },
): string {
  requireRoleOf(actor, given.role === 'owner' ? 'owner' : 'admin');
  if (findUserByEmail(store, given.email)) {
    const message = `A user with the email ${given.email} exists`;
    throw new MillraceError('CONFLICT', message, { field: 'email' });
  }
  return inStoreTransaction(store, () => {
    deleteInvitations(store, given.email);
    const secret = createInvitation(store, { ...given, userId: null });
    const resource = { type: 'invitation', id: given.email, name: given.email };
    recordAudit(store, actor, { action: 'User Invited', resource, after: given });
    return secret;
  });
}

/** @throws MillraceError NOT_FOUND, FORBIDDEN */
export function withdrawInvitation(store: Store, actor: Actor, email: string): void {
  requireRoleOf(actor, 'admin');
  inStoreTransaction(store, () => {
    if (deleteInvitations(store, email) === 0) {
      throw new MillraceError('NOT_FOUND', `Nobody is invited as ${email}`, { field: 'email' });
    }
    const resource = { type: 'invitation', id: email, name: email };
    recordAudit(store, actor, { action: 'Invitation Withdrawn', resource });
  });
}

/** @throws MillraceError NOT_FOUND, FORBIDDEN, CONFLICT for the last owner. */
export function changePerson(store: Store, actor: Actor, id: string, change: PersonChange): User {
  requireRoleOf(actor, change.role === 'owner' ? 'owner' : 'admin');
  const before = mustFindUser(store, id);
  requireNotAbove(actor, before);
  return inStoreTransaction(store, () => {
    const changed = changeUser(store, before.id, change);
    const entry = userEntry('User Modified', changed, userView(before), userView(changed));
    recordAudit(store, actor, entry);
    return changed;
  });
}

/** @throws MillraceError NOT_FOUND, FORBIDDEN, CONFLICT for the last owner. */
export function deletePerson(store: Store, actor: Actor, id: string): void {
  requireRoleOf(actor, 'admin');
  const before = mustFindUser(store, id);
  requireNotAbove(actor, before);
  inStoreTransaction(store, () => {
    deleteUser(store, before.id);
    recordAudit(store, actor, userEntry('User Deleted', before, userView(before), null));
  });
}

/** @throws MillraceError FORBIDDEN: only an owner changes an owner. */
export function requireNotAbove(actor: Actor, user: User): void {
  if (user.role !== 'owner' || actor.role === 'owner') return;
  throw new MillraceError('FORBIDDEN', 'Only an owner can change an owner');
}

export function userView({ createdAtMs, ...user }: User): UserView {
  return { ...user, createdAt: new Date(createdAtMs).toISOString() };
}

export function invitationView({ expiresAtMs, ...about }: PendingInvitation): InvitationView {
  return { ...about, expiresAt: new Date(expiresAtMs).toISOString() };
}

/** What the audit log says of a change of somebody. */
export function userEntry(
  action: string,
  { id, email: name }: User,
  before: unknown,
  after: unknown,
) {
  return { action, resource: { type: 'user', id, name }, before, after };
}
