/** What the admin listener serves to people who are not signed in yet. */
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context } from 'hono';
import type { AdminPart } from './admin-part.ts';
import { oidcRoutes } from './oidc-routes.ts';
import { createSignInLimit } from './sign-in-limit.ts';
import { createOidcProvider } from './oidc-provider.ts';
import type { ServerParts } from '../operate/server-parts.ts';

export function openAdminParts(parts: ServerParts): AdminPart[] {
  const { config, store, sealer, net, clock, logger } = parts;
  const { oidc } = config;
  const limit = createSignInLimit(config.admin.signIns, clock);
  const addressOf = (c: Context) => getConnInfo(c).remote.address ?? '';
  const provider = oidc && createOidcProvider(oidc, { net, clock, logger });
  const elsewhere = oidc && provider && { ...oidc, provider };
  const routes = oidcRoutes({ store, sealer, limit, addressOf, oidc: elsewhere });
  return [{ path: '/admin', routes }];
}
