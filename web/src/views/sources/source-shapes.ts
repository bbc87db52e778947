/** Sources as the server shows them. */
export interface SourceLimits {
  requestsPerSecond: number;
  burst: number;
  requestBytesMax: number;
  eventBytesMax: number;
  batchEventsMax: number;
}

export interface Source {
  id: string;
  name: string;
  slug: string;
  region: string;
  environment: 'development' | 'staging' | 'production';
  enabled: boolean;
  limits: Partial<SourceLimits>;
  effectiveLimits: SourceLimits;
  responses: 'strict' | 'lenient';
  ip: 'keep' | 'truncate' | 'drop';
  origin: 'created' | 'declared';
  createdAt: string;
  /** When something was last sent; null: never. */
  lastSeenAt: string | null;
}

export const ENVIRONMENTS: readonly Source['environment'][] = [
  'production',
  'staging',
  'development',
];

export interface WriteKey {
  id: string;
  hint: string;
  state: 'active' | 'disabled';
  origin: 'created' | 'declared';
  createdAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
}

export interface SourceDetail extends Source {
  keys: WriteKey[];
  collectorUrl: string;
}

/** Keys that were made in this tab: they are shown until it is closed, and never again. */
export const freshKeys = new Map<string, string>();
