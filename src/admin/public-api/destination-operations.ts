/**
 * Destinations and their subscriptions. In Segment a destination has one source; here it
 * may have several, or all: it is shown with the first, and below each in lists of a source.
 */
import {
  addDestination,
  dropDestination,
  editDestination,
  listDestinationsNow,
} from '../../operate/destinations/manage-destinations.ts';
import type { ListedDestination } from '../../operate/destinations/destination-shapes.ts';
import { z } from 'zod';
import { assert } from '../../base/assert.ts';
import { MillraceError } from '../../base/errors.ts';
import type { JsonObject } from '../../events/json.ts';
import {
  deleteResourceDocument,
  getResourceDocument,
  setResourceDocument,
} from '../../store/workspace/resource-documents.ts';
import { listSources } from '../../store/sources/sources.ts';
import { maySeeDestination, requireWritable } from '../../operate/rights/destination-rights.ts';
import { requireRole } from '../actor.ts';
import { body, mergedSettings, pageOf, param, sourceOf } from './ask.ts';
import type { Ask, Handler } from './ask.ts';
import { askedName, keepAsked, metadataIdOf, nameFor } from './asked-ids.ts';
import { destinationMetadata, isWarehouse } from './catalog-operations.ts';
import { actionOf, typeOf } from './segment-ids.ts';

const SUBSCRIPTIONS = 'subscriptions';
const settings = z.record(z.string(), z.unknown());
const createSchema = z.object({
  sourceId: z.string(),
  metadataId: z.string(),
  enabled: z.boolean().default(true),
  name: z.string().optional(),
  settings: settings.default({}),
});
const updateSchema = z.object({
  name: z.string().nullable().optional(),
  enabled: z.boolean().optional(),
  settings: settings.optional(),
});
const subscriptionSchema = z.object({
  name: z.string(),
  actionId: z.string(),
  trigger: z.string(),
  enabled: z.boolean().default(true),
  settings: settings.default({}),
});
const subscriptionChange = z.object({
  input: subscriptionSchema.omit({ actionId: true }).partial(),
});
export const DESTINATION_BODIES = {
  createDestination: createSchema,
  updateDestination: updateSchema,
  createDestinationSubscription: subscriptionSchema,
  updateSubscriptionForDestination: subscriptionChange,
};

