/** Signing in at the service of a destination: there, and back again. */
import type { SentAuthorization, SentAuthorized } from '../../../../src/admin/sent-shapes.ts';
import { send } from '../../admin-api.ts';
import { href } from '../../page-router.ts';

/** Where the service sends people back to; its application has to have it registered. */
export function authorizedUrl(): string {
  return window.location.origin + href('/authorized');
}

/** Leaves the dashboard for the service. */
export async function beginAuthorization(slug: string): Promise<void> {
  const { origin } = window.location;
  const path = `/admin/destinations/${slug}/authorization`;
  const { url } = await send<{ url: string }>('POST', path, { origin } satisfies SentAuthorization);
  window.location.assign(url);
}

/** @param search of the address at which the person came back. @returns the destination's slug */
export async function finishAuthorization(search: string): Promise<string> {
  const sent: SentAuthorized = { search };
  return (await send<{ destination: string }>('POST', '/admin/authorizations', sent)).destination;
}
