/** Configuration as code on the running server: its threads know of a change before the answer. */
import { findDestination } from '../../store/destinations/destinations.ts';
import { publishStore } from '../publish-store.ts';
import type { RunningServer } from '../running-server.ts';
import { applyConfig } from './config-apply.ts';
import type { ApplyOptions } from './config-apply.ts';
import type { ConfigDocument } from './config-document.ts';
import type { ConfigPlan } from './config-plan.ts';

/** @throws MillraceError as applyConfig */
export async function applyToServer(
  server: RunningServer,
  document: ConfigDocument,
  options: ApplyOptions,
): Promise<ConfigPlan> {
  const { store, sealer, delivery } = server;
  const plan = applyConfig(server, document, options);
  if (!plan.applied || plan.changes.length === 0) return plan;
  publishStore(server);
  // Whoever has the answer may send an event, and it shall arrive.
  for (const { kind, name } of plan.changes) {
    const isThere = kind === 'destination' && findDestination(store, sealer, name);
    if (isThere) await delivery.ask('settled', { destination: name });
  }
  return plan;
}
