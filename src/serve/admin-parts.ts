/** What the admin listener serves behind its guard, part by part. */
import type { AdminPart, Health } from '../admin/admin-server.ts';
import { destinationViewRoutes } from '../admin/destination-view-routes.ts';
import type { Snapshot } from '../observe/metrics.ts';
import type { DeliveryClient } from './delivery-client.ts';
import { createDestinationViewControl } from './destination-view-control.ts';
import type { LakeClient } from './lake-client.ts';
import type { ServerParts } from './server-parts.ts';

/** What a part may use of the running server. */
export interface AdminSeams {
  parts: ServerParts;
  lake: LakeClient;
  delivery: DeliveryClient;
  health(): Health;
  /** Of all threads, at this moment. */
  metrics(): readonly Snapshot[];
}

/** A new part adds its line here. */
export function adminParts({ parts, lake, delivery }: AdminSeams): AdminPart[] {
  const destinationViews = createDestinationViewControl(parts, lake, delivery);
  return [{ path: '/admin', routes: destinationViewRoutes(destinationViews) }];
}
