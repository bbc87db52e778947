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
import type { Catalog } from './catalog.ts';
import type { SourceInfo } from './columns.ts';
import type { Engine } from './engine.ts';
import type { HotTail } from './hot-tail.ts';
import type { Warehouse } from './warehouse.ts';

export interface LakeSettings {
  flushRows: number;
  flushBytes: number;
  flushSeconds: number;
  compactFilesMin: number;
  memoryLimit: string;
  threads: number;
  rejectedRowsMax: number;
  dedupWindowHours: number;
  dedupKeysMax: number;
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
  temporaryFolder: string;
  engine: Engine;
  /** For writing Parquet beside the loading of new rows. */
  background: DuckDBConnection;
  catalog: Catalog;
  ledger: Ledger;
  dispatcher: Dispatcher;
  warehouse: Warehouse;
  events: HotTail;
  rejected: HotTail;
  partitions: Map<string, PartitionState>;
  sources: Map<number, SourceInfo>;
}
