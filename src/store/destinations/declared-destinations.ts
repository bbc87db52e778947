/**
 * Applies the destinations that the configuration declares, at each start. One that is no longer
 * declared is disabled, not deleted: its dead letters and counts stay.
 */
import { MillraceError } from '../../base/errors.ts';
import type { DeclaredDestination } from '../../config/config-schema.ts';
import { createDestination, findDestination, updateDestination } from './destinations.ts';
import type { DestinationStart } from './destinations.ts';
import type { Sealer } from '../sealing/sealing.ts';
import { inStoreTransaction } from '../store.ts';
import type { Store } from '../store.ts';
import { ensureWorkspace } from '../workspace/workspaces.ts';

/** @throws MillraceError CONFIG_INVALID when a destination would change its region. */
export function applyDeclaredDestinations(
  store: Store,
  sealer: Sealer,
  declared: readonly DeclaredDestination[],
): void {
  inStoreTransaction(store, () => {
    const slugs = new Set(declared.map(({ slug }) => slug));
    const rows = store.database
      .prepare(
        `select slug from destinations
         where workspace_id = ? and origin = 'declared' and state != 'disabled'`,
      )
      .all(ensureWorkspace(store).id);
    for (const { slug } of rows) {
      if (!slugs.has(String(slug))) {
        updateDestination(store, sealer, String(slug), { state: 'disabled' });
      }
    }
    declared.forEach((destination, at) => apply(store, sealer, destination, at));
  });
}

function apply(store: Store, sealer: Sealer, declared: DeclaredDestination, at: number): void {
  const { start, ...rest } = declared;
  const found = findDestination(store, sealer, declared.slug);
  if (!found) {
    createDestination(store, sealer, { ...rest, start: startOf(start), origin: 'declared' });
    return;
  }
  if (found.region !== declared.region) {
    const field = `destinations[${at}].region`;
    throw new MillraceError(
      'CONFIG_INVALID',
      `${field}: ${declared.slug} belongs to ${found.region} (allowed: ${found.region}, or ` +
        'another slug, which is another destination)',
      { field },
    );
  }
  const { slug, region: _, ...change } = rest;
  updateDestination(store, sealer, slug, { ...change, origin: 'declared' });
}

/** `now`, `beginning`, or a time as configurations and command lines write it. */
export function startOf(text: string): DestinationStart {
  return text === 'now' || text === 'beginning' ? text : { fromMs: Date.parse(text) };
}
