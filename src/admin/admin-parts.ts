/** What the admin listener serves behind its guard, part by part. */
import type { RunningServer } from '../operate/running-server.ts';
import { alertRoutes } from './alert-routes.ts';
import type { AdminPart } from './admin-part.ts';
import { authorizationRoutes } from './authorization-routes.ts';
import { configCodeRoutes } from './config-code-routes.ts';
import { deliveryRoutes } from './delivery-routes.ts';
import { destinationViewRoutes } from './destination-view-routes.ts';
import { historyRoutes } from './history-routes.ts';
import { overviewRoutes } from './overview-routes.ts';
import { publicApiRoutes } from './public-api/public-api-routes.ts';
import { regionRoutes } from './region-routes.ts';
import { savedQueryRoutes } from './saved-query-routes.ts';
import { schemaRoutes } from './schema-routes.ts';
import { sourceRoutes } from './source-routes.ts';
import { userLookupRoutes } from './user-lookup-routes.ts';

/** A new part adds its line here. */
export function adminParts(server: RunningServer): AdminPart[] {
  return [
    { path: '/admin', routes: deliveryRoutes(server) },
    { path: '/admin', routes: overviewRoutes(server) },
    { path: '/admin', routes: sourceRoutes(server) },
    { path: '/admin', routes: configCodeRoutes(server) },
    { path: '/admin', routes: destinationViewRoutes(server) },
    { path: '/admin', routes: authorizationRoutes(server) },
    { path: '/admin', routes: savedQueryRoutes(server) },
    { path: '/admin', routes: schemaRoutes(server) },
    { path: '/admin', routes: regionRoutes(server) },
    { path: '/', routes: publicApiRoutes(server) },
    { path: '/admin', routes: historyRoutes(server) },
    { path: '/admin', routes: alertRoutes(server) },
    { path: '/admin', routes: userLookupRoutes(server) },
  ];
}
