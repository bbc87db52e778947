/**
 * The control store in PostgreSQL, for several nodes. Calls wait: a thread owns the connection,
 * requests and answers go through a port, and who asks sleeps until the answer is there or the
 * time is over. Nothing waits once PostgreSQL is known to be away.
 */
import { MessageChannel, Worker, receiveMessageOnPort } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { systemClock } from '../../base/clock.ts';
import { MillraceError } from '../../base/errors.ts';
import type { ControlDatabase, ControlValue } from './control-database.ts';
import { numberedParameters } from './postgres-dialect.ts';
import {
  ANSWERS,
  REACHABLE,
  allocatePostgresShared,
  viewPostgresShared,
} from './postgres-messages.ts';
import type {
  PostgresAnswer,
  PostgresOrder,
  PostgresPlace,
  PostgresRequest,
  PostgresShared,
  PostgresThreadSetup,
} from './postgres-messages.ts';

const CHANGES = /^\s*(insert|update|delete)\b/i;
/** For saying goodbye; the process or the thread goes away anyway. */
const CLOSE_MS = 1_000;

/** @throws MillraceError UNAVAILABLE when PostgreSQL cannot be reached. */
export function openPostgresDatabase(place: PostgresPlace): ControlDatabase {
  const shared = allocatePostgresShared();
  const { port1, port2 } = new MessageChannel();
  const setup: PostgresThreadSetup = { ...place, port: port2, shared };
  const worker = new Worker(new URL('./postgres-thread.ts', import.meta.url), {
    name: 'control store',
    workerData: setup,
    // Not those of the process: some of them forbid that a thread runs a file.
    execArgv: ['--disable-warning=ExperimentalWarning'],
    transferList: [port2],
  });
  const views = viewPostgresShared(shared);
  worker.on('error', () => Atomics.store(views.words, REACHABLE, 0));
  worker.unref();
  const ask = createAsk(port1, views, place.timeoutMs * 2);
  const close = (): void => {
    if (Atomics.load(views.words, REACHABLE) === 1) ask.within(CLOSE_MS, { kind: 'close' });
    void worker.terminate();
    port1.close();
  };
  try {
    ask.now({ kind: 'connect' });
  } catch (error) {
    void worker.terminate();
    port1.close();
    throw error;
  }
  return databaseOver(ask, views, close);
}

interface Ask {
  /** Also when PostgreSQL was away when last heard of. */
  now(request: PostgresRequest): PostgresAnswer;
  /** Fails at once while PostgreSQL is away. */
  known(request: PostgresRequest): PostgresAnswer;
  /** Never throws. */
  within(ms: number, request: PostgresRequest): void;
}

function createAsk(port: MessagePort, { words }: PostgresShared, timeoutMs: number): Ask {
  let lastId = 0;
  const wait = (request: PostgresRequest, ms: number): PostgresAnswer | null => {
    const order: PostgresOrder = { ...request, id: ++lastId };
    const endMs = systemClock.monotonicMs() + ms;
    port.postMessage(order);
    for (;;) {
      const seen = Atomics.load(words, ANSWERS);
      const received = receiveMessageOnPort(port) as { message: PostgresAnswer } | undefined;
      // An answer with another number came too late for whoever asked.
      if (received?.message.id === order.id) return received.message;
      if (received) continue;
      const leftMs = endMs - systemClock.monotonicMs();
      if (leftMs <= 0) {
        port.postMessage({ resetId: order.id });
        return null;
      }
      Atomics.wait(words, ANSWERS, seen, leftMs);
    }
  };
  const now = (request: PostgresRequest): PostgresAnswer => {
    const answer = wait(request, timeoutMs);
    if (!answer) {
      Atomics.store(words, REACHABLE, 0);
      throw away(`no answer in ${timeoutMs} ms`);
    }
    if (!answer.failure) return answer;
    const { code, message } = answer.failure;
    throw code === null ? new Error(message) : new MillraceError(code, message);
  };
  return {
    now,
    known(request) {
      if (Atomics.load(words, REACHABLE) === 0) throw away('it is tried again all the time');
      return now(request);
    },
    within: (ms, request) => void wait(request, ms),
  };
}

function away(reason: string): MillraceError {
  const message = `The control store (PostgreSQL) cannot be reached: ${reason}`;
  return new MillraceError('UNAVAILABLE', message);
}

function databaseOver(ask: Ask, views: PostgresShared, close: () => void): ControlDatabase {
  const { words, version } = views;
  const numbered = new Map<string, string>();
  let isTransaction = false;
  return {
    engine: 'postgres',
    prepare(sql) {
      const text = numbered.get(sql) ?? numberedParameters(sql);
      numbered.set(sql, text);
      const isWrite = CHANGES.test(sql);
      const run = (values: ControlValue[]) => ask.known({ kind: 'query', text, values, isWrite });
      return {
        get: (...values) => run(values).rows?.[0],
        all: (...values) => run(values).rows ?? [],
        run: (...values) => ({ changes: run(values).changes ?? 0 }),
      };
    },
    exec: (text) => void ask.known({ kind: 'exec', text }),
    get isTransaction() {
      return isTransaction;
    },
    begin(kind) {
      ask.known({ kind: 'begin', transaction: kind });
      isTransaction = true;
    },
    commit() {
      ask.now({ kind: 'commit' });
      isTransaction = false;
    },
    rollback() {
      if (!isTransaction) return;
      isTransaction = false;
      try {
        ask.now({ kind: 'rollback' });
      } catch {
        // The connection is gone, and with it the transaction.
      }
    },
    dataVersion: () => Number(Atomics.load(version, 0)),
    isReachable: () => Atomics.load(words, REACHABLE) === 1,
    close,
  };
}
