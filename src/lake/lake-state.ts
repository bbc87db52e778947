/** What loading, flushing, compaction and retention share. Built once when the lake opens. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import type { Random } from '../base/random.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { Ledger } from '../dispatch/ledger.ts';
import type { LogReader } from '../log/log-reader.ts';
import type { Logger } from '../observe/logger.ts';
import type { MetricsRegistry } from '../observe/metrics.ts';
import type { Catalog } from './file-catalog.ts';
import type { SourceInfo } from './lake-columns.ts';
import type { Engine } from './sql-engine.ts';
import type { Part } from './load/lake-part.ts';
import type { Warehouse } from './warehouse.ts';

export interface LakeSettings {
  flushRows: number;
  flushBytes: number;
  flushSeconds: number;
  compactFilesMin: number;
  memoryLimit: string;
  threads: number;
  rejectedRowsMax: number;
  /** Days that events are kept, or null for no limit. */
  retentionDays: number | null;
  dedupWindowHours: number;
  dedupKeysMax: number;
  /** How long a query may run: so long it may read files that are merged already. */
  queryMs: number;
}

export interface LakeOptions {
  disk: Disk;
  clock: Clock;
  random: Random;
  logger: Logger;
  metrics: MetricsRegistry;
  dataFolder: string;
  regions: readonly string[];
  settings: LakeSettings;
  /** True for a query while the server is stopped: nothing is written but temporary files. */
  isReadOnly: boolean;
}

/** A log partition as the lake reads it. */
export interface PartitionState {
  name: string;
  region: string;
  folder: string;
  reader: LogReader;
  /** Read and loaded up to here. */
  position: number;
}

export interface LakeState {
  options: LakeOptions;
  /** Makes parts and files; nobody's queries run in it. */
  engine: Engine;
  /** For writing files beside the making of parts. */
  background: DuckDBConnection;
  catalog: Catalog;
  ledger: Ledger;
  dispatcher: Dispatcher;
  warehouse: Warehouse;
  /** The newest rows, oldest part first. */
  parts: Part[];
  /** Everything below is in the parts or in the files. */
  partCursors: ReadonlyMap<string, number>;
  /** Everything below is in the files; as the catalog has it. */
  fileCursors: ReadonlyMap<string, number>;
  /** Statements of generated schemas and views by what they make, and since when they are so. */
  views: Map<string, { sql: string; version: number }>;
  viewsVersion: number;
  /** Of this opening of the lake; versions of another one say nothing. */
  opening: string;
  partitions: Map<string, PartitionState>;
  sources: Map<number, SourceInfo>;
}

const UNKNOWN_SOURCE = 'source_';

/** What rows say of their source: as it is called now, and the region that they came in. */
export function sourceOf(
  state: Pick<LakeState, 'sources'>,
  { sourceNumber }: { sourceNumber: number },
  region: string,
): SourceInfo {
  const known = state.sources.get(sourceNumber);
  if (known) return { ...known, region };
  const slug = `${UNKNOWN_SOURCE}${sourceNumber}`;
  return { number: sourceNumber, id: slug, slug, region, environment: 'production' };
}

/** The number of a source by what rows say of it, also of those loaded before it was known. */
export function sourceNumberOf(sourceId: string, numbers: ReadonlyMap<string, number>): number {
  const known = numbers.get(sourceId);
  if (known !== undefined || !sourceId.startsWith(UNKNOWN_SOURCE)) return known ?? 0;
  return Number(sourceId.slice(UNKNOWN_SOURCE.length)) || 0;
}
