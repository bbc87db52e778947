/** What the main thread and a delivery thread say to each other. */
import type { DeadLetterFilter, DeadLetterView, DeadLetterGroup } from './dead-letter-shapes.ts';
import type { DeliverSettings, DestinationRecord } from './destination-record.ts';
import type { DestinationStatus } from './delivery-shapes.ts';
import type { ReplayForecast, ReplayProgress } from './replay-shapes.ts';
import type { DestinationOverview } from './delivery-shapes.ts';
import type { ReplaySpec } from './replay-shapes.ts';
import type { DestinationTrace, RuleResult } from './trace-shapes.ts';
import type { NormalEvent } from '../events/normalise.ts';
import type { NetSettings } from '../config/net-schema.ts';
import type { LogLevel } from '../observe/logger.ts';
import type { Snapshot } from '../observe/metrics.ts';
import type { RenewedTokens } from '../store/destinations/renewed-tokens.ts';

export interface DeliverySource {
  number: number;
  id: string;
  slug: string;
  name: string;
}

/** What changes while the thread runs. */
export interface DeliveryPlan {
  destinations: readonly DestinationRecord[];
  sources: readonly DeliverySource[];
  suppressedUsers: readonly string[];
  renewedTokens: RenewedTokens;
}

export interface DeliverySetup {
  dataFolder: string;
  partitions: readonly { name: string; region: string; slot: number }[];
  /** How far events are judged; as `base/durable-ends.ts`. */
  judgedEnds: SharedArrayBuffer;
  /** From where on this thread needs the log; as `base/durable-ends.ts`. */
  holds: SharedArrayBuffer;
  settings: DeliverSettings;
  net: NetSettings;
  plan: DeliveryPlan;
  logLevel: LogLevel;
}

/** Questions to a delivery thread, with what each answers. */
export interface DeliveryQuestions {
  /** Answered when the plan before it is at work. */
  settled: { ask: { destination: string }; answer: { ok: true } };
  status: { ask: Record<string, never>; answer: DestinationStatus[] };
  'dead-letter-groups': { ask: { destination: string }; answer: DeadLetterGroup[] };
  'dead-letters': {
    ask: { destination: string; filter: DeadLetterFilter; afterId: number; limit: number };
    answer: DeadLetterView[];
  };
  'dead-letter': {
    ask: { destination: string; id: number };
    answer: { letter: DeadLetterView; json: string | null };
  };
  'retry-dead-letters': {
    ask: { destination: string; filter: DeadLetterFilter };
    answer: { count: number };
  };
  'discard-dead-letters': {
    ask: { destination: string; filter: DeadLetterFilter; reason: string };
    answer: { count: number };
  };
  'start-replay': { ask: { destination: string; spec: ReplaySpec }; answer: ReplayProgress };
  'dry-run-replay': {
    ask: { destination: string; spec: ReplaySpec };
    answer: ReplayForecast;
  };
  replays: { ask: { destination: string }; answer: ReplayProgress[] };
  'steer-replay': {
    ask: { destination: string; id: string; action: 'pause' | 'resume' | 'cancel' };
    answer: ReplayProgress;
  };
  trace: {
    ask: { partition: string; position: number; index: number };
    answer: DestinationTrace[];
  };
  test: { ask: { destination: string }; answer: { ok: true } };
  overview: { ask: { destination: string }; answer: DestinationOverview };
  /** What each rule says today of each of these events. */
  explain: {
    ask: { destination: string; events: readonly NormalEvent[] };
    answer: RuleResult[][];
  };
}

export type DeliveryQuestion = keyof DeliveryQuestions;

/** Main → delivery. */
export type DeliveryOrder =
  | { kind: 'plan'; plan: DeliveryPlan }
  | { kind: 'ask'; id: number; question: DeliveryQuestion; ask: unknown }
  | { kind: 'stop' };

/** Delivery → main. */
export type DeliveryMessage =
  | { kind: 'ready' }
  | { kind: 'answer'; id: number; answer: unknown }
  | { kind: 'failed-answer'; id: number; code: string; message: string; field: string | undefined }
  | { kind: 'report'; metrics: Snapshot }
  /** To be kept: the service has withdrawn those that were before. */
  | { kind: 'renewed-tokens'; destinationId: string; tokens: unknown }
  | { kind: 'failed'; message: string }
  | { kind: 'stopped' };
