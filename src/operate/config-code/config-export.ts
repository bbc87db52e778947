/** The control store as a document of configuration as code: the same store, the same document. */
import { DOCUMENT_VERSION } from './config-document.ts';
import type {
  AlertItem,
  ConfigDocument,
  DestinationItem,
  SourceItem,
  UserItem,
  WriteKeyItem,
} from './config-document.ts';
import { ruleView } from '../alerts/written-rule.ts';
import { listAlertRules } from '../../store/workspace/alert-rules.ts';
import type { AlertRule } from '../../store/workspace/alert-rule-shapes.ts';
import { listDestinations } from '../../store/destinations/destinations.ts';
import type { StoredDestination } from '../../store/destinations/destinations.ts';
import { listResourceLabels } from '../../store/workspace/resource-labels.ts';
import type { Sealer } from '../../store/sealing/sealing.ts';
import { listSources } from '../../store/sources/sources.ts';
import type { Source } from '../../store/sources/sources.ts';
import type { Store } from '../../store/store.ts';
import { listUsers } from '../../store/people/users.ts';
import type { User } from '../../store/people/people-shapes.ts';
import { listKeys } from '../../store/sources/write-keys.ts';
import type { WriteKey } from '../../store/sources/write-keys.ts';
import { shownSettings, startText } from '../destinations/change-destination.ts';

interface Seams {
  store: Store;
  sealer: Sealer;
}

/** In the order of slugs and emails; secrets masked. @throws MillraceError SECRETS_SEALED */
export function exportConfig({ store, sealer }: Seams): ConfigDocument {
  const bySlug = (a: { slug: string }, b: { slug: string }) => compare(a.slug, b.slug);
  return {
    version: DOCUMENT_VERSION,
    sources: listSources(store)
      .map((source) => sourceItemOf(store, source))
      .toSorted(bySlug),
    destinations: listDestinations(store, sealer)
      .map((destination) => destinationItemOf(store, destination))
      .toSorted(bySlug),
    users: listUsers(store)
      .map(userItemOf)
      .toSorted((a, b) => compare(a.email, b.email)),
    alerts: listAlertRules(store, sealer)
      .map(alertItemOf)
      .toSorted((a, b) => compare(a.name, b.name)),
  };
}

/** With the keys that work, or will until their overlap ends. */
export function sourceItemOf(store: Store, source: Source): SourceItem {
  const { slug, name, region, environment, isEnabled, limits, responses, ip, oauth, id } = source;
  return {
    slug,
    name,
    region,
    environment,
    enabled: isEnabled,
    limits,
    responses,
    ip,
    oauth,
    writeKeys: usableKeys(store, slug).map(writeKeyItemOf),
    labels: listResourceLabels(store, 'source', id),
  };
}

export function usableKeys(store: Store, slug: string): WriteKey[] {
  const now = store.clock.wallMs();
  return listKeys(store, slug).filter(
    ({ state, expiresAtMs }) => state === 'active' && (expiresAtMs === null || expiresAtMs > now),
  );
}

function writeKeyItemOf({ digest, hint, expiresAtMs }: WriteKey): WriteKeyItem {
  const expires = expiresAtMs === null ? {} : { expiresAt: new Date(expiresAtMs).toISOString() };
  return { digest, hint, ...expires };
}

/** As a document says it: its secrets masked. */
export function destinationItemOf(store: Store, destination: StoredDestination): DestinationItem {
  const { id, slug, name, type, region, state, sources, settings, start } = destination;
  const { consentCategories, filters, delivery } = destination;
  return {
    slug,
    name,
    type,
    region,
    state,
    sources,
    settings: shownSettings(type, settings),
    consentCategories,
    filters,
    delivery,
    start: startText(start),
    labels: listResourceLabels(store, 'destination', id),
  };
}

export function userItemOf({ email, name, role, sources, isEnabled }: User): UserItem {
  const { read = [], write = [] } = sources ?? {};
  return {
    email,
    name,
    role,
    sources: sources && { read: [...read], write: [...write] },
    enabled: isEnabled,
  };
}

/** Without its id, which is another one elsewhere. */
export function alertItemOf(rule: AlertRule): AlertItem {
  const { id: _, ...item } = ruleView(rule);
  return item;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
