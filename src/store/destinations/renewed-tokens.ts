/**
 * OAuth tokens that services gave instead of those that are configured, sealed as settings are. A
 * service that rotates refresh tokens takes each of them once: forgotten over a restart, the
 * destination would have to be connected anew. They are no settings, because a declared
 * destination says what it says, and its first tokens are what the new ones came from.
 */
import type { SealedColumn } from '../sealing/reseal-rows.ts';
import type { Sealer } from '../sealing/sealing.ts';
import type { Store } from '../store.ts';
import { ensureWorkspace } from '../workspace/workspaces.ts';

/** By the ids of destinations; opaque here. */
export type RenewedTokens = Readonly<Record<string, unknown>>;

/** The place of the tokens, for sealing. */
function placeOf(destinationId: string): string {
  return `renewed-tokens/${destinationId}`;
}

export const RENEWED_TOKENS: SealedColumn = {
  table: 'renewed_tokens',
  key: 'destination_id',
  column: 'sealed',
  placeOf,
};

/** Keeps the newest tokens of a destination; those of one that was deleted meanwhile are let go. */
export function keepRenewedTokens(
  store: Store,
  sealer: Sealer,
  destinationId: string,
  tokens: unknown,
): void {
  const sealed = sealer.seal(JSON.stringify(tokens), placeOf(destinationId));
  store.database
    .prepare(
      `insert into renewed_tokens (destination_id, sealed, renewed_at_ms)
       select id, ?, ? from destinations where id = ?
       on conflict (destination_id) do update
         set sealed = excluded.sealed, renewed_at_ms = excluded.renewed_at_ms`,
    )
    .run(sealed, store.clock.wallMs(), destinationId);
}

/** Forgets them: what they came from holds no more. */
export function dropRenewedTokens(store: Store, destinationId: string): void {
  store.database.prepare('delete from renewed_tokens where destination_id = ?').run(destinationId);
}

/** @throws MillraceError SECRETS_SEALED */
export function listRenewedTokens(store: Store, sealer: Sealer): RenewedTokens {
  const rows = store.database
    .prepare(
      `select destination_id, sealed from renewed_tokens
       where destination_id in (select id from destinations where workspace_id = ?)`,
    )
    .all(ensureWorkspace(store).id);
  return Object.fromEntries(
    rows.map((row) => {
      const id = String(row['destination_id']);
      return [id, JSON.parse(sealer.open(row['sealed'] as Uint8Array, placeOf(id))) as unknown];
    }),
  );
}
