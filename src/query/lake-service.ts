/** The lake as others hold it: its thread, and the processes that answer questions about it. */
import { startLake } from '../lake/lake-handle.ts';
import type { LakeHandle } from '../lake/lake-handle.ts';
import type { SourceInfo } from '../lake/lake-columns.ts';
import type { LakeSetup } from '../lake/lake-messages.ts';
import { createQueryPool } from './query-pool.ts';
import type { QueryPoolOptions } from './query-pool.ts';
import type { Asker } from './query-process-handle.ts';
import type { SqlRequest, SqlResult } from './run-sql.ts';

export interface LakeService extends LakeHandle {
  /**
   * Runs a query in a process of its own.
   * @param cancelled stops the query when it aborts.
   * @throws MillraceError as `QueryPool.query`.
   */
  query(request: SqlRequest, cancelled?: AbortSignal, asker?: Asker): Promise<SqlResult>;
}

/** @throws MillraceError UNAVAILABLE when the thread does not start */
export async function startLakeService(
  setup: Omit<LakeSetup, 'sources'>,
  sources: readonly SourceInfo[],
  queries: Omit<QueryPoolOptions, 'tables'>,
): Promise<LakeService> {
  const thread = await startLake(setup, sources, queries);
  const pool = createQueryPool({ ...queries, tables: (known) => thread.tables(known) });
  return {
    ...thread,
    query: (request, cancelled, asker = 'millrace') => pool.query(request, asker, cancelled),
    async stop() {
      await pool.stop();
      await thread.stop();
    },
  };
}
