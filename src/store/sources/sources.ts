/** Sources: where events come from. A source's number stands for it in the log. */
import { assert } from '../../base/assert.ts';
import { MillraceError } from '../../base/errors.ts';
import { isInternalSlug } from '../../base/internal-source.ts';
import { isRsaPublicKey } from '../../config/rsa-public-key.ts';
import { SLUG } from '../../config/source-schema.ts';
import { SOURCE_NUMBER_MAX } from './source-number-max.ts';
import { inStoreTransaction } from '../store.ts';
import type { Store } from '../store.ts';
import { ensureWorkspace } from '../workspace/workspaces.ts';
import type {
  AddressPolicy,
  Environment,
  Origin,
  Responses,
  SourceLimitOverrides,
  SourceOauth,
} from './source-shapes.ts';

export interface Source {
  number: number;
  id: string;
  workspaceId: string;
  name: string;
  slug: string;
  region: string;
  environment: Environment;
  isEnabled: boolean;
  limits: SourceLimitOverrides;
  responses: Responses;
  ip: AddressPolicy;
  oauth: SourceOauth;
  origin: Origin;
  createdAtMs: number;
  updatedAtMs: number;
  isDeleted: boolean;
}

export interface NewSource {
  name: string;
  /** a-z, 0-9, _ and -; by default made from the name. */
  slug?: string | undefined;
  region: string;
  environment?: Environment | undefined;
  limits?: SourceLimitOverrides | undefined;
  responses?: Responses | undefined;
  ip?: AddressPolicy | undefined;
  oauth?: SourceOauth | undefined;
  origin?: Origin | undefined;
}

const NO_CLIENTS: SourceOauth = { clients: [], required: false };
const NAME_CHARS_MAX = 200;
const SLUG_CHARS_MAX = 64;

/**
 * With the slug of a deleted source it is that source again, and goes on with its data.
 * @throws MillraceError INVALID_ARGUMENT for a bad name or slug, CONFLICT for a taken slug, or
 *   when the data of a deleted source lies in another region.
 */
export function createSource(store: Store, source: NewSource): Source {
  const { name, slug = slugOf(name), region, environment = 'production' } = source;
  const { limits = {}, responses = 'strict', ip = 'keep', origin = 'created' } = source;
  const { oauth = NO_CLIENTS } = source;
  checkOauth(oauth);
  checkName(name);
  checkSlug(slug);
  if (isInternalSlug(slug)) {
    const message = `The slug ${slug} is kept for Millrace's own source`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field: 'slug' });
  }
  const place = { name, slug, region, environment };
  return insertSource(store, { ...place, limits, responses, ip, oauth, origin });
}

type WholeSource = Pick<
  Source,
  'name' | 'slug' | 'region' | 'environment' | 'limits' | 'responses' | 'ip' | 'oauth' | 'origin'
>;

function insertSource(store: Store, source: WholeSource): Source {
  const { slug } = source;
  return inStoreTransaction(store, () => {
    const workspace = ensureWorkspace(store);
    const taken = findTaken(store, slug);
    if (taken && (taken.workspaceId !== workspace.id || !taken.isDeleted)) {
      throw new MillraceError('CONFLICT', `A source with slug ${slug} exists`, { field: 'slug' });
    }
    if (taken) revive(store, taken, source);
    else addRow(store, workspace.id, source);
    const made = findTaken(store, slug);
    assert(made, 'a source that was made is there');
    return made;
  });
}

function addRow(store: Store, workspaceId: string, source: WholeSource): void {
  const now = store.clock.wallMs();
  const row = store.database
    .prepare(
      `insert into sources (id, workspace_id, name, slug, region, environment, limits, responses,
         ip, oauth, origin, created_at_ms, updated_at_ms)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) returning number`,
    )
    .get(
      store.random.uuid(),
      workspaceId,
      source.name,
      source.slug,
      source.region,
      source.environment,
      JSON.stringify(source.limits),
      source.responses,
      source.ip,
      JSON.stringify(source.oauth),
      source.origin,
      now,
      now,
    );
  if (Number(row?.['number']) > SOURCE_NUMBER_MAX) {
    throw new MillraceError('CONFLICT', `At most ${SOURCE_NUMBER_MAX} sources can ever be made`);
  }
}

