/**
 * Sources of the running server and their write keys: made, changed and audited in one transaction,
 * and known to all threads before the answer.
 */
import { MillraceError } from '../../base/errors.ts';
import { recordAudit } from '../../store/people/audit.ts';
import type { Actor } from '../../store/people/people-shapes.ts';
import { changeSource, createSource, getSource } from '../../store/sources/sources.ts';
import type { NewSource, Source, SourceChange } from '../../store/sources/sources.ts';
import type { SourceLimitOverrides, SourceLimits } from '../../store/sources/source-shapes.ts';
import {
  createKey,
  disableKey,
  getKey,
  listKeys,
  rotateKey,
} from '../../store/sources/write-keys.ts';
import type { WriteKey } from '../../store/sources/write-keys.ts';
import { inStoreTransaction } from '../../store/store.ts';
import type { Store } from '../../store/store.ts';
import { publishStore } from '../publish-store.ts';
import type { Publishing } from '../publish-store.ts';
import type { ServerParts } from '../server-parts.ts';
import type { KeyMade, KeyReplaced, KeyView, SourceMade, SourceView } from './source-shapes.ts';

/** @throws MillraceError FORBIDDEN, INVALID_ARGUMENT naming the field, CONFLICT */
export function addSource(
  server: Publishing,
  given: Omit<NewSource, 'region'> & { region?: string | undefined },
  actor: Actor,
): SourceMade {
  requireNewSource(actor);
  const { store, config } = server;
  const regions = Object.keys(config.regions);
  const region = given.region ?? regions[0] ?? 'us';
  if (!regions.includes(region)) {
    const message = `region: ${region} is not one of ${regions.join(', ')}`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field: 'region' });
  }
  const made = inStoreTransaction(store, () => {
    const source = createSource(store, { ...given, region });
    audit(store, actor, 'Source Created', source, null, sourceView(server, source));
    const key = createKey(store, source.slug);
    auditKey(store, actor, 'Write Key Created', source, null, key);
    return { ...sourceView(server, source), writeKey: key.key };
  });
  publishStore(server);
  return made;
}

/** @throws MillraceError NOT_FOUND, INVALID_ARGUMENT */
export function editSource(
  server: Publishing,
  slug: string,
  change: SourceChange,
  actor: Actor,
): SourceView {
  const { store } = server;
  const changed = inStoreTransaction(store, () => {
    const before = sourceView(server, getSource(store, slug));
    const source = changeSource(store, slug, change);
    audit(store, actor, 'Source Modified', source, before, sourceView(server, source));
    return source;
  });
  publishStore(server);
  return sourceView(server, changed);
}

/** @throws MillraceError NOT_FOUND */
export function addKey(server: Publishing, slug: string, actor: Actor): KeyMade {
  const { store } = server;
  const made = inStoreTransaction(store, () => {
    const created = createKey(store, slug);
    auditKey(store, actor, 'Write Key Created', getSource(store, slug), null, created);
    return created;
  });
  publishStore(server);
  return { ...keyView(made), writeKey: made.key };
}

/** A new key beside the old one, which goes on for a while. @throws MillraceError NOT_FOUND */
export function replaceKey(
  server: Publishing,
  { slug, id, overlapMs }: { slug: string; id: string; overlapMs: number },
  actor: Actor,
): KeyReplaced {
  const { store } = server;
  const { created, old } = inStoreTransaction(store, () => {
    const before = keyOfSource(store, slug, id);
    const rotated = rotateKey(store, before.id, overlapMs);
    auditKey(store, actor, 'Write Key Rotated', getSource(store, slug), before, rotated.created);
    return rotated;
  });
  publishStore(server);
  return { ...keyView(created), writeKey: created.key, old: keyView(old) };
}

/** @throws MillraceError NOT_FOUND */
export function endKey(
  server: Publishing,
  { slug, id }: { slug: string; id: string },
  actor: Actor,
): KeyView {
  const { store } = server;
  const disabled = inStoreTransaction(store, () => {
    const before = keyOfSource(store, slug, id);
    const after = disableKey(store, before.id);
    auditKey(store, actor, 'Write Key Disabled', getSource(store, slug), before, after);
    return after;
  });
  publishStore(server);
  return keyView(disabled);
}

/** @throws MillraceError FORBIDDEN: whoever is kept to some sources would not see the new one. */
function requireNewSource(actor: Actor): void {
  const isKept = actor.sources !== null && actor.role !== 'admin' && actor.role !== 'owner';
  if (!isKept) return;
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

/** What may be shown of a source, and which limits are in force. */
export function sourceView({ config }: Pick<ServerParts, 'config'>, source: Source): SourceView {
  const { id, name, slug, region, environment, isEnabled, limits, origin } = source;
  const { responses, ip, oauth } = source;
  return {
    id,
    name,
    slug,
    region,
    environment,
    enabled: isEnabled,
    limits,
    effectiveLimits: limitsInForce(config, limits),
    responses,
    ip,
    oauth,
    origin,
    createdAt: new Date(source.createdAtMs).toISOString(),
  };
}

function limitsInForce(config: ServerParts['config'], own: SourceLimitOverrides): SourceLimits {
  const inForce = limitsByDefault(config);
  for (const key of Object.keys(inForce) as (keyof SourceLimits)[]) {
    inForce[key] = own[key] ?? inForce[key];
  }
  return inForce;
}

/** What a source may that says nothing else. */
function limitsByDefault({ limits }: ServerParts['config']): SourceLimits {
  const { requestsPerSecond, requestBytesMax, eventBytesMax, batchEventsMax } = limits;
  const burst = limits.burst ?? requestsPerSecond;
  return { requestsPerSecond, burst, requestBytesMax, eventBytesMax, batchEventsMax };
}

/** When something was last sent with one of the keys; null: never. */
export function lastUseOf(keys: readonly WriteKey[]): number | null {
  const times = keys.map(({ lastUsedAtMs }) => lastUsedAtMs ?? 0);
  return Math.max(0, ...times) || null;
}

/** ISO 8601, or null. */
export function timeText(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/** What may be shown of a key: never the key itself. */
export function keyView(key: WriteKey): KeyView {
  return {
    id: key.id,
    /** As metrics name it. */
    number: key.number,
    hint: key.hint,
    state: key.state,
    origin: key.origin,
    createdAt: new Date(key.createdAtMs).toISOString(),
    expiresAt: timeText(key.expiresAtMs),
    lastUsedAt: timeText(key.lastUsedAtMs),
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
