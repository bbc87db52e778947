/** Filters of destinations, in the shapes of Segment. */
import { editDestination } from '../../operate/destinations/manage-destinations.ts';
import { filteredPayload } from '../../operate/destinations/destination-view.ts';
import { z } from 'zod';
import {
  getResourceDocument,
  setResourceDocument,
} from '../../store/workspace/resource-documents.ts';
import { body, pageOf, param, sourceOf } from './ask.ts';
import type { Ask, Handler } from './ask.ts';
import { destinationOf, idsOf, mustFind, mustIndex, viewOf } from './destination-operations.ts';
import type { ListedDestination } from '../../operate/destinations/destination-shapes.ts';

const actions = z.array(z.record(z.string(), z.unknown())).min(1);
const filterSchema = z.object({
  sourceId: z.string(),
  if: z.string(),
  actions,
  title: z.string(),
  description: z.string().nullable().optional(),
  enabled: z.boolean(),
});
const filterChange = filterSchema.omit({ sourceId: true }).partial();
const previewSchema = z.object({
  filter: z.object({ if: z.string(), actions }),
  payload: z.record(z.string(), z.unknown()),
});

export const FILTER_BODIES = {
  createFilterForDestination: filterSchema,
  updateFilterForDestination: filterChange,
  previewDestinationFilter: previewSchema,
};

export const FILTER_HANDLERS: Record<string, Handler> = {
  async listFiltersFromDestination(ask) {
    const all = filtersOf(ask, await destinationOf(ask));
    const { page, pagination } = pageOf(ask, all, ({ id }) => id);
    return { filters: page, pagination };
  },
  async getFilterInDestination(ask) {
    const all = filtersOf(ask, await destinationOf(ask));
    return { filter: mustFind(all, param(ask, 'filterId'), 'filter') };
  },
  async createFilterForDestination(ask) {
    const own = await destinationOf(ask, 'write');
    const { sourceId, description, ...filter } = await body(ask, filterSchema);
    sourceOf(ask, 'write', sourceId);
    const id = ask.server.store.random.uuid();
    const ids = [...idsOf(ask, 'filters', own.id, own.filters.length), id];
    await saveFilters(ask, own, [...own.filters, filter], ids);
    describe(ask, own, id, description);
    return { filter: mustFind(filtersOf(ask, await destinationOf(ask)), id, 'filter') };
  },
  async updateFilterForDestination(ask) {
    const own = await destinationOf(ask, 'write');
    const ids = idsOf(ask, 'filters', own.id, own.filters.length);
    const at = mustIndex(ids, param(ask, 'filterId'), 'filter');
    const { description, ...change } = await body(ask, filterChange);
    const changed = own.filters.map((filter, other) =>
      other === at ? { ...filter, ...change } : filter,
    );
    await saveFilters(ask, own, changed, ids);
    describe(ask, own, ids[at] ?? '', description);
    return { filter: filtersOf(ask, await destinationOf(ask))[at] };
  },
  async removeFilterFromDestination(ask) {
    const own = await destinationOf(ask, 'write');
    const ids = idsOf(ask, 'filters', own.id, own.filters.length);
    const at = mustIndex(ids, param(ask, 'filterId'), 'filter');
    await saveFilters(ask, own, own.filters.toSpliced(at, 1), ids.toSpliced(at, 1));
    return { status: 'SUCCESS' };
  },
  async previewDestinationFilter(ask) {
    const { filter, payload } = await body(ask, previewSchema);
    return { inputPayload: payload, result: filteredPayload(filter, payload) };
  },
};

function filtersOf(ask: Ask, own: ListedDestination) {
  const ids = idsOf(ask, 'filters', own.id, own.filters.length);
  const { sourceId } = viewOf(ask, own);
  const descriptions = descriptionsOf(ask, own);
  return own.filters.map((filter, at) => ({
    id: ids[at] ?? '',
    sourceId,
    destinationId: own.id,
    if: filter.if,
    actions: filter.actions,
    title: filter.title ?? '',
    ...(descriptions[ids[at] ?? ''] !== undefined && { description: descriptions[ids[at] ?? ''] }),
    enabled: filter.enabled !== false,
    createdAt: own.createdAt,
    updatedAt: own.updatedAt,
  }));
}

async function saveFilters(
  ask: Ask,
  own: ListedDestination,
  filters: readonly object[],
  ids: readonly string[],
): Promise<void> {
  await editDestination(ask.server, own.slug, { filters }, ask.actor);
  const descriptions = Object.fromEntries(
    Object.entries(descriptionsOf(ask, own)).filter(([id]) => ids.includes(id)),
  );
  setResourceDocument(ask.server.store, 'filters', own.id, { ids, descriptions });
}

/** Ours have no description: it is kept for whoever wrote it. */
function descriptionsOf({ server }: Ask, { id }: ListedDestination): Record<string, string> {
  const { descriptions = {} } = getResourceDocument(server.store, 'filters', id) as {
    descriptions?: Record<string, string>;
  };
  return descriptions;
}

/** @param description null takes it away; undefined leaves it. */
function describe(
  ask: Ask,
  own: ListedDestination,
  id: string,
  description: string | null | undefined,
): void {
  if (description === undefined) return;
  const { [id]: _, ...others } = descriptionsOf(ask, own);
  const descriptions = { ...others, ...(description !== null && { [id]: description }) };
  const document = getResourceDocument(ask.server.store, 'filters', own.id);
  setResourceDocument(ask.server.store, 'filters', own.id, { ...document, descriptions });
}