/**
 * A source of Millrace's own, made when it is not there.
 * @param slug one of `INTERNAL_SLUGS`.
 * @throws MillraceError CONFLICT when another workspace of the store has it.
 */
export function ensureInternalSource(
  store: Store,
  { name, slug, region }: Pick<Source, 'name' | 'slug' | 'region'>,
): Source {
  return inStoreTransaction(store, () => {
    const known = findLive(store, slug);
    // Somebody may have disabled it when sources of this kind were still listed.
    if (known?.isEnabled === false) writeEnabled(store, known.number, true);
    if (known) return { ...known, isEnabled: true };
    const settings = { environment: 'production', responses: 'strict', ip: 'keep' } as const;
    const oauth = NO_CLIENTS;
    // What a deleted one has sent lies where it lies.
    const place = { region: findTaken(store, slug)?.region ?? region, limits: {} };
    return insertSource(store, { name, slug, ...place, ...settings, oauth, origin: 'created' });
  });
}

/** In the order they were made, without deleted ones and Millrace's own. */
export function listSources(store: Store): Source[] {
  return listSourcesEver(store).filter(
    ({ isDeleted, slug }) => !isDeleted && !isInternalSlug(slug),
  );
}

/** With deleted ones and Millrace's own, for whoever reads log or lake, where their events are. */
export function listSourcesEver(store: Store): Source[] {
  return store.database
    .prepare('select * from sources where workspace_id = ? order by number')
    .all(ensureWorkspace(store).id)
    .map(sourceOf);
}

/** @param slugOrId a slug or an id, not of a deleted source or one of Millrace's own. */
export function findSource(store: Store, slugOrId: string): Source | undefined {
  const found = findLive(store, slugOrId);
  return isInternalSlug(found?.slug) ? undefined : found;
}

function findLive(store: Store, slugOrId: string): Source | undefined {
  const row = store.database
    .prepare(
      `select * from sources
       where workspace_id = ? and (slug = ? or id = ?) and deleted_at_ms is null`,
    )
    .get(ensureWorkspace(store).id, slugOrId, slugOrId);
  return row === undefined ? undefined : sourceOf(row);
}

/** @throws MillraceError NOT_FOUND */
export function getSource(store: Store, slugOrId: string): Source {
  const source = findSource(store, slugOrId);
  if (!source) {
    const shown = SLUG.test(slugOrId) ? ` ${slugOrId}` : '';
    throw new MillraceError('NOT_FOUND', `There is no source${shown}`, { field: 'source' });
  }
  return source;
}

/** A disabled source answers 401 to all of its keys. @throws MillraceError NOT_FOUND */
export function setSourceEnabled(store: Store, slugOrId: string, isEnabled: boolean): Source {
  return inStoreTransaction(store, () => {
    writeEnabled(store, getSource(store, slugOrId).number, isEnabled);
    return getSource(store, slugOrId);
  });
}

function writeEnabled(store: Store, number: number, isEnabled: boolean): void {
  store.database
    .prepare('update sources set is_enabled = ?, updated_at_ms = ? where number = ?')
    .run(isEnabled ? 1 : 0, store.clock.wallMs(), number);
}

/**
 * Its keys are refused for good, and nothing lists it any more; its events stay in log and lake.
 * @throws MillraceError NOT_FOUND
 */
export function deleteSource(store: Store, slugOrId: string): void {
  inStoreTransaction(store, () => {
    const { number, id } = getSource(store, slugOrId);
    const now = store.clock.wallMs();
    store.database
      .prepare(
        `update sources set is_enabled = 0, deleted_at_ms = ?1, updated_at_ms = ?1
         where number = ?2`,
      )
      .run(now, number);
    store.database
      .prepare(
        `update write_keys set state = 'disabled', disabled_by = 'person'
         where source_number = ? and state = 'active'`,
      )
      .run(number);
    for (const table of ['resource_labels', 'resource_documents']) {
      store.database
        .prepare(`delete from ${table} where resource_type = 'source' and resource_id = ?`)
        .run(id);
    }
  });
}

