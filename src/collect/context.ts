/** What one collector thread shares between its requests. Built once by the thread. */
import type { Clock } from '../base/clock.ts';
import type { AccessTokens } from '../auth/access-tokens.ts';
import type { AssertionMemory } from '../auth/assertion-memory.ts';
import type { Access, Authenticator } from '../auth/authenticator.ts';
import type { EventLimits } from '../events/limits.ts';
import type { LogWriter } from '../log/log-writer.ts';
import type { Histogram } from '../observe/metrics.ts';
import type { ClientAddress } from './client-address.ts';
import type { AllowedOrigins } from './cors.ts';
import type { CollectCells } from './cells.ts';

export interface CollectSettings {
  limits: EventLimits;
  corsOrigins: AllowedOrigins;
  /** How much of a request that cannot be decoded is kept, bytes. */
  rejectedBodyBytesMax: number;
  /** Where SDKs reach this collector, without scheme (`host[:port]`); null: as the request says. */
  publicHost: string | null;
  /** By which SDKs are told to come; null: as the request says. */
  publicProtocol: 'http' | 'https' | null;
  /** Passed to SDKs in their settings, to steer how they retry. */
  sdkHttpConfig: Record<string, unknown> | null;
}

export interface CollectContext {
  clock: Clock;
  settings: CollectSettings;
  authenticator: Authenticator;
  tokens: AccessTokens;
  assertions: AssertionMemory;
  clientAddress: ClientAddress;
  cells: CollectCells;
  requestSeconds: Histogram;
  /** The largest body any source may send: the limit until the key is known. */
  requestBytesMax(): number;
  logFor(region: string): LogWriter | undefined;
  /** Takes one token of the source's rate limit; false when there is none. */
  takeToken(access: Access): boolean;
  /** After a refused token: milliseconds until there is one. */
  msUntilToken(): number;
  tokensLeft(access: Access): number;
  /** True while the disk has less free space than configured. */
  isDiskLow(): boolean;
  /** False from the moment the process is asked to stop. */
  isAccepting(): boolean;
}
