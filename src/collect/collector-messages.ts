/** What the main thread and a collector thread say to each other. */
import type { LogPartition } from '../log/partition-folder.ts';
import type { AuthSnapshot } from '../auth/snapshot.ts';
import type { EventLimits } from '../events/limits.ts';
import type { LogLevel } from '../observe/logger.ts';
import type { Snapshot } from '../observe/metrics.ts';
import type { AllowedOrigins } from './cors.ts';

/** A log partition that this thread writes. */
export interface TlsMaterial {
  cert: string;
  key: string;
}

export interface CollectorSetup {
  index: number;
  listen: {
    host: string;
    port: number;
    isShared: boolean;
    headersTimeoutMs: number;
    requestTimeoutMs: number;
    keepAliveTimeoutMs: number;
    connectionsMax: number;
    shutdownMs: number;
  };
  tls: TlsMaterial | null;
  trustedProxies: readonly string[];
  limits: EventLimits;
  corsOrigins: AllowedOrigins;
  rejectedBodyBytesMax: number;
  publicHost: string | null;
  /** By which SDKs are told to come; null: as the request says. */
  publicProtocol: 'http' | 'https' | null;
  sdkHttpConfig: Record<string, unknown> | null;
  log: {
    segmentBytesMax: number;
    queueBytesMax: number;
    /** Free disk space below which nothing is accepted. */
    minFreeBytes: number;
  };
  partitions: readonly LogPartition[];
  durableEnds: SharedArrayBuffer;
  rateTable: SharedArrayBuffer;
  oauth: {
    /** Of access tokens. */
    tokenKey: Uint8Array;
    /** Which assertions were used. */
    assertions: SharedArrayBuffer;
  };
  snapshot: AuthSnapshot;
  logLevel: LogLevel;
}

/** Main → collector. */
export type CollectorOrder =
  | { kind: 'snapshot'; snapshot: AuthSnapshot }
  | { kind: 'tls'; tls: TlsMaterial }
  | { kind: 'stop' };

/** Collector → main. */
export type CollectorMessage =
  | { kind: 'ready'; port: number }
  | { kind: 'report'; metrics: Snapshot; keyUse: [keyNumber: number, usedAtMs: number][] }
  | { kind: 'failed'; message: string }
  | { kind: 'stopped' };
