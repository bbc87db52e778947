/** People and their roles as a document says them. Passwords are never in it. */
import type { UserItem } from './config-document.ts';
import { MillraceError } from '../../base/errors.ts';
import {
  changeUser,
  createUser,
  deleteUser,
  findUserByEmail,
  listUsers,
} from '../../store/people/users.ts';
import type { User } from '../../store/people/people-shapes.ts';
import { at, differences } from './config-applying.ts';
import type { Applying } from './config-applying.ts';
import { userItemOf } from './config-export.ts';

/** @returns what deletes those that are not named. */
export function applyUsers(applying: Applying, items: UserItem[] | undefined): () => void {
  const { store } = applying.seams;
  items?.forEach((item, index) => {
    at(`users[${index}]`, () => applyUser(applying, item));
  });
  return () => {
    if (!items) return;
    const named = new Set(items.map(({ email }) => email.toLowerCase()));
    for (const user of listUsers(store)) {
      if (!named.has(user.email.toLowerCase())) removeUser(applying, user);
    }
  };
}

function applyUser(applying: Applying, item: UserItem): void {
  const { store } = applying.seams;
  const { email, enabled, sources, name, role } = item;
  const known = findUserByEmail(store, email)?.user;
  if (!known) requireOwnerFor(applying, role);
  // Whoever is new has no password: an invitation, or signing in elsewhere, gives the first one.
  const user = known ?? createUser(store, { email, name: name ?? email, role, password: null });
  const before = userItemOf(user);
  const fields = differences(before, { name, role, sources, enabled });
  if (fields.length > 0) {
    requireOwnerFor(applying, role, user.role);
    changeUser(store, user.id, {
      role,
      ...(name !== undefined && { name }),
      ...(sources !== undefined && { sources }),
      ...(enabled !== undefined && { isEnabled: enabled }),
    });
  }
  if (known && fields.length === 0) return;
  const now = findUserByEmail(store, email)?.user ?? user;
  applying.done(
    { action: known ? 'change' : 'create', kind: 'user', name: email, fields: known ? fields : [] },
    {
      action: known ? 'User Modified' : 'User Created',
      resource: { type: 'user', id: user.id, name: email },
      before: known ? before : null,
      after: userItemOf(now),
    },
  );
}

function removeUser(applying: Applying, user: User): void {
  at('users', () => {
    requireOwnerFor(applying, user.role);
    deleteUser(applying.seams.store, user.id);
  });
  applying.done(
    { action: 'delete', kind: 'user', name: user.email, fields: [] },
    {
      action: 'User Deleted',
      resource: { type: 'user', id: user.id, name: user.email },
      before: userItemOf(user),
    },
  );
}

/** @throws MillraceError FORBIDDEN: only an owner makes or changes an owner. */
function requireOwnerFor({ actor }: Applying, ...roles: User['role'][]): void {
  if (actor.role === 'owner' || !roles.includes('owner')) return;
  throw new MillraceError('FORBIDDEN', 'Only an owner makes or changes owners', { field: 'role' });
}
