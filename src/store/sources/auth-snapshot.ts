/** Everything that authentication needs, as plain data that can be posted to threads. */
import type { Config } from '../../config/config-schema.ts';
import { consentSettingsFor } from './consent-settings.ts';
import type { ConsentSettings } from './consent-settings.ts';
import { listSourcesEver } from './sources.ts';
import type {
  AddressPolicy,
  Environment,
  Responses,
  SourceLimits,
  SourceOauth,
} from './source-shapes.ts';
import { inStoreSnapshot } from '../store.ts';
import type { Store } from '../store.ts';
import { ensureWorkspace } from '../workspace/workspaces.ts';
import { listKeys } from './write-keys.ts';

export interface AuthSnapshot {
  sources: SourceEntry[];
  keys: KeyEntry[];
  regions: RegionEntry[];
}

export interface SourceEntry {
  /** Stands for the source in the log. */
  number: number;
  id: string;
  name: string;
  slug: string;
  region: string;
  environment: Environment;
  enabled: boolean;
  /** Its own limits where it has them, else the general ones. */
  limits: SourceLimits;
  responses: Responses;
  ip: AddressPolicy;
  oauth: SourceOauth;
  /** Null when no destination of the source asks for consent. */
  consentSettings: ConsentSettings | null;
}

export interface KeyEntry {
  number: number;
  /** SHA-256 of the key, hexadecimal. */
  digest: string;
  sourceNumber: number;
  state: 'active' | 'disabled';
  expiresAtMs: number | null;
}

export interface RegionEntry {
  name: string;
  /** Lower-case host names that accept only keys of this region. */
  hosts: string[];
}

/** Reads sources and keys in one transaction, so that they belong together. */
export function authSnapshot(
  store: Store,
  config: Pick<Config, 'limits' | 'regions'>,
): AuthSnapshot {
  // Made before, because a snapshot only reads.
  ensureWorkspace(store);
  return inStoreSnapshot(store, () => {
    const consentSettings = consentSettingsFor(store);
    return {
      sources: listSourcesEver(store).map(({ limits, ...source }) => ({
        number: source.number,
        id: source.id,
        name: source.name,
        slug: source.slug,
        region: source.region,
        environment: source.environment,
        enabled: source.isEnabled,
        limits: {
          requestsPerSecond: limits.requestsPerSecond ?? config.limits.requestsPerSecond,
          burst: limits.burst ?? limits.requestsPerSecond ?? config.limits.burst,
          requestBytesMax: limits.requestBytesMax ?? config.limits.requestBytesMax,
          eventBytesMax: limits.eventBytesMax ?? config.limits.eventBytesMax,
          batchEventsMax: limits.batchEventsMax ?? config.limits.batchEventsMax,
        },
        responses: source.responses,
        ip: source.ip,
        oauth: source.oauth,
        consentSettings: consentSettings(source),
      })),
      keys: listKeys(store).map(({ number, digest, sourceNumber, state, expiresAtMs }) => ({
        number,
        digest,
        sourceNumber,
        state,
        expiresAtMs,
      })),
      regions: Object.entries(config.regions).map(([name, { hosts }]) => ({ name, hosts })),
    };
  });
}
