/** Destinations as they are configured. Settings are sealed; who checks them is the caller. */
import { isDeepStrictEqual } from 'node:util';
import type { DeclaredDestination } from '../../config/config-schema.ts';
import { MillraceError } from '../../base/errors.ts';
import { resealRows } from '../sealing/reseal-rows.ts';
import type { SealedColumn } from '../sealing/reseal-rows.ts';
import type { Sealer } from '../sealing/sealing.ts';
import type { Origin } from '../sources/source-shapes.ts';
import { checkName, checkSlug } from '../sources/sources.ts';
import { inStoreTransaction } from '../store.ts';
import type { Store } from '../store.ts';
import { ensureWorkspace } from '../workspace/workspaces.ts';
import type { DestinationState } from './destination-shapes.ts';
import { dropAuthorization, OAUTH_AUTHORIZATIONS } from './oauth-authorizations.ts';
import { RENEWED_TOKENS } from './renewed-tokens.ts';

export type DestinationStart = 'now' | 'beginning' | { fromMs: number };

export interface StoredDestination {
  id: string;
  workspaceId: string;
  name: string;
  slug: string;
  type: string;
  region: string;
  state: DestinationState;
  sources: string[] | null;
  settings: Record<string, unknown>;
  consentCategories: string[];
  filters: unknown[];
  delivery: DeclaredDestination['delivery'];
  start: DestinationStart;
  origin: Origin;
  createdAtMs: number;
  updatedAtMs: number;
}

/** What a person or the configuration says of a destination. */
export type NewDestination = Omit<
  StoredDestination,
  'id' | 'workspaceId' | 'createdAtMs' | 'updatedAtMs' | 'origin'
> & { origin?: Origin };

/** What can be changed; the region cannot. */
export type DestinationChange = Partial<Omit<NewDestination, 'slug' | 'region' | 'start'>>;

/** The place of the settings, for sealing. */
function placeOf(id: string): string {
  return `destination/${id}`;
}

const SETTINGS: SealedColumn = {
  table: 'destinations',
  key: 'id',
  column: 'sealed_settings',
  placeOf,
};