/** What people may change of a source; region and slug stand in its data, and stay. */
export type SourceChange = Partial<
  Pick<Source, 'name' | 'environment' | 'isEnabled' | 'limits' | 'responses' | 'ip' | 'oauth'>
>;

/** @throws MillraceError NOT_FOUND, INVALID_ARGUMENT for a bad name. */
export function changeSource(store: Store, slugOrId: string, change: SourceChange): Source {
  return inStoreTransaction(store, () => {
    const next = { ...getSource(store, slugOrId), ...change };
    checkName(next.name);
    checkOauth(next.oauth);
    store.database
      .prepare(
        `update sources set name = ?, environment = ?, is_enabled = ?, limits = ?, responses = ?,
           ip = ?, oauth = ?, updated_at_ms = ? where number = ?`,
      )
      .run(
        next.name,
        next.environment,
        next.isEnabled ? 1 : 0,
        JSON.stringify(next.limits),
        next.responses,
        next.ip,
        JSON.stringify(next.oauth),
        store.clock.wallMs(),
        next.number,
      );
    return getSource(store, next.slug);
  });
}

/** A slug made from a name: `Étoile Shop!` → `etoile-shop`. */
export function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, '-')
    .slice(0, SLUG_CHARS_MAX)
    .replace(/^-+|-+$/g, '');
}

export function checkName(name: string): void {
  if (name.length === 0 || name.length > NAME_CHARS_MAX || /\p{Cc}/u.test(name)) {
    const message = `A name has 1 to ${NAME_CHARS_MAX} printable characters`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field: 'name' });
  }
}

function checkOauth({ clients }: SourceOauth): void {
  const wrong = clients.findIndex(({ publicKey }) => !isRsaPublicKey(publicKey));
  if (wrong < 0) return;
  const message = 'The key of a client is an RSA public key of 2048 bits or more, in PEM';
  const field = `oauth.clients[${wrong}].publicKey`;
  throw new MillraceError('INVALID_ARGUMENT', message, { field });
}

export function checkSlug(slug: string): void {
  if (!SLUG.test(slug)) {
    const message = `A slug has 1 to ${SLUG_CHARS_MAX} characters of a-z, 0-9, _ and -`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field: 'slug' });
  }
}

/** Slugs are in addresses and folders, so no two workspaces share one. */
function findTaken(store: Store, slug: string): Source | undefined {
  const row = store.database.prepare('select * from sources where slug = ?').get(slug);
  return row && sourceOf(row);
}

function revive(store: Store, { number, slug, region }: Source, given: WholeSource): void {
  if (given.region !== region) {
    const message = `A deleted source with slug ${slug} has its data in the region ${region}`;
    throw new MillraceError('CONFLICT', message, { field: 'region' });
  }
  store.database
    .prepare(
      `update sources set name = ?, environment = ?, is_enabled = 1, limits = ?, responses = ?,
         ip = ?, oauth = ?, origin = ?, updated_at_ms = ?, deleted_at_ms = null
       where number = ?`,
    )
    .run(
      given.name,
      given.environment,
      JSON.stringify(given.limits),
      given.responses,
      given.ip,
      JSON.stringify(given.oauth),
      given.origin,
      store.clock.wallMs(),
      number,
    );
}

/** The table's checks guarantee the words; see migrations. */
function sourceOf(row: Record<string, unknown>): Source {
  return {
    number: Number(row['number']),
    id: String(row['id']),
    workspaceId: String(row['workspace_id']),
    name: String(row['name']),
    slug: String(row['slug']),
    region: String(row['region']),
    environment: row['environment'] as Environment,
    isEnabled: row['is_enabled'] === 1,
    limits: JSON.parse(String(row['limits'])) as SourceLimitOverrides,
    responses: row['responses'] as Responses,
    ip: row['ip'] as AddressPolicy,
    oauth: JSON.parse(String(row['oauth'])) as SourceOauth,
    origin: row['origin'] as Origin,
    createdAtMs: Number(row['created_at_ms']),
    updatedAtMs: Number(row['updated_at_ms']),
    isDeleted: row['deleted_at_ms'] !== null,
  };
}
