/**
 * The SQL engine: one in-memory DuckDB that sees nothing of the machine but the lake's own Parquet
 * folders and a folder for its temporary files, and whose settings are locked after that.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { makeTemporaryFolder, removeTemporaryFolder } from '../base/temporary-folder.ts';
import { SQL_MACROS } from './schema/sql-macros.ts';
import { sqlText } from './sql-text.ts';

export interface Engine {
  /** For our own statements; user SQL has connections of its own. */
  connection: DuckDBConnection;
  connect(): Promise<DuckDBConnection>;
  /** Its own, and gone when it closes. */
  temporaryFolder: string;
  close(): void;
}

export interface EngineOptions {
  /** e.g. `512MB` */
  memoryLimit: string;
  threads: number;
  /** Folders that statements may read and write; nothing else on the machine. */
  folders: readonly string[];
  /**
   * Where the engine makes a folder for itself. No two may share one: DuckDB names what it puts
   * there without looking what is there already, and two engines read each other's bytes.
   */
  temporaryRoot: string;
  /** Most bytes of what does not fit into memory, e.g. `4GB`; by default what the disk has. */
  temporaryLimit?: string;
  /** True for an engine that reads the same files again and again. */
  keepsFooters?: boolean;
}

/** In the data folder: where engines put what does not fit into memory. */
export const TEMPORARY_FOLDER = 'tmp';

/** Opens the engine locked: from here on no statement can reach beyond `folders`. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  // Threads that only name what is in here do without the library, which takes long to load.
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: options.memoryLimit,
    threads: String(options.threads),
    preserve_insertion_order: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  const temporaryFolder = makeTemporaryFolder(options.temporaryRoot, 'engine');
  await connection.run(`set temp_directory = ${sqlText(temporaryFolder)}`);
  if (options.temporaryLimit !== undefined) {
    await connection.run(`set max_temp_directory_size = ${sqlText(options.temporaryLimit)}`);
  }
  if (options.keepsFooters) await connection.run('set parquet_metadata_cache = true');
  // Of a COPY into many files: what each of them holds in memory.
  await connection.run('set partitioned_write_flush_threshold = 20000');
  // For every connection: one that is opened later would have the zone of the machine.
  await connection.run(`set global TimeZone = 'UTC'`);
  for (const macro of SQL_MACROS) await connection.run(macro);
  const allowed = [temporaryFolder, ...options.folders];
  const folders = allowed.map((folder) => sqlText(folder + '/')).join(', ');
  await connection.run(`set allowed_directories = [${folders}]`);
  await connection.run('set enable_external_access = false');
  await connection.run('set lock_configuration = true');
  return {
    connection,
    connect: () => instance.connect(),
    temporaryFolder,
    close() {
      connection.closeSync();
      instance.closeSync();
      removeTemporaryFolder(temporaryFolder);
    },
  };
}
