/**
 * Settles which source a request belongs to, from its Authorization header, the write key in its
 * body or query, and its host. Every refusal has a reason for metrics; callers must answer all
 * alike, so that nobody learns which keys exist.
 */
import type { Clock } from '../base/clock.ts';
import type { EventLimits } from '../events/limits.ts';
import { tokenProblem } from './access-tokens.ts';
import type { AccessTokens, TokenRefusal } from './access-tokens.ts';
import { knownClient } from './client-assertion.ts';
import type { KnownClient } from './client-assertion.ts';
import { isBearer, isWriteKey, readCredentials } from './credentials.ts';
import { buildKeyTable } from './key-table.ts';
import type { KeyRefusal, KeyTable } from './key-table.ts';
import { createHostRegions } from './regions.ts';
import type { AuthSnapshot, KeyEntry, SourceEntry } from './snapshot.ts';

/** The general limits with the source's own in their place. */
export interface AccessLimits extends EventLimits {
  requestsPerSecond: number;
  burst: number;
  /** True when the source allows less than the general limits do, in any way. */
  isTighter: boolean;
}

/** A key that was found good: its source, and what it may do. */
export interface Access {
  source: SourceEntry;
  keyNumber: number;
  limits: AccessLimits;
}

export type Refusal =
  KeyRefusal | TokenRefusal | 'missing' | 'malformed' | 'wrong_region' | 'disagreement';
export type Authentication = { ok: true; access: Access } | { ok: false; reason: Refusal };

export interface Authenticator {
  /** True when the header leaves the write key to the body (`Bearer`). */
  needsBody(authorization: string): boolean;
  /** Authenticates by the header alone, before the body is read. */
  fromHeader(authorization: string, host: string | undefined): Authentication;
  /** Authenticates by the body's or query's key; a `Basic` header, if any, must agree with it. */
  fromBody(
    writeKey: string | undefined,
    authorization: string | undefined,
    host: string | undefined,
  ): Authentication;
  /** True when the body's key is the very key that the header had. */
  agrees(access: Access, writeKey: string): boolean;
  /** The largest body that any source may send. */
  requestBytesMax(): number;
  /** Clients of enabled sources with that id; several while a key is being replaced. */
  clientsOf(id: string): readonly KnownClient[];
  /** Replaces everything known; takes effect with the next request. */
  setSnapshot(snapshot: AuthSnapshot): void;
}

interface CachedAccess {
  access: Access;
  expiresAtMs: number;
}

/** Good headers and keys that are remembered; refusals are not, or they would push these out. */
const CACHE_ENTRIES_MAX = 10_000;

export function createAuthenticator(
  first: AuthSnapshot,
  general: EventLimits,
  clock: Pick<Clock, 'wallMs'>,
  tokens: AccessTokens,
): Authenticator {
  let state = createState(first, general);

  /** @param text what the key was read from, which is what is remembered. */
  const resolve = (
    cache: Map<string, CachedAccess>,
    text: string,
    readKey: (text: string) => string | undefined,
  ): Authentication => {
    const nowMs = clock.wallMs();
    const cached = cache.get(text);
    if (cached !== undefined && nowMs < cached.expiresAtMs)
      return { ok: true, access: cached.access };
    const writeKey = readKey(text);
    if (writeKey === undefined) return { ok: false, reason: 'malformed' };
    const found = state.table.resolve(writeKey, nowMs);
    if (!found.ok) return found;
    const access = state.accessOf(found.source, found.key);
    if (cache.size >= CACHE_ENTRIES_MAX) cache.clear();
    const expiresAtMs = found.key.expiresAtMs ?? Number.POSITIVE_INFINITY;
    cache.set(text, { access, expiresAtMs });
    return { ok: true, access };
  };
  const byHeader = (authorization: string) => resolve(state.byHeader, authorization, basicKey);
  const byKey = (writeKey: string) => resolve(state.byKey, writeKey, plainKey);
  const inRegion = (found: Authentication, host: string | undefined): Authentication => {
    const region = found.ok ? state.hosts.regionOf(host) : undefined;
    return found.ok && region !== undefined && region !== found.access.source.region
      ? { ok: false, reason: 'wrong_region' }
      : found;
  };

  const withToken = (found: Authentication, authorization: string | undefined): Authentication => {
    const problem = found.ok
      ? tokenProblem(found.access.source, authorization, tokens, clock.wallMs())
      : undefined;
    return problem === undefined ? found : { ok: false, reason: problem };
  };

  const authenticator: Authenticator = {
    needsBody: isBearer,
    fromHeader: (authorization, host) =>
      withToken(inRegion(byHeader(authorization), host), authorization),
    fromBody(writeKey, authorization, host) {
      if (authorization !== undefined && authorization !== '' && !isBearer(authorization)) {
        const found = authenticator.fromHeader(authorization, host);
        if (!found.ok || writeKey === undefined) return found;
        const isAgreed = authenticator.agrees(found.access, writeKey);
        return isAgreed ? found : { ok: false, reason: 'disagreement' };
      }
      if (writeKey === undefined) return { ok: false, reason: 'missing' };
      return withToken(inRegion(byKey(writeKey), host), authorization);
    },
    agrees(access, writeKey) {
      const found = byKey(writeKey);
      return found.ok && found.access.keyNumber === access.keyNumber;
    },
    requestBytesMax: () => state.requestBytesMax,
    clientsOf: (id) => state.clients.get(id) ?? [],
    setSnapshot(snapshot) {
      state = createState(snapshot, general);
    },
  };
  return authenticator;
}

/** What one snapshot leads to. The caches go with it, so nothing outlives what it came from. */
interface State {
  table: KeyTable;
  hosts: ReturnType<typeof createHostRegions>;
  byHeader: Map<string, CachedAccess>;
  byKey: Map<string, CachedAccess>;
  accessOf(source: SourceEntry, key: KeyEntry): Access;
  requestBytesMax: number;
  clients: ReadonlyMap<string, readonly KnownClient[]>;
}

function createState(snapshot: AuthSnapshot, general: EventLimits): State {
  const limits = new Map(
    snapshot.sources.map((source) => [source.number, limitsOf(source, general)]),
  );
  return {
    table: buildKeyTable(snapshot),
    hosts: createHostRegions(snapshot.regions),
    byHeader: new Map(),
    byKey: new Map(),
    accessOf: (source, key) => ({
      source,
      keyNumber: key.number,
      limits: limits.get(source.number) ?? limitsOf(source, general),
    }),
    requestBytesMax: snapshot.sources.reduce(
      (most, source) => Math.max(most, source.limits.requestBytesMax),
      general.requestBytesMax,
    ),
    clients: clientsById(snapshot),
  };
}

function clientsById({ sources }: AuthSnapshot): Map<string, KnownClient[]> {
  const clients = sources.filter(({ enabled }) => enabled).flatMap(({ oauth }) => oauth.clients);
  return Map.groupBy(clients.map(knownClient), ({ id }) => id);
}

function limitsOf(source: SourceEntry, general: EventLimits): AccessLimits {
  const own = source.limits;
  const isTighter =
    own.requestBytesMax < general.requestBytesMax ||
    own.eventBytesMax < general.eventBytesMax ||
    own.batchEventsMax < general.batchEventsMax;
  return { ...general, ...own, isTighter };
}

function basicKey(authorization: string): string | undefined {
  const credentials = readCredentials(authorization);
  return credentials.kind === 'basic' ? credentials.writeKey : undefined;
}

function plainKey(writeKey: string): string | undefined {
  return isWriteKey(writeKey) ? writeKey : undefined;
}
