/** What the routes of sources need of the running server. */
import type { SourceControl } from '../admin/source-routes.ts';
import { authSnapshot } from '../store/auth-snapshot.ts';
import { listSources } from '../store/sources.ts';
import type { AdminSeams } from './admin-seams.ts';
import { deliveryPlan } from './delivery-plan.ts';

export function createSourceControl(seams: AdminSeams): SourceControl {
  const { parts, lake, delivery, collectors } = seams;
  const { store, config } = parts;
  const { requestsPerSecond, requestBytesMax, eventBytesMax, batchEventsMax } = config.limits;
  return {
    store,
    collectorUrl: seams.collectorUrl,
    regions: Object.keys(config.regions),
    limits: {
      requestsPerSecond,
      burst: config.limits.burst ?? requestsPerSecond,
      requestBytesMax,
      eventBytesMax,
      batchEventsMax,
    },
    publish() {
      collectors.setSnapshot(authSnapshot(store, config));
      lake.setSources(listSources(store));
      delivery.setPlan(deliveryPlan(parts));
    },
  };
}
