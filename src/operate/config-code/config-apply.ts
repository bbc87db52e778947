/**
 * Makes the control store say what a document says: all of it in one transaction, or nothing.
 * Where document and store agree nothing is written, so that a second time changes nothing.
 */
import type { ConfigDocument } from './config-document.ts';
import type { ConfigPlan, PlannedChange } from './config-plan.ts';
import { recordAudit } from '../../store/people/audit.ts';
import type { Actor } from '../../store/people/people-shapes.ts';
import { inStoreTransaction } from '../../store/store.ts';
import { applyAlerts } from './config-apply-alerts.ts';
import { applyDestinations } from './config-apply-destinations.ts';
import { applySources } from './config-apply-sources.ts';
import { applyUsers } from './config-apply-users.ts';
import type { Applying } from './config-applying.ts';
import type { ControlSeams } from '../destinations/change-destination.ts';

export interface ApplyOptions {
  actor: Actor;
  isDryRun: boolean;
  /** Whether what the document does not name goes; sources and keys end, and stay. */
  isPruning: boolean;
}

class DryRun extends Error {}

/**
 * @throws MillraceError naming the field, such as `destinations[1].settings.url`; nothing has
 *   changed then.
 */
export function applyConfig(
  seams: ControlSeams,
  document: ConfigDocument,
  { actor: asking, isDryRun, isPruning }: ApplyOptions,
): ConfigPlan {
  const { store } = seams;
  const actor: Actor = { ...asking, type: 'config', name: `configuration by ${asking.name}` };
  const changes: PlannedChange[] = [];
  const applying: Applying = {
    seams,
    actor,
    isPruning,
    done(change, entry) {
      changes.push(change);
      recordAudit(store, actor, entry);
    },
  };
  try {
    inStoreTransaction(store, () => {
      const prunings = [
        applySources(applying, document.sources),
        applyDestinations(applying, document.destinations),
        applyUsers(applying, document.users),
        applyAlerts(applying, document.alerts),
      ];
      // Last, so that who takes over is there before who leaves goes.
      for (const prune of prunings) if (isPruning) prune();
      if (isDryRun) throw new DryRun();
    });
  } catch (error) {
    if (!(error instanceof DryRun)) throw error;
  }
  return { changes, applied: !isDryRun };
}
