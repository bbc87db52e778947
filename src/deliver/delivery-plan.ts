/** What delivery threads are told of the control store. */
import { listDestinations } from '../store/destinations/destinations.ts';
import {
  authorizedSettings,
  listAuthorizations,
} from '../store/destinations/oauth-authorizations.ts';
import { listRenewedTokens } from '../store/destinations/renewed-tokens.ts';
import { listSourcesEver } from '../store/sources/sources.ts';
import { listSuppressedUsers } from '../store/sources/suppressed-users.ts';
import type { DeliveryPlan } from './delivery-messages.ts';
import type { Sealer } from '../store/sealing/sealing.ts';
import type { Store } from '../store/store.ts';

/** Reads destinations, sources and suppressed users as they are now. */
export function deliveryPlan({ store, sealer }: { store: Store; sealer: Sealer }): DeliveryPlan {
  const authorizations = listAuthorizations(store, sealer);
  return {
    destinations: listDestinations(store, sealer).map((destination) => ({
      id: destination.id,
      slug: destination.slug,
      name: destination.name,
      type: destination.type,
      region: destination.region,
      state: destination.state,
      sources: destination.sources,
      settings: authorizedSettings(destination.settings, authorizations.get(destination.id)),
      consentCategories: destination.consentCategories,
      filters: destination.filters,
      delivery: destination.delivery,
      start: destination.start,
    })),
    sources: listSourcesEver(store).map(({ number, id, slug, name }) => ({
      number,
      id,
      slug,
      name,
    })),
    renewedTokens: listRenewedTokens(store, sealer),
    suppressedUsers: listSuppressedUsers(store).map(({ userId }) => userId),
  };
}
