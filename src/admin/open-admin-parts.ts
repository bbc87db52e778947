/** What the admin listener serves to people who are not signed in yet. */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { createClientAddress } from '../collect/client-address.ts';
import type { AdminPart } from './admin-part.ts';
import { oidcRoutes } from './oidc-routes.ts';
import { createSignInLimit } from './sign-in-limit.ts';
import { createOidcProvider } from './oidc-provider.ts';
import type { ServerParts } from '../operate/server-parts.ts';

export function openAdminParts(parts: ServerParts): AdminPart[] {
  const { config, store, sealer, net, clock, logger } = parts;
  const { oidc } = config;
  const limit = createSignInLimit(config.admin.signIns, clock);
  // Behind a proxy everybody would share one budget of sign-ins.
  const clientAddress = createClientAddress(config.admin.trustedProxies);
  const addressOf = (c: Context) => clientAddress((c.env as HttpBindings).incoming);
  const provider = oidc && createOidcProvider(oidc, { net, clock, logger });
  const elsewhere = oidc && provider && { ...oidc, provider };
  const routes = oidcRoutes({ store, sealer, limit, addressOf, oidc: elsewhere });
  return [{ path: '/admin', routes }];
}
