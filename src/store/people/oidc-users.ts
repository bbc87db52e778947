/** People by what an OpenID Connect provider says of them. */
import { MillraceError } from '../../base/errors.ts';
import type { Role, SourceRights, User } from './people-shapes.ts';
import { rightsFrom } from './invitations.ts';
import { inStoreTransaction } from '../store.ts';
import type { Store } from '../store.ts';
import { findUser } from './users.ts';
import { ensureWorkspace } from '../workspace/workspaces.ts';

/** @param subject issuer and subject: what never changes, and is given to nobody else. */
export function findUserByOidcSubject(store: Store, subject: string): User | undefined {
  const row = store.database.prepare('select id from users where oidc_subject = ?').get(subject);
  return row && findUser(store, String(row['id']));
}

/** @throws MillraceError CONFLICT when the account is another person's at the provider. */
export function linkOidcSubject(store: Store, userId: string, subject: string): void {
  inStoreTransaction(store, () => {
    const row = store.database.prepare('select oidc_subject from users where id = ?').get(userId);
    const known = row?.['oidc_subject'] ?? null;
    if (known !== null && known !== subject) {
      throw new MillraceError('CONFLICT', 'The account belongs to another person there');
    }
    store.database.prepare('update users set oidc_subject = ? where id = ?').run(subject, userId);
  });
}

/** Uses up all open invitations of an address. @returns the newest; undefined: there is none. */
export function takeInvitationsOf(
  store: Store,
  email: string,
): { role: Role; sources: SourceRights | null } | undefined {
  return inStoreTransaction(store, () => {
    const workspace = ensureWorkspace(store).id;
    const row = store.database
      .prepare(
        `select role, sources from invitations where workspace_id = ? and lower(email) = ?
           and user_id is null and expires_at_ms >= ? order by created_at_ms desc limit 1`,
      )
      .get(workspace, email.toLowerCase(), store.clock.wallMs());
    store.database
      .prepare('delete from invitations where workspace_id = ? and lower(email) = ?')
      .run(workspace, email.toLowerCase());
    return row && { role: row['role'] as Role, sources: rightsFrom(row['sources']) };
  });
}
