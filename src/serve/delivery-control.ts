/** What the admin listener can ask of delivery. */
import { MillraceError } from '../base/errors.ts';
import type { DeliveryControl } from '../admin/delivery-routes.ts';
import type { DestinationStatus } from '../deliver/destination-run.ts';
import { describeDestinationType, listDestinationTypes } from '../destinations/registry.ts';
import { previewMapping } from '../destinations/segment-actions/segment-type.ts';
import { recordAudit } from '../store/audit.ts';
import type { Actor } from '../store/audit.ts';
import { findDestination, listDestinations } from '../store/destinations.ts';
import type { StoredDestination } from '../store/destinations.ts';
import { inStoreTransaction } from '../store/store.ts';
import type { DeliveryClient } from './delivery-client.ts';
import { deliveryPlan } from './delivery-plan.ts';
import {
  changeDestination,
  makeDestination,
  removeDestination,
  shownDestination,
} from './destination-control.ts';
import { traceMessage } from './trace-message.ts';
import type { LakeClient } from './lake-client.ts';
import type { ServerParts } from './server-parts.ts';

/** Changes reach the delivery threads before the caller gets its answer. */
export function createDeliveryControl(
  parts: ServerParts,
  lake: LakeClient,
  delivery: DeliveryClient,
): DeliveryControl {
  const { store, sealer } = parts;
  const audit = (
    actor: Actor,
    action: string,
    { id, name }: StoredDestination,
    before: StoredDestination | null,
    after: StoredDestination | null,
  ): void =>
    recordAudit(store, actor, {
      action,
      resource: { type: 'destination', id, name },
      before: before && shownDestination(before),
      after: after && shownDestination(after),
    });
  return {
    async list() {
      const statuses = new Map((await delivery.askAll('status', {})).map((s) => [s.id, s]));
      return listDestinations(store, sealer).map((destination) => {
        const status = statuses.get(destination.id);
        return {
          ...shownDestination(destination),
          status: status ? statusOf(status) : null,
        };
      });
    },
    types: () => listDestinationTypes(),
    type(name) {
      const found = describeDestinationType(name);
      if (found) return found;
      throw new MillraceError('NOT_FOUND', `There is no type ${name}`, { field: 'type' });
    },
    preview: (type, { action, mapping, event }) => previewMapping(type, action, mapping, event),
    async create(body, actor) {
      const made = inStoreTransaction(store, () => {
        const created = makeDestination(parts, body);
        audit(actor, 'Destination Created', created, null, created);
        return created;
      });
      delivery.setPlan(deliveryPlan(parts));
      // Whoever has the answer may send an event, and it shall arrive.
      await delivery.ask('settled', { destination: made.slug });
      return shownDestination(made);
    },
    async update(slug, body, actor) {
      const made = inStoreTransaction(store, () => {
        const found = findDestination(store, sealer, slug) ?? null;
        const changed = changeDestination(parts, slug, body);
        audit(actor, 'Destination Modified', changed, found, changed);
        return changed;
      });
      delivery.setPlan(deliveryPlan(parts));
      await delivery.ask('settled', { destination: slug });
      return shownDestination(made);
    },
    remove(slug, actor) {
      inStoreTransaction(store, () => {
        const found = findDestination(store, sealer, slug);
        removeDestination(parts, slug);
        if (found) audit(actor, 'Destination Deleted', found, found, null);
      });
      delivery.setPlan(deliveryPlan(parts));
      return Promise.resolve();
    },
    test: (destination) => delivery.ask('test', { destination }),
    deadLetterGroups: (destination) => delivery.ask('dead-letter-groups', { destination }),
    deadLetters: (destination, filter, page) =>
      delivery.ask('dead-letters', { destination, filter, ...page }),
    deadLetter: (destination, id) => delivery.ask('dead-letter', { destination, id }),
    retryDeadLetters: (destination, filter) =>
      delivery.ask('retry-dead-letters', { destination, filter }),
    discardDeadLetters: (destination, filter, reason) =>
      delivery.ask('discard-dead-letters', { destination, filter, reason }),
    replays: (destination) => delivery.ask('replays', { destination }),
    startReplay: (destination, spec) => delivery.ask('start-replay', { destination, spec }),
    dryRunReplay: (destination, spec) => delivery.ask('dry-run-replay', { destination, spec }),
    steerReplay: (destination, id, action) =>
      delivery.ask('steer-replay', { destination, id, action }),
    trace: (messageId) => traceMessage(messageId, lake, delivery),
  };
}

/** What the list does not say already. */
function statusOf(status: DestinationStatus) {
  const { failure, breaker, live, delivered, filtered, discarded, expired, deadLetters } = status;
  return { failure, breaker, live, delivered, filtered, discarded, expired, deadLetters };
}
