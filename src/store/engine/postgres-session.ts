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

/** The one value that all functions below work on. */
interface SessionState {
  place: PostgresPlace;
  client: pg.Client | undefined;
  transaction: { owner: pg.Client; changes: number } | undefined;
  /** Transactions of ours that changed something. */
  ownChanges: number;
  connects: number;
  destroyed: number;
}

export function createPostgresSession(place: PostgresPlace): PostgresSession {
  const session: SessionState = {
    place,
    client: undefined,
    transaction: undefined,
    ownChanges: 0,
    connects: 0,
    destroyed: 0,
  };
  return {
    connect: async () => void (await connectionOf(session)),
    query: (text, values, isWrite) => query(session, { text, values, isWrite }),
    begin: (kind) => begin(session, kind),
    commit: () => commit(session),
    rollback: () => rollback(session),
    othersChanges: () => othersChanges(session),
    isTransaction: () => session.transaction !== undefined,
    destroy() {
      session.destroyed++;
      drop(session, session.client);
    },
    async end() {
      await session.client?.end();
      session.client = undefined;
    },
  };
}

interface Statement {
  text: string;
  values?: ControlValue[] | undefined;
  isWrite: boolean;
}

/** The connection, made if there is none. */
async function connectionOf(session: SessionState): Promise<pg.Client> {
  if (session.client) return session.client;
  const { place } = session;
  const made = new pg.Client(clientConfig(place));
  made.on('error', () => drop(session, made));
  made.on('end', () => drop(session, made));
  try {
    await made.connect();
    await made.query(`set search_path to "${place.schema}"`);
  } catch (error) {
    drop(session, made);
    throw error;
  }
  session.connects++;
  session.client = made;
  return made;
}

function drop(session: SessionState, lost: pg.Client | undefined): void {
  if (session.client === lost) session.client = undefined;
  // The driver has no call for this: its own waits for the server to hang up.
  lost?.connection.stream.destroy();
}

async function query(session: SessionState, statement: Statement): Promise<SessionResult> {
  const { transaction, client } = session;
  if (!transaction) return queryOutside(session, statement);
  const { owner } = transaction;
  if (owner !== client) throw new Error('the connection was lost in a transaction');
  try {
    const result = resultOf(await owner.query(statement.text, statement.values));
    if (statement.isWrite) transaction.changes += result.changes;
    return result;
  } catch (error) {
    if (isConnectionLost(error)) drop(session, owner);
    throw error;
  }
}

/** Outside of a transaction; a change is one of its own. */
async function queryOutside(session: SessionState, statement: Statement): Promise<SessionResult> {
  const before = session.destroyed;
  for (let tries = 1; ; tries++) {
    const owner = await connectionOf(session);
    try {
      return await queryOnce(session, owner, statement);
    } catch (error) {
      if (error instanceof MillraceError) throw error;
      const isLost = isConnectionLost(error);
      if (isLost) drop(session, owner);
      else if (statement.isWrite) await owner.query('rollback').catch(() => drop(session, owner));
      if (!isLost || tries > 1 || session.destroyed !== before) throw error;
    }
  }
}

async function queryOnce(
  session: SessionState,
  owner: pg.Client,
  { text, values, isWrite }: Statement,
): Promise<SessionResult> {
  if (!isWrite) return resultOf(await owner.query(text, values));
  await owner.query(beginWrite(session));
  const result = resultOf(await owner.query(text, values));
  await commitOn(session, owner, result.changes);
  return result;
}

function beginWrite({ place }: SessionState): string {
  return `begin; select pg_advisory_xact_lock(${LOCK_CLASS}, hashtext('${place.schema}'))`;
}

async function commitOn(session: SessionState, owner: pg.Client, changes: number): Promise<void> {
  const text = changes > 0 ? `${BUMP}; commit` : 'commit';
  let command: string | undefined;
  try {
    command = [await owner.query(text)].flat().at(-1)?.command;
  } catch (error) {
    if (!isConnectionLost(error)) throw error;
    drop(session, owner);
    const message = 'PostgreSQL was lost while it committed; look whether the change was made';
    throw new MillraceError('UNAVAILABLE', message, { cause: error });
  }
  // PostgreSQL answers ROLLBACK, and no error, when a statement before has failed.
  if (command !== 'COMMIT') {
    throw new MillraceError('CONFLICT', 'A statement has failed; nothing was changed');
  }
  if (changes > 0) session.ownChanges++;
}

async function begin(session: SessionState, kind: TransactionKind): Promise<void> {
  const text = kind === 'write' ? beginWrite(session) : BEGIN_READ;
  try {
    await queryOutside(session, { text, isWrite: false });
  } catch (error) {
    await session.client?.query('rollback').catch(() => drop(session, session.client));
    throw error;
  }
  session.transaction = { owner: await connectionOf(session), changes: 0 };
}

async function commit(session: SessionState): Promise<void> {
  const { transaction, client } = session;
  if (!transaction || transaction.owner !== client) {
    throw new Error('the connection was lost in a transaction');
  }
  await commitOn(session, transaction.owner, transaction.changes);
  session.transaction = undefined;
}

async function rollback(session: SessionState): Promise<void> {
  const { transaction, client } = session;
  session.transaction = undefined;
  if (!transaction || transaction.owner !== client) return;
  await client.query('rollback').catch(() => drop(session, client));
}

async function othersChanges(session: SessionState): Promise<number> {
  const exists = `select to_regclass('control_state') as found`;
  const found = await queryOutside(session, { text: exists, isWrite: false });
  if (found.rows[0]?.['found'] === null) return session.connects;
  const text = `select number from control_state where name = 'changes'`;
  const { rows } = await queryOutside(session, { text, isWrite: false });
  // A new connection counts as a change, because what failed with the one before it may have
  // been the reading of our own.
  return Number(rows[0]?.['number'] ?? 0) - session.ownChanges + session.connects;
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
