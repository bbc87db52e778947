/**
 * Warehouses: the destinations that are tables, in a list of their own as in Segment. A new one
 * has no source until one is connected, unless `disconnectAllSources: false` asks for all.
 */
import {
  dropDestination,
  editDestination,
} from '../../operate/destinations/manage-destinations.ts';
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import { listSources } from '../../store/sources/sources.ts';
import { deleteResourceDocument } from '../../store/workspace/resource-documents.ts';
import { ensureWorkspace } from '../../store/workspace/workspaces.ts';
import { requireRole } from '../actor.ts';
import { body, mergedSettings, pageOf, param, sourceOf } from './ask.ts';
import type { Ask, Handler } from './ask.ts';
import {
  askedName,
  keepAsked,
  metadataIdOf,
  nameFor,
  ownSettings,
  shownSettings,
} from './asked-ids.ts';
import { warehouseMetadata } from './catalog-operations.ts';
import { typeOf } from './segment-ids.ts';
import {
  createListed,
  findOf,
  isWarehouseListed,
  listOf,
  missing,
} from './destination-operations.ts';
import type { ListedDestination } from '../../operate/destinations/destination-shapes.ts';
import { sourceView } from './source-view.ts';

const settings = z.record(z.string(), z.unknown());
const createSchema = z.object({
  metadataId: z.string(),
  name: z.string().nullable().optional(),
  enabled: z.boolean().default(true),
  settings: settings.default({}),
  disconnectAllSources: z.boolean().nullable().optional(),
});
const updateSchema = z.object({
  name: z.string().nullable().optional(),
  enabled: z.boolean().optional(),
  settings: settings.optional(),
});

export const WAREHOUSE_BODIES = { createWarehouse: createSchema, updateWarehouse: updateSchema };

export const WAREHOUSE_HANDLERS: Record<string, Handler> = {
  async listWarehouses(ask) {
    const all = (await listOf(ask)).filter(isWarehouseListed);
    const { page, pagination } = pageOf(ask, all, ({ id }) => id);
    return { warehouses: page.map((one) => warehouseView(ask, one)), pagination };
  },
  async getWarehouse(ask) {
    return { warehouse: warehouseView(ask, await warehouseOf(ask)) };
  },
  async createWarehouse(ask) {
    // It belongs to no source, so that nobody who is kept to some could see it.
    requireRole(ask.c, 'admin');
    const given = await body(ask, createSchema);
    const metadata = warehouseMetadata(given.metadataId);
    const { settings: own, asked } = ownSettings(given.settings);
    const { name: named, ...rest } = own;
    const name = given.name ?? (typeof named === 'string' ? named : null);
    const made = await createListed(ask, {
      name: name ?? metadata.name,
      type: typeOf(given.metadataId),
      sources: given.disconnectAllSources === false ? null : [],
      state: given.enabled ? 'enabled' : 'disabled',
      settings: rest,
    });
    const kept = { ...asked, ...askedName(name, made.name), metadataId: given.metadataId };
    keepAsked(ask, made.id, kept);
    return { warehouse: warehouseView(ask, made) };
  },
  async updateWarehouse(ask) {
    const { id, slug, name: before, settings: kept } = await warehouseOf(ask, 'write');
    const { name, enabled, settings: changed } = await body(ask, updateSchema);
    const { settings: own, asked } = ownSettings(changed ?? {});
    const { name: _, ...rest } = own;
    const change = {
      ...(name && { name }),
      ...(enabled !== undefined && { state: enabled ? 'enabled' : 'disabled' }),
      ...(changed && { settings: mergedSettings(kept, rest) }),
    };
    await editDestination(ask.server, slug, change, ask.actor);
    keepAsked(ask, id, { ...asked, ...askedName(name, before) });
    return { warehouse: warehouseView(ask, await warehouseOf(ask)) };
  },
  async deleteWarehouse(ask) {
    const { id, slug } = await warehouseOf(ask, 'write');
    dropDestination(ask.server, slug, ask.actor);
    deleteResourceDocument(ask.server.store, 'destination', id);
    return { status: 'SUCCESS' };
  },
  async getConnectionStateFromWarehouse(ask) {
    const { slug } = await warehouseOf(ask, 'write');
    const isConnected = await ask.server.delivery.ask('test', { destination: slug }).then(
      () => true,
      (error: unknown) => {
        if (error instanceof MillraceError) return false;
        throw error;
      },
    );
    return { connectionState: isConnected ? 'CONNECTED' : 'FAILED' };
  },
  async listConnectedSourcesFromWarehouse(ask) {
    const { sources } = await warehouseOf(ask);
    const all = listSources(ask.server.store).filter(
      ({ slug }) => sources === null || sources.includes(slug),
    );
    const { page, pagination } = pageOf(ask, all, ({ id }) => id);
    return { sources: page.map((source) => sourceView(ask, source)), pagination };
  },
  async addConnectionFromSourceToWarehouse(ask) {
    const { slug, sources } = await warehouseOf(ask, 'write');
    const source = sourceOf(ask, 'write');
    if (sources !== null && !sources.includes(source.slug)) {
      const change = { sources: [...sources, source.slug] };
      await editDestination(ask.server, slug, change, ask.actor);
    }
    return { status: 'CONNECTED' };
  },
  async removeSourceConnectionFromWarehouse(ask) {
    const { slug, region, sources } = await warehouseOf(ask, 'write');
    const source = sourceOf(ask, 'write');
    const ofRegion = listSources(ask.server.store).filter((own) => own.region === region);
    const all = sources ?? ofRegion.map((own) => own.slug);
    const change = { sources: all.filter((own) => own !== source.slug) };
    await editDestination(ask.server, slug, change, ask.actor);
    return { status: 'SUCCESS' };
  },
};

async function warehouseOf(ask: Ask, right: 'read' | 'write' = 'read'): Promise<ListedDestination> {
  const id = param(ask, 'warehouseId');
  const found = await findOf(ask, id, right, 'warehouse');
  if (isWarehouseListed(found)) return found;
  throw missing('warehouse', id);
}

export function warehouseView(ask: Ask, one: ListedDestination) {
  return {
    id: one.id,
    metadata: warehouseMetadata(metadataIdOf(ask, one)),
    workspaceId: ensureWorkspace(ask.server.store).id,
    enabled: one.state === 'enabled',
    settings: { ...shownSettings(ask, one), name: nameFor(ask, one) },
  };
}
