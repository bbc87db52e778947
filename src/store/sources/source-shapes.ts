/** What a source may be. */

export type Environment = 'development' | 'staging' | 'production';

export type Responses = 'strict' | 'lenient';

export type AddressPolicy = 'keep' | 'truncate' | 'drop';

/** Who made a source or key: a person (`created`) or the configuration (`declared`). */
export type Origin = 'created' | 'declared';

/** Somebody who may ask for access tokens, and signs with the other half of this key. */
export interface OauthClient {
  id: string;
  /** PEM. */
  publicKey: string;
}

/** Who may send with access tokens. Without clients a Bearer token is not looked at. */
export interface SourceOauth {
  clients: OauthClient[];
  /** True: events without a token are refused. */
  required: boolean;
}

/** What requests of a source may be; the names are those of the configuration. */
export interface SourceLimits {
  requestsPerSecond: number;
  burst: number;
  requestBytesMax: number;
  eventBytesMax: number;
  batchEventsMax: number;
}

/** The limits that differ from the general ones. */
export type SourceLimitOverrides = { [Key in keyof SourceLimits]?: number | undefined };
