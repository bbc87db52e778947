/** Makes what changed in the control store known to all threads of this process. */
import { authSnapshot } from '../store/sources/auth-snapshot.ts';
import { listSourcesEver } from '../store/sources/sources.ts';
import type { RunningParts } from '../serve/chores.ts';
import { deliveryPlan } from '../deliver/delivery-plan.ts';
import type { ServerParts } from './server-parts.ts';

export function publishStore(
  parts: ServerParts,
  { collectors, lake, delivery }: RunningParts,
): void {
  // Lake and delivery hear of a source before a collector takes its events: rows would lack its
  // name, and routing would not know whose they are.
  const snapshot = authSnapshot(parts.store, parts.config);
  lake.setSources(listSourcesEver(parts.store));
  delivery.setPlan(deliveryPlan(parts));
  collectors.setSnapshot(snapshot);
}
