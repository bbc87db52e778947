/**
 * The SQL engine that runs queries: it reads the lake's files as a list says them, and changes
 * nothing. Views are made when a query names them, because a lake may have thousands.
 */
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import { toError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { openEngine } from '../lake/sql-engine.ts';
import type { Engine } from '../lake/sql-engine.ts';
import { partsFolder } from '../lake/load/part-writer.ts';
import { tableStatements } from '../lake/lake-tables.ts';
import type { LakeTables } from '../lake/lake-tables.ts';
import type { QuerySetup } from './query-messages.ts';
import { runSql } from './run-sql.ts';
import type { SqlRequest, SqlResult } from './run-sql.ts';
import { viewName } from './view-name.ts';

export interface QueryEngine {
  /** @throws MillraceError as `runSql`. */
  run(request: SqlRequest, tables: LakeTables, cancelled?: AbortSignal): Promise<SqlResult>;
  close(): void;
}

export interface QueryEngineSeams {
  clock: Clock;
  disk: Disk;
  random: Random;
  /** Told of views that the engine refuses; a query that needs one fails for itself. */
  onRefusedView(reason: string): void;
}

export async function openQueryEngine(
  setup: QuerySetup,
  seams: QueryEngineSeams,
): Promise<QueryEngine> {
  const { dataFolder, regions, memoryLimit, threads, temporaryRoot, temporaryLimit } = setup;
  const { answerBytesMax } = setup;
  const folders = regions.flatMap((region) => [
    join(dataFolder, region, 'lake'),
    join(dataFolder, region, 'rejected'),
    partsFolder(dataFolder, region),
  ]);
  const engine = await openEngine({
    memoryLimit,
    threads,
    folders,
    temporaryRoot,
    temporaryLimit,
    keepsFooters: true,
  });
  const views = createViews(engine, seams.onRefusedView);
  const shown = new Map<number, string>();
  return {
    async run(request, tables, cancelled) {
      for (const [at, sql] of tableStatements(tables).entries()) {
        if (shown.get(at) === sql) continue;
        await engine.connection.run(sql);
        shown.set(at, sql);
      }
      views.add(tables.views);
      const options = { ...seams, engine, dataFolder, answerBytesMax, onTables: views.make };
      return runSql(options, request, cancelled);
    },
    close: () => engine.close(),
  };
}

interface Views {
  add(views: LakeTables['views']): void;
  /** Makes what a query names; null: everything there is. */
  make(named: ReadonlySet<string> | null): Promise<void>;
}

const SCHEMA = /^create schema if not exists /;
const VIEW = /^create or replace view "((?:[^"]|"")*)"\."((?:[^"]|"")*)"$/;

function createViews(engine: Engine, onRefusedView: (reason: string) => void): Views {
  const schemas = new Set<string>();
  /** Statements not yet run, by the name that a query says. */
  const waiting = new Map<string, string>();
  const run = async (sql: string): Promise<void> => {
    await engine.connection.run(sql).catch((error: unknown) => {
      onRefusedView(toError(error).message.slice(0, 500));
    });
  };
  return {
    add(views) {
      for (const [made, sql] of views) {
        const match = VIEW.exec(made);
        if (match) waiting.set(viewName(unquoted(match[1]), unquoted(match[2])), sql);
        else if (SCHEMA.test(made)) schemas.add(sql);
      }
    },
    async make(named) {
      for (const sql of schemas) await run(sql);
      schemas.clear();
      for (const [name, sql] of waiting) {
        if (named !== null && !named.has(name)) continue;
        await run(sql);
        // Another query may have brought a newer one meanwhile.
        if (waiting.get(name) === sql) waiting.delete(name);
      }
    },
  };
}

function unquoted(name: string | undefined): string {
  return (name ?? '').replaceAll('""', '"');
}
