/** What the main thread and the lake thread say to each other. */
import type { LogLevel } from '../observe/logger.ts';
import type { Snapshot } from '../observe/metrics.ts';
import type { SourceInfo } from './lake-columns.ts';
import type { LakeSettings } from './lake-state.ts';
import type { RowPlace } from './locate-row.ts';
import type { KnownViews, LakeTables } from './lake-tables.ts';
import type { TailLine } from './tail-shapes.ts';

export interface LakePartition {
  name: string;
  region: string;
  slot: number;
}

export interface RetentionSettings {
  retentionHours: number;
  /** Total log bytes to keep at most, or null for no limit. */
  retentionBytesMax: number | null;
}

export interface LakeSetup {
  dataFolder: string;
  regions: readonly string[];
  partitions: readonly LakePartition[];
  durableEnds: SharedArrayBuffer;
  /** Where this thread publishes how far events are judged. */
  judgedEnds: SharedArrayBuffer;
  /** From where on each delivery thread needs the log. */
  holds: readonly SharedArrayBuffer[];
  settings: LakeSettings;
  retention: RetentionSettings;
  pollMs: number;
  sources: readonly SourceInfo[];
  logLevel: LogLevel;
}

/** Main → lake. */
export type LakeOrder =
  | { kind: 'sources'; sources: readonly SourceInfo[] }
  /** Asks what a query sees. */
  | { kind: 'tables'; id: number; known: KnownViews }
  | { kind: 'locate'; id: number; place: RowPlace }
  /** How many look at live events; none: nobody wants them. */
  | { kind: 'tail'; readers: number }
  | { kind: 'stop' };

/** Lake → main. */
export type LakeMessage =
  | { kind: 'ready' }
  | { kind: 'tables'; id: number; tables: LakeTables }
  | { kind: 'located'; id: number; path: string | null }
  | { kind: 'tail'; entries: TailLine[]; missed: number }
  | { kind: 'report'; metrics: Snapshot; isCaughtUp: boolean }
  | { kind: 'failed'; message: string }
  | { kind: 'stopped' };
