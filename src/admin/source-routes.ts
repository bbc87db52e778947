/** Sources and their write keys, for the dashboard. */
import { Hono } from 'hono';
import { z } from 'zod';
import { sourceLimitsSchema } from '../config/limits-schema.ts';
import { sourceSchema } from '../config/source-schema.ts';
import { MillraceError } from '../base/errors.ts';
import { recordAudit } from '../store/people/audit.ts';
import type { Actor } from '../store/people/audit.ts';
import { changeSource, createSource, getSource, listSources } from '../store/sources/sources.ts';
import type { Source, SourceLimits } from '../store/sources/sources.ts';
import { inStoreTransaction } from '../store/store.ts';
import type { Store } from '../store/store.ts';
import { createKey, disableKey, getKey, listKeys, rotateKey } from '../store/sources/write-keys.ts';
import type { WriteKey } from '../store/sources/write-keys.ts';
import { maySee, requireRole, requireSource } from './actor.ts';
import { parseBody } from './parse-body.ts';

export interface LatestEvent {
  receivedAt: string | null;
  name: string | null;
  messageId: string | null;
}

export interface SourceControl {
  store: Store;
  /** Where SDKs send: the address of the collector. */
  collectorUrl(): string;
  regions: readonly string[];
  /** What a source may that says nothing else. */
  limits: SourceLimits;
  /**
   * The newest stored event of a source, for whoever waits for the first one.
   * @param lastSeenMs when something was last sent, as far as it is known.
   */
  latestEvent(source: Source, lastSeenMs: number | null): Promise<LatestEvent | null>;
  /** Its keys are refused for good; its events stay. @throws MillraceError NOT_FOUND */
  deleteSource(slug: string, actor: Actor): Promise<void>;
  /** Makes a change known to the threads of this process. */
  publish(): void;
}

/** Half a day: long enough for a release, short enough to be remembered. */
const OVERLAP_SECONDS = 12 * 3_600;
const DAY_SECONDS = 86_400;

const newSourceSchema = sourceSchema
  .omit({ writeKeys: true })
  .extend({ slug: sourceSchema.shape.slug.optional() });
const changeSchema = z.strictObject({
  name: sourceSchema.shape.name.optional(),
  environment: z.enum(['development', 'staging', 'production']).optional(),
  enabled: z.boolean().optional(),
  limits: sourceLimitsSchema.optional(),
  responses: z.enum(['strict', 'lenient']).optional(),
  ip: z.enum(['keep', 'truncate', 'drop']).optional(),
});
const rotateSchema = z.strictObject({
  overlapSeconds: z
    .int()
    .min(0)
    .max(366 * DAY_SECONDS)
    .default(OVERLAP_SECONDS),
});

/** Behind the guard. */
export function sourceRoutes(control: SourceControl): Hono {
  const { store } = control;
  const routes = new Hono();
  routes.get('/sources', (c) => {
    const actor = requireRole(c, 'viewer');
    const seen = listSources(store).filter(({ slug }) => maySee(actor, slug));
    const keys = listKeys(store);
    const view = (source: Source) => ({
      ...sourceView(source, control),
      lastSeenAt: time(lastUseOf(keys.filter((key) => key.sourceNumber === source.number))),
    });
    return c.json(seen.map(view));
  });
  routes.post('/sources', async (c) => {
    const actor = requireNewSource(requireRole(c, 'member'));
    const given = await parseBody(c, newSourceSchema);
    const region = given.region ?? control.regions[0] ?? 'us';
    if (!control.regions.includes(region)) {
      const message = `region: ${region} is not one of ${control.regions.join(', ')}`;
      throw new MillraceError('INVALID_ARGUMENT', message, { field: 'region' });
    }
    const made = inStoreTransaction(store, () => {
      const source = createSource(store, { ...given, region });
      audit(store, actor, 'Source Created', source, null, sourceView(source, control));
      const key = createKey(store, source.slug);
      auditKey(store, actor, 'Write Key Created', source, null, key);
      return { ...sourceView(source, control), writeKey: key.key };
    });
    control.publish();
    return c.json(made, 201);
  });
  routes.get('/sources/:slug', (c) => {
    const slug = c.req.param('slug');
    requireSource(c, slug, 'read');
    const source = getSource(store, slug);
    const keys = listKeys(store, slug);
    return c.json({
      ...sourceView(source, control),
      lastSeenAt: time(lastUseOf(keys)),
      keys: keys.map(keyView),
      collectorUrl: control.collectorUrl(),
    });
  });
  routes.get('/sources/:slug/latest-event', async (c) => {
    const slug = c.req.param('slug');
    requireSource(c, slug, 'read');
    const source = getSource(store, slug);
    const lastSeenMs = lastUseOf(listKeys(store, slug));
    return c.json({ latest: await control.latestEvent(source, lastSeenMs) });
  });
  routes.patch('/sources/:slug', async (c) => {
    const slug = c.req.param('slug');
    const actor = requireSource(c, slug, 'write');
    const { enabled, ...rest } = await parseBody(c, changeSchema);
    const change = Object.fromEntries(
      Object.entries({ ...rest, isEnabled: enabled }).filter(([, value]) => value !== undefined),
    );
    const changed = inStoreTransaction(store, () => {
      const before = sourceView(getSource(store, slug), control);
      const source = changeSource(store, slug, change);
      audit(store, actor, 'Source Modified', source, before, sourceView(source, control));
      return source;
    });
    control.publish();
    return c.json(sourceView(changed, control));
  });
  routes.delete('/sources/:slug', async (c) => {
    const slug = c.req.param('slug');
    requireSource(c, slug, 'write');
    // It changes destinations, too, that others may own.
    const actor = requireRole(c, 'admin');
    await control.deleteSource(slug, actor);
    return c.json({ deleted: true });
  });
  addKeyRoutes(routes, control);
  return routes;
}

