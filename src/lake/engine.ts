/**
 * The SQL engine: one in-memory DuckDB that sees nothing of the machine but the lake's own Parquet
 * folders and the folder for temporary files, and whose settings are locked after that.
 */
import duckdb from '@duckdb/node-api';
import type { DuckDBConnection } from '@duckdb/node-api';

export interface Engine {
  /** For our own statements; user SQL has connections of its own. */
  connection: DuckDBConnection;
  connect(): Promise<DuckDBConnection>;
  close(): void;
}

export interface EngineOptions {
  /** e.g. `512MB` */
  memoryLimit: string;
  threads: number;
  /** Folders that statements may read and write; nothing else on the machine. */
  folders: readonly string[];
  /** True for an engine that reads the same files again and again. */
  keepsFooters?: boolean;
}

/** Opens the engine locked: from here on no statement can reach beyond `folders`. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const instance = await duckdb.DuckDBInstance.create(':memory:', {
    memory_limit: options.memoryLimit,
    threads: String(options.threads),
    preserve_insertion_order: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  const [temporary = ''] = options.folders;
  await connection.run(`set temp_directory = ${quote(temporary)}`);
  if (options.keepsFooters) await connection.run('set parquet_metadata_cache = true');
  // Of a COPY into many files: what each of them holds in memory.
  await connection.run('set partitioned_write_flush_threshold = 20000');
  await connection.run(`set TimeZone = 'UTC'`);
  const folders = options.folders.map((folder) => quote(folder + '/')).join(', ');
  await connection.run(`set allowed_directories = [${folders}]`);
  await connection.run('set enable_external_access = false');
  await connection.run('set lock_configuration = true');
  return {
    connection,
    connect: () => instance.connect(),
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** A SQL string literal. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
