/** What the admin listener serves behind its guard, part by part. */
import { alertRoutes } from './alert-routes.ts';
import type { AdminPart } from './admin-server.ts';
import { configCodeRoutes } from './config-code-routes.ts';
import { destinationViewRoutes } from './destination-view-routes.ts';
import { historyRoutes } from './history-routes.ts';
import { overviewRoutes } from './overview-routes.ts';
import { publicApiRoutes } from './public-api/public-api-routes.ts';
import { regionRoutes } from './region-routes.ts';
import { savedQueryRoutes } from './saved-query-routes.ts';
import { schemaRoutes } from './schema-routes.ts';
import { sourceRoutes } from './source-routes.ts';
import { userLookupRoutes } from './user-lookup-routes.ts';
import type { AdminSeams } from './admin-seams.ts';
import { createConfigCodeControl } from '../operate/config-code/config-code-control.ts';
import { createDestinationViewControl } from '../operate/destinations/destination-view.ts';
import { createOverviewControl } from '../operate/overview/overview-control.ts';
import { createPublicApiControl } from './public-api/public-api-control.ts';
import { createRegionControl } from '../operate/overview/region-sizes.ts';
import { createSavedQueryControl } from '../operate/sql/sql-tables.ts';
import { createSchemaControl } from '../operate/schema/seen-schema.ts';
import { createSourceControl } from '../operate/sources/source-control.ts';
import { createUserLookupControl } from '../operate/people/user-lookup.ts';

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
