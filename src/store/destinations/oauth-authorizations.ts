/**
 * OAuth tokens that a person got by signing in at a service, sealed. They stand beside the
 * settings, which have the application (`clientId`, `clientSecret`), because a declared
 * destination says the same at every start, and no file needs to hold a token.
 */
import type { SealedColumn } from '../sealing/reseal-rows.ts';
import type { Sealer } from '../sealing/sealing.ts';
import type { Store } from '../store.ts';
import { ensureWorkspace } from '../workspace/workspaces.ts';
import { dropRenewedTokens } from './renewed-tokens.ts';

export interface OauthAuthorization {
  /** Of the application that the person let in; of another one the tokens are worth nothing. */
  clientId: string;
  /** As in the setting `oauth`. */
  tokens: { access_token: string; refresh_token?: string };
}

/** Who signed in, and when. */
export interface AuthorizationNote {
  authorizedAtMs: number;
  authorizedBy: string;
}

/** The place of the tokens, for sealing. */
function placeOf(destinationId: string): string {
  return `oauth-authorization/${destinationId}`;
}

export const OAUTH_AUTHORIZATIONS: SealedColumn = {
  table: 'oauth_authorizations',
  key: 'destination_id',
  column: 'sealed',
  placeOf,
};

/** Replaces an earlier one. @param authorizedBy as the audit log names people. */
export function keepAuthorization(
  store: Store,
  sealer: Sealer,
  destinationId: string,
  { authorization, authorizedBy }: { authorization: OauthAuthorization; authorizedBy: string },
): void {
  const sealed = sealer.seal(JSON.stringify(authorization), placeOf(destinationId));
  store.database
    .prepare(
      `insert into oauth_authorizations
         (destination_id, sealed, authorized_at_ms, authorized_by) values (?, ?, ?, ?)
       on conflict (destination_id) do update set sealed = excluded.sealed,
         authorized_at_ms = excluded.authorized_at_ms, authorized_by = excluded.authorized_by`,
    )
    .run(destinationId, sealed, store.clock.wallMs(), authorizedBy);
}

/**
 * Forgets it, and what the service gave instead of these tokens since: it is as good as they are.
 * @returns whether there was one.
 */
export function dropAuthorization(store: Store, destinationId: string): boolean {
  const { changes } = store.database
    .prepare('delete from oauth_authorizations where destination_id = ?')
    .run(destinationId);
  dropRenewedTokens(store, destinationId);
  return Number(changes) > 0;
}

/** By the ids of destinations; needs no key. */
export function listAuthorizationNotes(store: Store): Map<string, AuthorizationNote> {
  const rows = store.database
    .prepare(
      `select destination_id, authorized_at_ms, authorized_by from oauth_authorizations
       where destination_id in (select id from destinations where workspace_id = ?)`,
    )
    .all(ensureWorkspace(store).id);
  return new Map(
    rows.map((row) => [
      String(row['destination_id']),
      {
        authorizedAtMs: Number(row['authorized_at_ms']),
        authorizedBy: String(row['authorized_by']),
      },
    ]),
  );
}

/** By the ids of destinations. @throws MillraceError SECRETS_SEALED */
export function listAuthorizations(store: Store, sealer: Sealer): Map<string, OauthAuthorization> {
  const rows = store.database
    .prepare(
      `select destination_id, sealed from oauth_authorizations
       where destination_id in (select id from destinations where workspace_id = ?)`,
    )
    .all(ensureWorkspace(store).id);
  return new Map(
    rows.map((row) => {
      const id = String(row['destination_id']);
      const text = sealer.open(row['sealed'] as Uint8Array, placeOf(id));
      return [id, JSON.parse(text) as OauthAuthorization];
    }),
  );
}

/** Settings with the tokens of whoever signed in, if it was with their application. */
export function authorizedSettings(
  settings: Record<string, unknown>,
  authorization: OauthAuthorization | undefined,
): Record<string, unknown> {
  const { oauth } = settings;
  if (!authorization || typeof oauth !== 'object' || oauth === null) return settings;
  const isItsOwn = 'clientId' in oauth && oauth.clientId === authorization.clientId;
  return isItsOwn ? { ...settings, oauth: { ...oauth, ...authorization.tokens } } : settings;
}
