/** Configuration as code on the running server: its threads know of a change before the answer. */
import type { ConfigCodeControl } from '../../admin/config-code-routes.ts';
import { findDestination } from '../../store/destinations/destinations.ts';
import type { AdminSeams } from '../../admin/admin-seams.ts';
import { applyConfig } from './config-apply.ts';
import { exportConfig } from './config-export.ts';
import { createSourceControl } from '../sources/source-control.ts';

export function createConfigCodeControl(seams: AdminSeams): ConfigCodeControl {
  const { parts, delivery } = seams;
  const { publish } = createSourceControl(seams);
  return {
    export: () => exportConfig(parts),
    async apply(document, options) {
      const plan = applyConfig(parts, document, options);
      if (!plan.applied || plan.changes.length === 0) return plan;
      publish();
      // Whoever has the answer may send an event, and it shall arrive.
      for (const { kind, name } of plan.changes) {
        const isThere = kind === 'destination' && findDestination(parts.store, parts.sealer, name);
        if (isThere) await delivery.ask('settled', { destination: name });
      }
      return plan;
    },
  };
}