/** @throws MillraceError INVALID_ARGUMENT for a bad name or slug, CONFLICT for a taken slug. */
export function createDestination(
  store: Store,
  sealer: Sealer,
  given: NewDestination,
): StoredDestination {
  checkName(given.name);
  checkSlug(given.slug);
  return inStoreTransaction(store, () => {
    if (isTaken(store, given.slug)) {
      const message = `A destination with slug ${given.slug} exists`;
      throw new MillraceError('CONFLICT', message, { field: 'slug' });
    }
    const id = store.random.uuid();
    const now = store.clock.wallMs();
    store.database
      .prepare(
        `insert into destinations (id, workspace_id, name, slug, type, region, state, sources,
           sealed_settings, consent_categories, filters, delivery, start, origin, created_at_ms,
           updated_at_ms) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        id,
        ensureWorkspace(store).id,
        given.name,
        given.slug,
        given.type,
        given.region,
        given.state,
        given.sources === null ? null : JSON.stringify(given.sources),
        sealer.seal(JSON.stringify(given.settings), placeOf(id)),
        JSON.stringify(given.consentCategories),
        JSON.stringify(given.filters),
        JSON.stringify(given.delivery),
        JSON.stringify(given.start),
        given.origin ?? 'created',
        now,
        now,
      );
    return mustFind(store, sealer, given.slug);
  });
}

/** @throws MillraceError NOT_FOUND */
export function updateDestination(
  store: Store,
  sealer: Sealer,
  slug: string,
  change: DestinationChange,
): StoredDestination {
  return inStoreTransaction(store, () => {
    const found = mustFind(store, sealer, slug);
    const next = { ...found, ...change };
    checkName(next.name);
    // Whoever enters others wants those, and not what somebody let in before; and tokens of one
    // service are nothing for another.
    const isSameOauth = isDeepStrictEqual(next.settings['oauth'], found.settings['oauth']);
    if (!isSameOauth || next.type !== found.type) dropAuthorization(store, found.id);
    store.database
      .prepare(
        `update destinations set name = ?, type = ?, state = ?, sources = ?, sealed_settings = ?,
           consent_categories = ?, filters = ?, delivery = ?, origin = ?, updated_at_ms = ?
         where id = ?`,
      )
      .run(
        next.name,
        next.type,
        next.state,
        next.sources === null ? null : JSON.stringify(next.sources),
        sealer.seal(JSON.stringify(next.settings), placeOf(next.id)),
        JSON.stringify(next.consentCategories),
        JSON.stringify(next.filters),
        JSON.stringify(next.delivery),
        next.origin,
        store.clock.wallMs(),
        next.id,
      );
    return mustFind(store, sealer, slug);
  });
}

/** @throws MillraceError NOT_FOUND */
export function deleteDestination(store: Store, sealer: Sealer, slug: string): void {
  const { id } = mustFind(store, sealer, slug);
  store.database.prepare('delete from destinations where id = ?').run(id);
}

/** In the order of their slugs. @throws MillraceError SECRETS_SEALED */
export function listDestinations(store: Store, sealer: Sealer): StoredDestination[] {
  const rows = store.database
    .prepare('select * from destinations where workspace_id = ? order by slug')
    .all(ensureWorkspace(store).id);
  return rows.map((row) => destinationFrom(row, sealer));
}

/** Where the state of each destination is; needs no key. */
export function listDestinationPlaces(
  store: Store,
): { id: string; slug: string; region: string }[] {
  const rows = store.database
    .prepare('select id, slug, region from destinations where workspace_id = ?')
    .all(ensureWorkspace(store).id);
  return rows.map((row) => ({
    id: String(row['id']),
    slug: String(row['slug']),
    region: String(row['region']),
  }));
}

/** By slug. @throws MillraceError SECRETS_SEALED */
export function findDestination(
  store: Store,
  sealer: Sealer,
  slug: string,
): StoredDestination | undefined {
  const row = store.database
    .prepare('select * from destinations where workspace_id = ? and slug = ?')
    .get(ensureWorkspace(store).id, slug);
  return row && destinationFrom(row, sealer);
}

/**
 * Seals all settings of all workspaces, and their tokens, anew, in one transaction.
 * @returns of how many destinations. @throws MillraceError SECRETS_SEALED
 */
export function resealDestinations(store: Store, old: Sealer, next: Sealer): number {
  return inStoreTransaction(store, () => {
    resealRows(store, RENEWED_TOKENS, old, next);
    resealRows(store, OAUTH_AUTHORIZATIONS, old, next);
    return resealRows(store, SETTINGS, old, next);
  });
}

/** Slugs are in addresses and folders, so no two workspaces share one. */
function isTaken(store: Store, slug: string): boolean {
  return (
    store.database.prepare('select 1 from destinations where slug = ?').get(slug) !== undefined
  );
}

function mustFind(store: Store, sealer: Sealer, slug: string): StoredDestination {
  const found = findDestination(store, sealer, slug);
  if (found) return found;
  throw new MillraceError('NOT_FOUND', `There is no destination ${slug}`, { field: 'slug' });
}

function destinationFrom(row: Record<string, unknown>, sealer: Sealer): StoredDestination {
  const id = String(row['id']);
  const parsed = <T>(column: string): T => JSON.parse(String(row[column])) as T;
  const settings = sealer.open(row['sealed_settings'] as Uint8Array, placeOf(id));
  return {
    id,
    workspaceId: String(row['workspace_id']),
    name: String(row['name']),
    slug: String(row['slug']),
    type: String(row['type']),
    region: String(row['region']),
    state: row['state'] as DestinationState,
    sources: row['sources'] === null ? null : parsed('sources'),
    settings: JSON.parse(settings) as Record<string, unknown>,
    consentCategories: parsed('consent_categories'),
    filters: parsed('filters'),
    delivery: parsed('delivery'),
    start: parsed('start'),
    origin: row['origin'] as Origin,
    createdAtMs: Number(row['created_at_ms']),
    updatedAtMs: Number(row['updated_at_ms']),
  };
}