function addKeyRoutes(routes: Hono, control: SourceControl): void {
  const { store } = control;
  routes.post('/sources/:slug/keys', (c) => {
    const slug = c.req.param('slug');
    const actor = requireSource(c, slug, 'write');
    const made = inStoreTransaction(store, () => {
      const created = createKey(store, slug);
      auditKey(store, actor, 'Write Key Created', getSource(store, slug), null, created);
      return created;
    });
    control.publish();
    return c.json({ ...keyView(made), writeKey: made.key }, 201);
  });
  routes.post('/sources/:slug/keys/:id/rotate', async (c) => {
    const { slug, id } = c.req.param();
    const actor = requireSource(c, slug, 'write');
    const { overlapSeconds } = await parseBody(c, rotateSchema);
    const { created, old } = inStoreTransaction(store, () => {
      const before = keyOfSource(store, slug, id);
      const rotated = rotateKey(store, before.id, overlapSeconds * 1000);
      auditKey(store, actor, 'Write Key Rotated', getSource(store, slug), before, rotated.created);
      return rotated;
    });
    control.publish();
    return c.json({ ...keyView(created), writeKey: created.key, old: keyView(old) }, 201);
  });
  routes.post('/sources/:slug/keys/:id/disable', (c) => {
    const { slug, id } = c.req.param();
    const actor = requireSource(c, slug, 'write');
    const disabled = inStoreTransaction(store, () => {
      const before = keyOfSource(store, slug, id);
      const after = disableKey(store, before.id);
      auditKey(store, actor, 'Write Key Disabled', getSource(store, slug), before, after);
      return after;
    });
    control.publish();
    return c.json(keyView(disabled));
  });
}

/** @throws MillraceError FORBIDDEN: whoever is kept to some sources would not see the new one. */
function requireNewSource(actor: Actor): Actor {
  const isKept = actor.sources !== null && actor.role !== 'admin' && actor.role !== 'owner';
  if (!isKept) return actor;
  throw new MillraceError(
    'FORBIDDEN',
    'This account is kept to some sources; it makes no new ones',
  );
}

/** By id only, so that no key stands in an address. @throws MillraceError NOT_FOUND */
function keyOfSource(store: Store, slug: string, id: string): WriteKey {
  const source = getSource(store, slug);
  const found = listKeys(store, slug).find((key) => key.id === id);
  if (found && found.sourceNumber === source.number) return getKey(store, found.id);
  throw new MillraceError('NOT_FOUND', 'There is no such write key', { field: 'key' });
}

function sourceView(source: Source, control: SourceControl) {
  const { id, name, slug, region, environment, isEnabled, limits, responses, ip, origin } = source;
  return {
    id,
    name,
    slug,
    region,
    environment,
    enabled: isEnabled,
    limits,
    effectiveLimits: { ...control.limits, ...limits },
    responses,
    ip,
    origin,
    createdAt: new Date(source.createdAtMs).toISOString(),
  };
}

/** When something was last sent with one of the keys; null: never. */
function lastUseOf(keys: readonly WriteKey[]): number | null {
  const times = keys.map(({ lastUsedAtMs }) => lastUsedAtMs ?? 0);
  return Math.max(0, ...times) || null;
}

function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

function keyView(key: WriteKey) {
  return {
    id: key.id,
    /** As metrics name it. */
    number: key.number,
    hint: key.hint,
    state: key.state,
    origin: key.origin,
    createdAt: time(key.createdAtMs),
    expiresAt: time(key.expiresAtMs),
    lastUsedAt: time(key.lastUsedAtMs),
  };
}

/** Only of sources: `before` and `after` hold no secret. */
function audit(
  store: Store,
  actor: Actor,
  action: string,
  { id, name }: Source,
  before: object | null,
  after: object | null,
): void {
  recordAudit(store, actor, { action, resource: { type: 'source', id, name }, before, after });
}

function auditKey(
  store: Store,
  actor: Actor,
  action: string,
  { name }: Source,
  before: WriteKey | null,
  after: WriteKey,
): void {
  const resource = { type: 'write key', id: after.id, name: `${name} ${after.hint}` };
  recordAudit(store, actor, {
    action,
    resource,
    before: before && keyView(before),
    after: keyView(after),
  });
}
