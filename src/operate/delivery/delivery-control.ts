/** What the admin listener can ask of delivery. */
import { MillraceError } from '../../base/errors.ts';
import type { DeliveryControl } from '../../admin/delivery-routes.ts';
import type { DestinationStatus } from '../../deliver/destination-status.ts';
import {
  describeDestinationType,
  listDestinationTypes,
} from '../../destinations/destination-registry.ts';
import { previewMapping } from '../../destinations/segment-actions/segment-type.ts';
import { recordAudit } from '../../store/people/audit.ts';
import type { Actor } from '../../store/people/audit.ts';
import { findDestination, listDestinations } from '../../store/destinations/destinations.ts';
import type { StoredDestination } from '../../store/destinations/destinations.ts';
import { inStoreTransaction } from '../../store/store.ts';
import type { DeliveryClient } from '../../deliver/delivery-threads.ts';
import { deliveryPlan } from '../../deliver/delivery-plan.ts';
import {
  auditDestination,
  changeDestination,
  makeDestination,
  removeDestination,
  shownDestination,
} from '../destinations/change-destination.ts';
import { traceMessage } from '../trace/trace-message.ts';
import type { LakeService } from '../../query/lake-service.ts';
import type { ServerParts } from '../server-parts.ts';

/** Changes reach the delivery threads before the caller gets its answer. */
export function createDeliveryControl(
  parts: ServerParts,
  lake: LakeService,
  delivery: DeliveryClient,
): DeliveryControl {
  const { store, sealer } = parts;
  /** Of what changes the state of a destination, which is not in the control store. */
  const auditWork = (actor: Actor, action: string, slug: string, after: object): void => {
    const found = findDestination(store, sealer, slug);
    const resource = { type: 'destination', id: found?.id ?? slug, name: found?.name ?? slug };
    recordAudit(store, actor, { action, resource, after });
  };
  return {
    sourcesOf: (slug) => destinationOf(parts, slug).sources,
    async list() {
      const statuses = new Map((await delivery.askAll('status', {})).map((s) => [s.id, s]));
      return listDestinations(store, sealer).map((destination) => {
        const status = statuses.get(destination.id);
        return {
          ...shownDestination(destination),
          slug: destination.slug,
          sources: destination.sources,
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
        auditDestination(store, actor, 'Destination Created', null, created);
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
        auditDestination(store, actor, 'Destination Modified', found, changed);
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
        if (found) auditDestination(store, actor, 'Destination Deleted', found, null);
      });
      delivery.setPlan(deliveryPlan(parts));
      return Promise.resolve();
    },
    test: (destination) => delivery.ask('test', { destination }),
    deadLetterGroups: (destination) => delivery.ask('dead-letter-groups', { destination }),
    deadLetters: (destination, filter, page) =>
      delivery.ask('dead-letters', { destination, filter, ...page }),
    deadLetter: (destination, id) => delivery.ask('dead-letter', { destination, id }),
    async retryDeadLetters(destination, filter, actor) {
      const done = await delivery.ask('retry-dead-letters', { destination, filter });
      auditWork(actor, 'Dead Letters Retried', destination, { filter, ...done });
      return done;
    },
    async discardDeadLetters(destination, filter, reason, actor) {
      const done = await delivery.ask('discard-dead-letters', { destination, filter, reason });
      auditWork(actor, 'Dead Letters Discarded', destination, { filter, reason, ...done });
      return done;
    },
    replays: (destination) => delivery.ask('replays', { destination }),
    async startReplay(destination, spec, actor) {
      const replay = await delivery.ask('start-replay', { destination, spec });
      auditWork(actor, 'Replay Started', destination, { id: replay.id, spec });
      return replay;
    },
    dryRunReplay: (destination, spec) => delivery.ask('dry-run-replay', { destination, spec }),
    async steerReplay(destination, id, action, actor) {
      const replay = await delivery.ask('steer-replay', { destination, id, action });
      auditWork(actor, STEERED[action], destination, { id, state: replay.state });
      return replay;
    },
    trace: (messageId) => traceMessage(messageId, lake, delivery),
  };
}

const STEERED = {
  pause: 'Replay Paused',
  resume: 'Replay Resumed',
  cancel: 'Replay Cancelled',
} as const;

/** @throws MillraceError NOT_FOUND */
function destinationOf({ store, sealer }: ServerParts, slug: string): StoredDestination {
  const found = findDestination(store, sealer, slug);
  if (found) return found;
  throw new MillraceError('NOT_FOUND', `There is no destination ${slug}`, { field: 'slug' });
}

/** What the list does not say already. */
function statusOf(status: DestinationStatus) {
  const { failure, breaker, live, delivered, filtered, discarded, expired, deadLetters } = status;
  return { failure, breaker, live, delivered, filtered, discarded, expired, deadLetters };
}
