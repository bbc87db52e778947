/** People who may sign in, and their roles. */
import { MillraceError } from '../../base/errors.ts';
import type { Role, SourceRights } from './people-shapes.ts';
import { inStoreTransaction } from '../store.ts';
import type { Store } from '../store.ts';
import { ensureWorkspace } from '../workspace/workspaces.ts';
import type { User } from './people-shapes.ts';

export interface NewUser {
  email: string;
  name: string;
  role: Role;
  /** What a member or viewer may see and change; by default all sources. */
  sources?: SourceRights | null;
  /** As `hashPassword` makes it; null for one who signs in elsewhere. */
  password: string | null;
}

const EMAIL = /^[^\s@\p{Cc}]{1,200}@[^\s@\p{Cc}]{1,200}$/u;
const SELECT = `select users.*, memberships.role, memberships.sources from users
  join memberships on memberships.user_id = users.id and memberships.workspace_id = ?`;

/** @throws MillraceError INVALID_ARGUMENT for a bad email, CONFLICT for a known one. */
export function createUser(store: Store, given: NewUser): User {
  const { email, name, role, password, sources = null } = given;
  if (!EMAIL.test(email)) {
    throw new MillraceError('INVALID_ARGUMENT', 'email: not an address', { field: 'email' });
  }
  return inStoreTransaction(store, () => {
    if (isKnown(store, email)) {
      const message = `A user with the email ${email} exists`;
      throw new MillraceError('CONFLICT', message, { field: 'email' });
    }
    const id = store.random.uuid();
    store.database
      .prepare(
        'insert into users (id, email, name, password, created_at_ms) values (?, ?, ?, ?, ?)',
      )
      .run(id, email, name.slice(0, 200), password, store.clock.wallMs());
    store.database
      .prepare('insert into memberships (workspace_id, user_id, role, sources) values (?, ?, ?, ?)')
      .run(ensureWorkspace(store).id, id, role, sources === null ? null : JSON.stringify(sources));
    return mustFindUser(store, id);
  });
}

/** By email, oldest first. */
export function listUsers(store: Store): User[] {
  const rows = store.database
    .prepare(`${SELECT} order by users.created_at_ms, users.email`)
    .all(ensureWorkspace(store).id);
  return rows.map(userFrom);
}

export function findUser(store: Store, id: string): User | undefined {
  const row = store.database
    .prepare(`${SELECT} where users.id = ?`)
    .get(ensureWorkspace(store).id, id);
  return row && userFrom(row);
}

/** @throws MillraceError NOT_FOUND */
export function mustFindUser(store: Store, id: string): User {
  const found = findUser(store, id);
  if (found) return found;
  throw new MillraceError('NOT_FOUND', `There is no user ${id}`, { field: 'id' });
}

/** With the hash of the password, for signing in. */
export function findUserByEmail(
  store: Store,
  email: string,
): { user: User; password: string | null } | undefined {
  const row = store.database
    .prepare(`${SELECT} where lower(users.email) = lower(?)`)
    .get(ensureWorkspace(store).id, email);
  if (!row) return undefined;
  return {
    user: userFrom(row),
    password: row['password'] === null ? null : String(row['password']),
  };
}

/**
 * Changes role, rights or state. What is disabled, or may less, loses its sessions.
 * @throws MillraceError NOT_FOUND, or CONFLICT when nobody would own the workspace any more.
 */
export function changeUser(
  store: Store,
  id: string,
  change: { role?: Role; sources?: SourceRights | null; isEnabled?: boolean; name?: string },
): User {
  return inStoreTransaction(store, () => {
    const before = mustFindUser(store, id);
    const next = { ...before, ...change };
    store.database
      .prepare('update users set name = ?, is_enabled = ? where id = ?')
      .run(next.name, next.isEnabled ? 1 : 0, id);
    store.database
      .prepare(
        'update memberships set role = ?, sources = ? where user_id = ? and workspace_id = ?',
      )
      .run(
        next.role,
        next.sources === null ? null : JSON.stringify(next.sources),
        id,
        ensureWorkspace(store).id,
      );
    if (before.role === 'owner') requireOwner(store);
    store.database.prepare('delete from sessions where user_id = ?').run(id);
    return mustFindUser(store, id);
  });
}

/** @throws MillraceError NOT_FOUND, or CONFLICT for the last owner. */
export function deleteUser(store: Store, id: string): void {
  inStoreTransaction(store, () => {
    const { role } = mustFindUser(store, id);
    store.database
      .prepare('delete from memberships where user_id = ? and workspace_id = ?')
      .run(id, ensureWorkspace(store).id);
    store.database
      .prepare(
        `delete from users where id = ? and not exists
           (select 1 from memberships where user_id = users.id)`,
      )
      .run(id);
    if (role === 'owner') requireOwner(store);
  });
}

/** All sessions end, because whoever knew the old password may have one. */
export function setPassword(store: Store, id: string, password: string): void {
  inStoreTransaction(store, () => {
    store.database.prepare('update users set password = ? where id = ?').run(password, id);
    store.database.prepare('delete from sessions where user_id = ?').run(id);
  });
}

/** In any workspace: an invitation to one must not set the password of another's user. */
function isKnown(store: Store, email: string): boolean {
  return (
    store.database.prepare('select 1 from users where lower(email) = lower(?)').get(email) !==
    undefined
  );
}

function requireOwner(store: Store): void {
  const isOwned = listUsers(store).some(({ role, isEnabled }) => role === 'owner' && isEnabled);
  if (isOwned) return;
  throw new MillraceError('CONFLICT', 'Somebody enabled has to be owner', { field: 'role' });
}

function userFrom(row: Record<string, unknown>): User {
  const { sources } = row;
  return {
    id: String(row['id']),
    email: String(row['email']),
    name: String(row['name']),
    role: row['role'] as Role,
    sources: sources === null ? null : (JSON.parse(String(sources)) as SourceRights),
    isEnabled: row['is_enabled'] === 1,
    createdAtMs: Number(row['created_at_ms']),
  };
}
