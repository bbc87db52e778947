/** Makes what changed in the control store known to all threads of this process. */
import { authSnapshot } from '../store/auth-snapshot.ts';
import { listSourcesEver } from '../store/sources.ts';
import type { RunningParts } from './chores.ts';
import { deliveryPlan } from './delivery-plan.ts';
import type { ServerParts } from './server-parts.ts';

export function publishStore(
  parts: ServerParts,
  { collectors, lake, delivery }: RunningParts,
): void {
  // The lake hears of a source before a collector takes its events, or rows would lack its name.
  const snapshot = authSnapshot(parts.store, parts.config);
  lake.setSources(listSourcesEver(parts.store));
  collectors.setSnapshot(snapshot);
  delivery.setPlan(deliveryPlan(parts));
}
