/** Sources and their write keys as people see them. */
import type {
  AddressPolicy,
  Environment,
  Origin,
  Responses,
  SourceLimitOverrides,
  SourceLimits,
  SourceOauth,
} from '../../store/sources/source-shapes.ts';

export interface SourceView {
  id: string;
  name: string;
  slug: string;
  region: string;
  environment: Environment;
  enabled: boolean;
  /** Those that differ from the general ones. */
  limits: SourceLimitOverrides;
  /** Those that are in force. */
  effectiveLimits: SourceLimits;
  responses: Responses;
  ip: AddressPolicy;
  oauth: SourceOauth;
  origin: Origin;
  createdAt: string;
}

export interface ListedSource extends SourceView {
  /** When something was last sent; null: never. */
  lastSeenAt: string | null;
}

export interface SourceDetail extends ListedSource {
  keys: KeyView[];
  /** Where SDKs send. */
  collectorUrl: string;
}

export interface SourceMade extends SourceView {
  /** Shown this once. */
  writeKey: string;
}

/** What may be shown of a key: never the key itself. */
export interface KeyView {
  id: string;
  /** As metrics name it. */
  number: number;
  hint: string;
  state: 'active' | 'disabled';
  origin: Origin;
  createdAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
}

export interface KeyMade extends KeyView {
  /** Shown this once. */
  writeKey: string;
}

export interface KeyReplaced extends KeyMade {
  old: KeyView;
}

export interface LatestEvent {
  receivedAt: string | null;
  name: string | null;
  messageId: string | null;
}

export interface LatestEventAnswer {
  /** Null: nothing came yet. */
  latest: LatestEvent | null;
}