export const DESTINATION_HANDLERS: Record<string, Handler> = {
  async listDestinations(ask) {
    const all = (await listOf(ask)).filter(({ type }) => !isWarehouse(type));
    const { page, pagination } = pageOf(ask, all, ({ id }) => id);
    return { destinations: page.map((one) => viewOf(ask, one)), pagination };
  },
  async getDestination(ask) {
    return { destination: viewOf(ask, await destinationOf(ask)) };
  },
  async createDestination(ask) {
    requireRole(ask.c, 'member');
    const given = await body(ask, createSchema);
    const source = sourceOf(ask, 'write', given.sourceId);
    const metadata = destinationMetadata(given.metadataId);
    const name = given.name ?? metadata.name;
    const made = await createListed(ask, {
      name,
      type: typeOf(given.metadataId),
      sources: [source.slug],
      state: given.enabled ? 'enabled' : 'disabled',
      // Subscriptions are made one by one, and a new destination of Segment has none.
      settings: {
        ...given.settings,
        ...(metadata.actions.length > 0 && { [SUBSCRIPTIONS]: [] }),
      },
    });
    const asked = askedName(given.name ?? null, made.name);
    keepAsked(ask, made.id, { ...asked, metadataId: given.metadataId });
    return { destination: viewOf(ask, made) };
  },
  async updateDestination(ask) {
    const { id, slug, name: own, settings: before } = await destinationOf(ask, 'write');
    const given = await body(ask, updateSchema);
    const { name, enabled, settings: changed } = given;
    const change = {
      ...(name && { name }),
      ...(enabled !== undefined && { state: enabled ? 'enabled' : 'disabled' }),
      ...(changed && { settings: mergedSettings(before, changed) }),
    };
    await editDestination(ask.server, slug, change, ask.actor);
    keepAsked(ask, id, askedName(name, own));
    return { destination: viewOf(ask, await destinationOf(ask)) };
  },
  async deleteDestination(ask) {
    const { id, slug } = await destinationOf(ask, 'write');
    dropDestination(ask.server, slug, ask.actor);
    deleteResourceDocument(ask.server.store, 'subscriptions', id);
    deleteResourceDocument(ask.server.store, 'filters', id);
    deleteResourceDocument(ask.server.store, 'destination', id);
    return { status: 'SUCCESS' };
  },
  async listSubscriptionsFromDestination(ask) {
    const all = subscriptionsOf(ask, await destinationOf(ask));
    const { page, pagination } = pageOf(ask, all, ({ id }) => id);
    return { subscriptions: page, pagination };
  },
  async getSubscriptionFromDestination(ask) {
    const all = subscriptionsOf(ask, await destinationOf(ask));
    return { subscription: mustFind(all, param(ask, 'id'), 'subscription') };
  },
  async createDestinationSubscription(ask) {
    const own = await destinationOf(ask, 'write');
    const {
      name,
      actionId,
      trigger,
      enabled,
      settings: mapping,
    } = await body(ask, subscriptionSchema);
    const partnerAction = actionOf(own.type, actionId);
    const added = { name, partnerAction, subscribe: trigger, enabled, mapping };
    const id = ask.server.store.random.uuid();
    const ids = [...idsOf(ask, 'subscriptions', own.id, rawSubscriptions(own).length), id];
    await saveSubscriptions(ask, own, [...rawSubscriptions(own), added], ids, { [id]: actionId });
    const after = subscriptionsOf(ask, await destinationOf(ask));
    return { destinationSubscription: mustFind(after, id, 'subscription') };
  },
  async updateSubscriptionForDestination(ask) {
    const own = await destinationOf(ask, 'write');
    const raw = rawSubscriptions(own);
    const ids = idsOf(ask, 'subscriptions', own.id, raw.length);
    const at = mustIndex(ids, param(ask, 'id'), 'subscription');
    const {
      name,
      trigger,
      enabled,
      settings: mapping,
    } = (await body(ask, subscriptionChange)).input;
    const next = {
      ...raw[at],
      ...(name !== undefined && { name }),
      ...(trigger !== undefined && { subscribe: trigger }),
      ...(enabled !== undefined && { enabled }),
      ...(mapping !== undefined && { mapping }),
    };
    await saveSubscriptions(ask, own, raw.toSpliced(at, 1, next), ids);
    const after = subscriptionsOf(ask, await destinationOf(ask));
    return { subscription: after[at] };
  },
  async removeSubscriptionFromDestination(ask) {
    const own = await destinationOf(ask, 'write');
    const raw = rawSubscriptions(own);
    const ids = idsOf(ask, 'subscriptions', own.id, raw.length);
    const at = mustIndex(ids, param(ask, 'id'), 'subscription');
    await saveSubscriptions(ask, own, raw.toSpliced(at, 1), ids.toSpliced(at, 1));
    return { status: 'SUCCESS' };
  },
};

/** All that the caller may see. */
export async function listOf(ask: Ask): Promise<ListedDestination[]> {
  const all = await listDestinationsNow(ask.server);
  return all.filter(({ sources }) => maySeeDestination(ask.actor, sources));
}

/** Makes one with a slug of its name. @throws MillraceError naming the field. */
export async function createListed(
  ask: Ask,
  given: { name: string; type: string; sources: string[] | null; state: string; settings: object },
): Promise<ListedDestination> {
  const before = await listDestinationsNow(ask.server);
  const slug = freeSlug(given.name, new Set(before.map((one) => one.slug)));
  await addDestination(ask.server, { ...given, slug }, ask.actor);
  const made = (await listDestinationsNow(ask.server)).find((one) => one.slug === slug);
  assert(made, 'what was made is in the list');
  return made;
}

export async function destinationOf(
  ask: Ask,
  right: 'read' | 'write' = 'read',
): Promise<ListedDestination> {
  return findOf(ask, param(ask, 'destinationId'), right);
}

/** @throws MillraceError NOT_FOUND; FORBIDDEN when it may be seen but not changed. */
export async function findOf(
  ask: Ask,
  id: string,
  right: 'read' | 'write',
  kind = 'destination',
): Promise<ListedDestination> {
  if (right === 'write') requireRole(ask.c, 'member');
  const found = (await listOf(ask)).find((one) => one.id === id);
  if (!found) throw missing(kind, id);
  if (right === 'write') requireWritable(ask.actor, found.sources);
  return found;
}

