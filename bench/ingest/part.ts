import type { Part } from '../support/run-parts.ts';

export interface BenchScale {
  /** Alternating pairs of baseline and Millrace. */
  pairs: number;
  /** Seconds of each measurement. */
  seconds: number;
  memorySeconds: number;
  logBytes: number;
}

export type BenchPart = Part<BenchScale>;

/**
 * What users have, but for the one limit that a load generator with one write key meets: a source
 * may send 1,000 requests a second by default.
 */
export const USERS_CONFIG = {
  collector: { threads: 'auto' },
  limits: { requestsPerSecond: 10_000_000 },
};

/** As users' configuration, but the lake waits: what the collector does by itself. */
export const SLEEPING_LAKE = { ...USERS_CONFIG, lake: { pollMs: 60_000 } };
