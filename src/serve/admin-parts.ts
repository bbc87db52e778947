/** What the admin listener serves behind its guard, part by part. */
import { alertRoutes } from '../admin/alert-routes.ts';
import type { AdminPart } from '../admin/admin-server.ts';
import { configCodeRoutes } from '../admin/config-code-routes.ts';
import { destinationViewRoutes } from '../admin/destination-view-routes.ts';
import { historyRoutes } from '../admin/history-routes.ts';
import { overviewRoutes } from '../admin/overview-routes.ts';
import { publicApiRoutes } from '../admin/public-api/public-api-routes.ts';
import { regionRoutes } from '../admin/region-routes.ts';
import { savedQueryRoutes } from '../admin/saved-query-routes.ts';
import { schemaRoutes } from '../admin/schema-routes.ts';
import { sourceRoutes } from '../admin/source-routes.ts';
import { userLookupRoutes } from '../admin/user-lookup-routes.ts';
import type { AdminSeams } from './admin-seams.ts';
import { createConfigCodeControl } from './config-code-control.ts';
import { createDestinationViewControl } from './destination-view-control.ts';
import { createOverviewControl } from './overview-control.ts';
import { createPublicApiControl } from './public-api-control.ts';
import { createRegionControl } from './region-control.ts';
import { createSavedQueryControl } from './saved-query-control.ts';
import { createSchemaControl } from './schema-control.ts';
import { createSourceControl } from './source-control.ts';
import { createUserLookupControl } from './user-lookup-control.ts';

/** A new part adds its line here. */
export function adminParts(seams: AdminSeams): AdminPart[] {
  const { parts, lake, delivery } = seams;
  const destinationViews = createDestinationViewControl(parts, lake, delivery);
  return [
    { path: '/admin', routes: overviewRoutes(createOverviewControl(seams)) },
    { path: '/admin', routes: sourceRoutes(createSourceControl(seams)) },
    { path: '/admin', routes: configCodeRoutes(createConfigCodeControl(seams)) },
    { path: '/admin', routes: destinationViewRoutes(destinationViews) },
    { path: '/admin', routes: savedQueryRoutes(createSavedQueryControl(parts.store, lake)) },
    { path: '/admin', routes: schemaRoutes(createSchemaControl(parts, lake)) },
    { path: '/admin', routes: regionRoutes(createRegionControl(parts)) },
    { path: '/', routes: publicApiRoutes(createPublicApiControl(seams), parts.logger) },
    { path: '/admin', routes: historyRoutes(seams.keeper.history) },
    { path: '/admin', routes: alertRoutes(seams.keeper.alerts) },
    { path: '/admin', routes: userLookupRoutes(createUserLookupControl(lake)) },
  ];
}
