/**
 * One connection to PostgreSQL that comes back when it is lost, and what the control store does
 * over it. Changes are serialised by an advisory lock of the schema, as SQLite does it by its
 * file: what was read in a transaction that changes something is still so when it commits.
 */
import pg from 'pg';
import { MillraceError } from '../../base/errors.ts';
import type { ControlValue, TransactionKind } from './control-database.ts';
import { isConnectionLost } from './postgres-failure.ts';
import type { PostgresPlace } from './postgres-messages.ts';

/** The first half of the advisory lock; the second is made from the schema's name. */
const LOCK_CLASS = 0x6d_69_6c_6c;
const { builtins, getTypeParser } = pg.types;
const BEGIN_READ = 'begin isolation level repeatable read read only';
const BUMP = `update control_state set number = number + 1 where name = 'changes'`;

export interface SessionResult {
  rows: Record<string, unknown>[];
  changes: number;
}

export interface PostgresSession {
  connect(): Promise<void>;
  /** Repeated once when the connection is lost, unless the change may be made already. */
  query(text: string, values: ControlValue[] | undefined, isWrite: boolean): Promise<SessionResult>;
  begin(kind: TransactionKind): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Another number when others have, or may have, changed anything. */
  othersChanges(): Promise<number>;
  isTransaction(): boolean;
  /** Cuts the connection, and with it what waits for an answer, which is not repeated. */
  destroy(): void;
  end(): Promise<void>;
}

export function createPostgresSession(place: PostgresPlace): PostgresSession {
  const { schema } = place;
  const beginWrite = `begin; select pg_advisory_xact_lock(${LOCK_CLASS}, hashtext('${schema}'))`;
  let client: pg.Client | undefined;
  let transaction: { owner: pg.Client; changes: number } | undefined;
  let ownChanges = 0;
  let connects = 0;
  let destroyed = 0;

  const drop = (lost: pg.Client | undefined): void => {
    if (client === lost) client = undefined;
    // The driver has no call for this: its own waits for the server to hang up.
    lost?.connection.stream.destroy();
  };
  const connection = async (): Promise<pg.Client> => {
    if (client) return client;
    const made = new pg.Client(clientConfig(place));
    made.on('error', () => drop(made));
    made.on('end', () => drop(made));
    try {
      await made.connect();
      await made.query(`set search_path to "${schema}"`);
    } catch (error) {
      drop(made);
      throw error;
    }
    connects++;
    client = made;
    return made;
  };
  const commitOn = async (owner: pg.Client, changes: number): Promise<void> => {
    const text = changes > 0 ? `${BUMP}; commit` : 'commit';
    let command: string | undefined;
    try {
      command = [await owner.query(text)].flat().at(-1)?.command;
    } catch (error) {
      if (!isConnectionLost(error)) throw error;
      drop(owner);
      const message = 'PostgreSQL was lost while it committed; look whether the change was made';
      throw new MillraceError('UNAVAILABLE', message, { cause: error });
    }
    // PostgreSQL answers ROLLBACK, and no error, when a statement before has failed.
    if (command !== 'COMMIT') {
      throw new MillraceError('CONFLICT', 'A statement has failed; nothing was changed');
    }
    if (changes > 0) ownChanges++;
  };
  const once = async (
    owner: pg.Client,
    text: string,
    values: ControlValue[] | undefined,
    isWrite: boolean,
  ): Promise<SessionResult> => {
    if (!isWrite) return resultOf(await owner.query(text, values));
    await owner.query(beginWrite);
    const result = resultOf(await owner.query(text, values));
    await commitOn(owner, result.changes);
    return result;
  };
  const outside = async (
    text: string,
    values: ControlValue[] | undefined,
    isWrite: boolean,
  ): Promise<SessionResult> => {
    const before = destroyed;
    for (let tries = 1; ; tries++) {
      const owner = await connection();
      try {
        return await once(owner, text, values, isWrite);
      } catch (error) {
        if (error instanceof MillraceError) throw error;
        if (isConnectionLost(error)) drop(owner);
        else if (isWrite) await owner.query('rollback').catch(() => drop(owner));
        if (!isConnectionLost(error) || tries > 1 || destroyed !== before) throw error;
      }
    }
  };

  return {
    connect: async () => void (await connection()),
    async query(text, values, isWrite) {
      if (!transaction) return outside(text, values, isWrite);
      const { owner } = transaction;
      if (owner !== client) throw new Error('the connection was lost in a transaction');
      try {
        const result = resultOf(await owner.query(text, values));
        if (isWrite) transaction.changes += result.changes;
        return result;
      } catch (error) {
        if (isConnectionLost(error)) drop(owner);
        throw error;
      }
    },
    async begin(kind) {
      const text = kind === 'write' ? beginWrite : BEGIN_READ;
      await outside(text, undefined, false).catch(async (error: unknown) => {
        await client?.query('rollback').catch(() => drop(client));
        throw error;
      });
      transaction = { owner: await connection(), changes: 0 };
    },
    async commit() {
      const ended = transaction;
      if (!ended || ended.owner !== client) {
        throw new Error('the connection was lost in a transaction');
      }
      await commitOn(ended.owner, ended.changes);
      transaction = undefined;
    },
    async rollback() {
      const ended = transaction;
      transaction = undefined;
      if (!ended || ended.owner !== client) return;
      await ended.owner.query('rollback').catch(() => drop(ended.owner));
    },
    async othersChanges() {
      const found = await outside(`select to_regclass('control_state') as found`, undefined, false);
      if (found.rows[0]?.['found'] === null) return connects;
      const text = `select number from control_state where name = 'changes'`;
      const { rows } = await outside(text, undefined, false);
      // A new connection counts as a change, because what failed with the one before it may have
      // been the reading of our own.
      return Number(rows[0]?.['number'] ?? 0) - ownChanges + connects;
    },
    isTransaction: () => transaction !== undefined,
    destroy() {
      destroyed++;
      drop(client);
    },
    async end() {
      await client?.end();
      client = undefined;
    },
  };
}

/** Several statements have several results; nobody asks for their rows. */
function resultOf(result: pg.QueryResult | pg.QueryResult[]): SessionResult {
  const results = [result].flat();
  const changes = results.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0);
  return { rows: (results[0]?.rows ?? []) as Record<string, unknown>[], changes };
}

function clientConfig({ url, timeoutMs }: PostgresPlace): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: 'millrace control',
    client_encoding: 'UTF8',
    keepAlive: true,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    // Before our own patience ends, so that a busy server is told from a silent one.
    statement_timeout: Math.ceil(timeoutMs * 0.75),
    lock_timeout: Math.ceil(timeoutMs / 2),
    // A node that stands still in a transaction must not keep the others from theirs.
    idle_in_transaction_session_timeout: timeoutMs * 2,
    types: { getTypeParser: parserOf as typeof getTypeParser },
  };
}

/** As SQLite has it: all integers are numbers, and so are booleans. */
function parserOf(oid: number, format?: 'text' | 'binary'): unknown {
  if (oid === builtins.INT8 || oid === builtins.NUMERIC) return Number;
  if (oid === builtins.BOOL) return (text: string) => (text === 't' ? 1 : 0);
  return format === 'binary' ? getTypeParser(oid, format) : getTypeParser(oid, 'text');
}
