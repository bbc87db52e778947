/**
 * Owns the control store's connection to PostgreSQL, so that the main thread can ask it and wait.
 * Between requests it looks for changes that others made, and whether PostgreSQL is still there.
 */
import { workerData } from 'node:worker_threads';
import { systemClock } from '../../base/clock.ts';
import { MillraceError } from '../../base/errors.ts';
import { isConnectionLost, postgresFailure } from './postgres-failure.ts';
import { ANSWERS, REACHABLE, viewPostgresShared } from './postgres-messages.ts';
import type {
  PostgresAnswer,
  PostgresOrder,
  PostgresReset,
  PostgresThreadSetup,
} from './postgres-messages.ts';
import { createPostgresSession } from './postgres-session.ts';

/** Others' changes are seen within a second, together with the poll of the server. */
const WATCH_MS = 250;

const { port, shared, ...place } = workerData as PostgresThreadSetup;
const { words, version } = viewPostgresShared(shared);
const session = createPostgresSession(place);
/** One thing at a time: the end of the last one. */
let last: Promise<void> = Promise.resolve();
let isWatching = false;

port.on('message', (message: PostgresOrder | PostgresReset) => {
  if ('resetId' in message) return session.destroy();
  last = last.then(() => answer(message));
});

async function answer(order: PostgresOrder): Promise<void> {
  let result: PostgresAnswer;
  try {
    result = { id: order.id, ...(await work(order)) };
  } catch (error) {
    const failure =
      error instanceof MillraceError
        ? { code: error.code, message: error.message }
        : postgresFailure(error);
    result = { id: order.id, failure };
    // Whether it is back is found out by watching, so that nobody else waits for it.
    if (isConnectionLost(error)) await watch();
  }
  port.postMessage(result);
  Atomics.add(words, ANSWERS, 1);
  Atomics.notify(words, ANSWERS);
}

async function work(order: PostgresOrder): Promise<Omit<PostgresAnswer, 'id'>> {
  switch (order.kind) {
    case 'connect':
      await session.connect();
      await watch();
      if (!isWatching) void keepWatching();
      return {};
    case 'query':
      return session.query(order.text, order.values, order.isWrite);
    case 'exec':
      return { changes: (await session.query(order.text, undefined, true)).changes };
    case 'begin':
      await session.begin(order.transaction);
      return {};
    case 'commit':
      await session.commit();
      return {};
    case 'rollback':
      await session.rollback();
      return {};
    case 'close':
      await session.end();
      return {};
  }
}

async function keepWatching(): Promise<void> {
  isWatching = true;
  for (;;) {
    await systemClock.sleep(WATCH_MS);
    last = last.then(watch);
    await last;
  }
}

/** Says in shared memory what the others changed, and whether PostgreSQL answers. Never throws. */
async function watch(): Promise<void> {
  // A transaction sees its own state, and its caller asks for nothing else meanwhile.
  if (session.isTransaction()) return;
  try {
    Atomics.store(version, 0, BigInt(await session.othersChanges()));
    Atomics.store(words, REACHABLE, 1);
  } catch {
    Atomics.store(words, REACHABLE, 0);
  }
}