export function isWarehouseListed({ type }: ListedDestination): boolean {
  return isWarehouse(type);
}

export function viewOf(ask: Ask, one: ListedDestination) {
  const known = listSources(ask.server.store);
  const [first] = one.sources ?? known.map(({ slug }) => slug);
  const source = known.find(({ slug }) => slug === first);
  return destinationView(ask, one, source?.id ?? '');
}

/** @param sourceId of the source that it is shown with. */
export function destinationView(ask: Ask, one: ListedDestination, sourceId: string) {
  const { [SUBSCRIPTIONS]: _, ...shown } = one.settings;
  return {
    id: one.id,
    name: nameFor(ask, one),
    enabled: one.state === 'enabled',
    metadata: destinationMetadata(metadataIdOf(ask, one)),
    sourceId,
    settings: shown,
  };
}

function rawSubscriptions({ settings: own }: ListedDestination): JsonObject[] {
  const list = own[SUBSCRIPTIONS];
  return Array.isArray(list) ? (list as JsonObject[]) : [];
}

function subscriptionsOf(ask: Ask, own: ListedDestination) {
  const raw = rawSubscriptions(own);
  const ids = idsOf(ask, 'subscriptions', own.id, raw.length);
  const asked = askedActions(ask, own);
  return raw.map((one, at) => ({
    id: ids[at] ?? '',
    name: String(one['name'] ?? ''),
    actionId: asked[ids[at] ?? ''] ?? String(one['partnerAction']),
    actionSlug: String(one['partnerAction']),
    destinationId: own.id,
    enabled: one['enabled'] !== false,
    settings: (one['mapping'] ?? {}) as object,
    trigger: String(one['subscribe'] ?? ''),
  }));
}

/** Ours are lists without ids; what was made elsewhere has its place as id. */
export function idsOf({ server }: Ask, kind: string, id: string, length: number): string[] {
  const { ids } = getResourceDocument(server.store, kind, id) as { ids?: string[] };
  return Array.from({ length }, (_, at) => ids?.[at] ?? String(at));
}

/** Ids of actions by which scripts asked, by subscription. */
function askedActions({ server }: Ask, { id }: ListedDestination): Record<string, string> {
  const { actionIds = {} } = getResourceDocument(server.store, 'subscriptions', id) as {
    actionIds?: Record<string, string>;
  };
  return actionIds;
}

/** @param asked ids of actions of those that are new, by subscription. */
async function saveSubscriptions(
  ask: Ask,
  own: ListedDestination,
  list: readonly JsonObject[],
  ids: readonly string[],
  asked: Readonly<Record<string, string>> = {},
): Promise<void> {
  const change = { settings: { ...own.settings, [SUBSCRIPTIONS]: list } };
  await editDestination(ask.server, own.slug, change, ask.actor);
  const all = Object.entries({ ...askedActions(ask, own), ...asked });
  const actionIds = Object.fromEntries(all.filter(([id]) => ids.includes(id)));
  setResourceDocument(ask.server.store, 'subscriptions', own.id, { ids, actionIds });
}

/** @throws MillraceError NOT_FOUND naming the kind. */
export function mustFind<Item extends { id: string }>(
  items: readonly Item[],
  id: string,
  kind: string,
): Item {
  const found = items.find((item) => item.id === id);
  if (found) return found;
  throw missing(kind, id);
}

/** @throws MillraceError NOT_FOUND naming the kind. */
export function mustIndex(ids: readonly string[], id: string, kind: string): number {
  const at = ids.indexOf(id);
  if (at >= 0) return at;
  throw missing(kind, id);
}

export function missing(kind: string, id: string): MillraceError {
  return new MillraceError('NOT_FOUND', `There is no ${kind} ${id}`, { field: `${kind}Id` });
}

/** Names may be equal, slugs not. */
function freeSlug(name: string, taken: ReadonlySet<string>): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60);
  const wanted = slug === '' ? 'destination' : slug;
  if (!taken.has(wanted)) return wanted;
  for (let number = 2; ; number++)
    if (!taken.has(`${wanted}-${number}`)) return `${wanted}-${number}`;
}
