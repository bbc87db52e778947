/** Runs one suite over both engines of the control store: a SQLite file and a real PostgreSQL. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe } from 'node:test';
import type { PostgresPlace } from '../../src/store/engine/postgres-messages.ts';
import type { StorePlace } from '../../src/store/store.ts';
import { postgresSkip, startPostgres } from './postgres-server.ts';
import type { PostgresServer } from './postgres-server.ts';

export interface StoreEngine {
  name: 'sqlite' | 'postgres';
  /** Empty, and another one for each test. */
  place: StorePlace;
  /** Of the SQLite file; the folder is there for each test. */
  folder: string;
}

/** Defines the suite twice; its own hooks run with `place` set. */
export function forEachEngine(define: (engine: StoreEngine) => void): void {
  for (const name of ['sqlite', 'postgres'] as const) {
    describe(name, { skip: name === 'postgres' && postgresSkip() }, () => {
      const engine: StoreEngine = { name, place: '', folder: '' };
      let postgres: PostgresServer | undefined;
      let count = 0;
      before(async () => {
        if (name === 'postgres') postgres = await startPostgres();
      });
      beforeEach(() => {
        engine.folder = mkdtempSync(join(tmpdir(), 'millrace-store-'));
        engine.place = postgres
          ? postgresPlace(postgres, `store_${++count}`)
          : join(engine.folder, 'control.db');
      });
      afterEach(() => rmSync(engine.folder, { recursive: true }));
      after(() => postgres?.stop());
      define(engine);
    });
  }
}

/** @param port another one than the server's own, such as a proxy's. */
export function postgresPlace(
  { user, password, host, port: own, database }: PostgresServer,
  schema: string,
  port = own,
): PostgresPlace {
  const login = `${user}:${encodeURIComponent(password)}`;
  const url = `postgres://${login}@${host}:${port}/${database}?sslmode=disable`;
  return { url, schema, timeoutMs: 5_000 };
}
