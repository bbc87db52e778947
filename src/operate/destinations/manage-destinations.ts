/** Destinations of the running server; its delivery threads know of a change before the answer. */
import { MillraceError } from '../../base/errors.ts';
import type { DestinationStatus } from '../../deliver/delivery-shapes.ts';
import { describeDestinationType } from '../../destinations/destination-registry.ts';
import type { DestinationTypeInfo } from '../../destinations/destination-type-shapes.ts';
import type { Actor } from '../../store/people/people-shapes.ts';
import { findDestination, listDestinations } from '../../store/destinations/destinations.ts';
import type { StoredDestination } from '../../store/destinations/destinations.ts';
import { listAuthorizationNotes } from '../../store/destinations/oauth-authorizations.ts';
import type { AuthorizationNote } from '../../store/destinations/oauth-authorizations.ts';
import { inStoreTransaction } from '../../store/store.ts';
import { deliveryPlan } from '../../deliver/delivery-plan.ts';
import type { RunningServer } from '../running-server.ts';
import {
  auditDestination,
  changeDestination,
  makeDestination,
  removeDestination,
  shownDestination,
} from './change-destination.ts';
import type {
  AuthorizationView,
  DestinationStanding,
  DestinationView,
  ListedDestination,
} from './destination-shapes.ts';

type Server = Pick<RunningServer, 'store' | 'sealer' | 'net' | 'config' | 'delivery'>;

/** With what the delivery threads say of each; null: nothing yet. */
export async function listDestinationsNow({
  store,
  sealer,
  delivery,
}: Server): Promise<ListedDestination[]> {
  const statuses = new Map((await delivery.askAll('status', {})).map((s) => [s.id, s]));
  const notes = listAuthorizationNotes(store);
  return listDestinations(store, sealer).map((destination) => {
    const status = statuses.get(destination.id);
    const authorization = authorizationView(notes.get(destination.id));
    const own = { authorization, status: status ? statusOf(status) : null };
    return { ...shownDestination(destination), ...own };
  });
}

/** @throws MillraceError NOT_FOUND */
export function destinationTypeOf(name: string): DestinationTypeInfo {
  const found = describeDestinationType(name);
  if (found) return found;
  throw new MillraceError('NOT_FOUND', `There is no type ${name}`, { field: 'type' });
}

/** @param given as a destination in the configuration. @throws MillraceError as makeDestination */
export async function addDestination(
  server: Server,
  given: unknown,
  actor: Actor,
): Promise<DestinationView> {
  const { store, delivery } = server;
  const made = inStoreTransaction(store, () => {
    const created = makeDestination(server, given);
    auditDestination(store, actor, 'Destination Created', null, created);
    return created;
  });
  delivery.setPlan(deliveryPlan(server));
  // Whoever has the answer may send an event, and it shall arrive.
  await delivery.ask('settled', { destination: made.slug });
  return shownDestination(made);
}

/** @param given what changes. @throws MillraceError as changeDestination */
export async function editDestination(
  server: Server,
  slug: string,
  given: unknown,
  actor: Actor,
): Promise<DestinationView> {
  const { store, sealer, delivery } = server;
  const made = inStoreTransaction(store, () => {
    const found = findDestination(store, sealer, slug) ?? null;
    const changed = changeDestination(server, slug, given);
    auditDestination(store, actor, 'Destination Modified', found, changed);
    return changed;
  });
  delivery.setPlan(deliveryPlan(server));
  await delivery.ask('settled', { destination: slug });
  return shownDestination(made);
}

/** @throws MillraceError NOT_FOUND */
export function dropDestination(server: Server, slug: string, actor: Actor): void {
  const { store, sealer, delivery } = server;
  inStoreTransaction(store, () => {
    const found = findDestination(store, sealer, slug);
    removeDestination(server, slug);
    if (found) auditDestination(store, actor, 'Destination Deleted', found, null);
  });
  delivery.setPlan(deliveryPlan(server));
}

/** @throws MillraceError NOT_FOUND */
export function mustFindDestination(
  { store, sealer }: Pick<Server, 'store' | 'sealer'>,
  slug: string,
): StoredDestination {
  const found = findDestination(store, sealer, slug);
  if (found) return found;
  throw new MillraceError('NOT_FOUND', `There is no destination ${slug}`, { field: 'slug' });
}

function authorizationView(note: AuthorizationNote | undefined): AuthorizationView | null {
  if (!note) return null;
  const { authorizedAtMs, authorizedBy } = note;
  return { authorizedAt: new Date(authorizedAtMs).toISOString(), authorizedBy };
}

/** What the list does not say already. */
function statusOf(status: DestinationStatus): DestinationStanding {
  const { failure, breaker, live, delivered, filtered, discarded, expired, deadLetters } = status;
  return { failure, breaker, live, delivered, filtered, discarded, expired, deadLetters };
}
