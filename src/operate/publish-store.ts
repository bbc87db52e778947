/** Makes what changed in the control store known to all threads of this process. */
import { authSnapshot } from '../store/sources/auth-snapshot.ts';
import { listSourcesEver } from '../store/sources/sources.ts';
import { deliveryPlan } from '../deliver/delivery-plan.ts';
import type { RunningThreads } from './running-server.ts';
import type { ServerParts } from './server-parts.ts';

export type Publishing = Pick<ServerParts, 'store' | 'sealer' | 'config'> & RunningThreads;

export function publishStore(server: Publishing): void {
  const { store, config, collectors, lake, delivery } = server;
  // Lake and delivery hear of a source before a collector takes its events: rows would lack its
  // name, and routing would not know whose they are.
  const snapshot = authSnapshot(store, config);
  lake.setSources(listSourcesEver(store));
  delivery.setPlan(deliveryPlan(server));
  collectors.setSnapshot(snapshot);
}
