/** Sources, their write keys and labels. */
import { editDestination } from '../../operate/destinations/manage-destinations.ts';
import { publishStore } from '../../operate/publish-store.ts';
import { deleteSource } from '../../operate/sources/delete-source.ts';
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import type { JsonObject } from '../../events/json.ts';
import { recordAudit } from '../../store/people/audit.ts';
import {
  getResourceDocument,
  setResourceDocument,
} from '../../store/workspace/resource-documents.ts';
import { listResourceLabels, setResourceLabels } from '../../store/workspace/resource-labels.ts';
import { changeSource, createSource, listSources } from '../../store/sources/sources.ts';
import type { Source } from '../../store/sources/sources.ts';
import { inStoreTransaction } from '../../store/store.ts';
import { createKey, disableKey, listKeys, writeKeyDigest } from '../../store/sources/write-keys.ts';
import { requireRole } from '../actor.ts';
import { maySee } from '../../operate/rights/actor-rights.ts';
import { body, mergedSettings, pageOf, param, sourceOf } from './ask.ts';
import type { Ask, Handler } from './ask.ts';
import { isWarehouse, sourceMetadata } from './catalog-operations.ts';
import { destinationView, listOf } from './destination-operations.ts';
import { hintsOf, sourceView } from './source-view.ts';
import { warehouseView } from './warehouse-operations.ts';

const settings = z.record(z.string(), z.unknown());
const label = z.object({
  key: z.string().min(1).max(200),
  value: z.string().min(1).max(200),
  description: z.string().max(1_000).optional(),
});
const labelsSchema = z.object({ labels: z.array(label).max(100) });
const createSchema = z.object({
  slug: z.string(),
  enabled: z.boolean().default(true),
  metadataId: z.string(),
  settings: settings.nullable().optional(),
  disconnectAllWarehouses: z.boolean().nullable().optional(),
});
const updateSchema = z.object({
  name: z.string().optional(),
  enabled: z.boolean().optional(),
  slug: z.string().optional(),
  settings: settings.nullable().optional(),
});

export const SOURCE_BODIES = {
  createSource: createSchema,
  updateSource: updateSchema,
  addLabelsToSource: labelsSchema,
  replaceLabelsInSource: labelsSchema,
};

export const SOURCE_HANDLERS: Record<string, Handler> = {
  listSources(ask) {
    const seen = listSources(ask.server.store).filter(({ slug }) => maySee(ask.actor, slug));
    const { page, pagination } = pageOf(ask, seen, ({ id }) => id);
    return { sources: page.map((source) => sourceView(ask, source)), pagination };
  },
  getSource: (ask) => ({ source: sourceView(ask, sourceOf(ask, 'read')), trackingPlanId: null }),
  async createSource(ask) {
    requireRole(ask.c, 'admin');
    const { store, config } = ask.server;
    const [region = 'us'] = Object.keys(config.regions);
    const given = await body(ask, createSchema);
    sourceMetadata(given.metadataId);
    const made = inStoreTransaction(store, () => {
      const { slug, enabled, metadataId } = given;
      const created = createSource(store, { name: slug, slug, region });
      const source = enabled ? created : changeSource(store, slug, { isEnabled: false });
      const document = { metadataId, settings: given.settings ?? {} };
      setResourceDocument(store, 'source', source.id, document);
      const { key } = createKey(store, slug);
      const view = sourceView(ask, source);
      audit(ask, 'Source Created', source, null, view);
      return { ...view, writeKeys: [key] };
    });
    publishStore(ask.server);
    // Before its key is told: no event of it is there yet.
    if (isBoolean(given.disconnectAllWarehouses)) {
      await connectWarehouses(ask, made.id, !given.disconnectAllWarehouses);
    }
    return { source: made };
  },
  async updateSource(ask) {
    const source = sourceOf(ask, 'write');
    const { store } = ask.server;
    const given = await body(ask, updateSchema);
    if (given.slug !== undefined && given.slug !== source.slug) {
      const message = 'slug: it stands in the data of the source and cannot change';
      throw new MillraceError('INVALID_ARGUMENT', message, { field: 'slug' });
    }
    const changed = inStoreTransaction(store, () => {
      const before = sourceView(ask, source);
      const next = changeSource(store, source.slug, {
        ...(given.name !== undefined && { name: given.name }),
        ...(given.enabled !== undefined && { isEnabled: given.enabled }),
      });
      if (given.settings) {
        const document = getResourceDocument(store, 'source', source.id);
        const merged = mergedSettings(document['settings'] as JsonObject, given.settings);
        setResourceDocument(store, 'source', source.id, { ...document, settings: merged });
      }
      const view = sourceView(ask, next);
      audit(ask, 'Source Modified', next, before, view);
      return view;
    });
    publishStore(ask.server);
    return { source: changed };
  },
  async deleteSource(ask) {
    const { slug } = sourceOf(ask, 'write');
    // It changes destinations, too, that others may own.
    requireRole(ask.c, 'admin');
    await deleteSource(ask.server, slug, ask.actor);
    return { status: 'SUCCESS' };
  },
  createWriteKeyForSource(ask) {
    const source = sourceOf(ask, 'write');
    const { store } = ask.server;
    const made = inStoreTransaction(store, () => {
      const { key } = createKey(store, source.slug);
      audit(ask, 'Write Key Created', source, null, null);
      return { ...sourceView(ask, source), writeKeys: [...hintsOf(ask, source).slice(0, -1), key] };
    });
    publishStore(ask.server);
    return { source: made };
  },
  removeWriteKeyFromSource(ask) {
    const source = sourceOf(ask, 'write');
    const { store } = ask.server;
    const given = param(ask, 'writeKey');
    inStoreTransaction(store, () => {
      const key = keyOf(ask, source, given);
      disableKey(store, key);
      audit(ask, 'Write Key Disabled', source, null, null);
    });
    publishStore(ask.server);
    return { status: 'SUCCESS' };
  },
  addLabelsToSource: (ask) => changeLabels(ask, true),
  replaceLabelsInSource: (ask) => changeLabels(ask, false),
  async listConnectedDestinationsFromSource(ask) {
    const source = sourceOf(ask, 'read');
    const all = await connected(ask, source, false);
    const { page, pagination } = pageOf(ask, all, ({ id }) => id);
    return { destinations: page.map((one) => destinationView(ask, one, source.id)), pagination };
  },
  async listConnectedWarehousesFromSource(ask) {
    const source = sourceOf(ask, 'read');
    const all = await connected(ask, source, true);
    const { page, pagination } = pageOf(ask, all, ({ id }) => id);
    return { warehouses: page.map((one) => warehouseView(ask, one)), pagination };
  },
};

/** By the key itself, or by the hint that is shown of it. @throws MillraceError NOT_FOUND */
function keyOf({ server }: Ask, source: Source, given: string): string {
  const own = listKeys(server.store, source.slug).filter(({ state }) => state === 'active');
  const byHint = own.filter(({ hint }) => hint === given);
  const [found] = byHint.length === 1 ? byHint : own.filter((key) => isKey(key.digest, given));
  if (found) return found.id;
  throw new MillraceError('NOT_FOUND', 'There is no such write key', { field: 'writeKey' });
}

function isKey(digest: string, given: string): boolean {
  return writeKeyDigest(given) === digest;
}

async function changeLabels(ask: Ask, isAdded: boolean): Promise<object> {
  const source = sourceOf(ask, 'write');
  const { store } = ask.server;
  const { labels } = await body(ask, labelsSchema);
  return inStoreTransaction(store, () => {
    const before = listResourceLabels(store, 'source', source.id);
    const kept = isAdded ? before : [];
    const merged = new Map([...kept, ...labels].map((own) => [`${own.key}\n${own.value}`, own]));
    setResourceLabels(store, 'source', source.id, [...merged.values()]);
    const after = listResourceLabels(store, 'source', source.id);
    audit(ask, 'Source Labels Modified', source, before, after);
    return { labels: after };
  });
}

async function connected(ask: Ask, { slug }: Source, areWarehouses: boolean) {
  return (await listOf(ask))
    .filter(({ sources }) => sources === null || sources.includes(slug))
    .filter(({ type }) => isWarehouse(type) === areWarehouses);
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

/**
 * Has all warehouses of the region take the events of a source, or none of them: one that took
 * those of every source takes those of all others then.
 */
async function connectWarehouses(ask: Ask, id: string, isConnected: boolean): Promise<void> {
  const { store } = ask.server;
  const { slug, region } = sourceOf(ask, 'write', id);
  const others = listSources(store).filter((own) => own.region === region && own.slug !== slug);
  const warehouses = (await listOf(ask)).filter((one) => isWarehouse(one.type));
  for (const { slug: warehouse, region: own, sources } of warehouses) {
    if (own !== region || (sources === null) === isConnected) continue;
    const all = sources ?? others.map((other) => other.slug);
    const change = { sources: isConnected ? [...all, slug] : all };
    await editDestination(ask.server, warehouse, change, ask.actor);
  }
}

function audit(
  { server, actor }: Ask,
  action: string,
  { id, name }: Pick<Source, 'id' | 'name'>,
  before: unknown,
  after: unknown,
): void {
  const resource = { type: 'source', id, name };
  recordAudit(server.store, actor, { action, resource, before, after });
}
