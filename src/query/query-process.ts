/**
 * A process that runs queries and nothing else: whatever a statement does to it, the server goes
 * on. Its orders come from the server that started it, and it ends with that server.
 */
import { systemClock } from '../base/clock.ts';
import { systemDisk } from '../base/disk.ts';
import { MillraceError, toError } from '../base/errors.ts';
import { stepBack } from '../base/own-process.ts';
import { systemRandom } from '../base/random.ts';
import type { QueryMessage, QueryOrder } from './query-messages.ts';
import { openQueryEngine } from './query-engine.ts';
import type { QueryEngine } from './query-engine.ts';

/** Collecting and loading come first. */
const NICENESS = 5;
/** The engine's limit does not cover single large values, so the whole is looked at, so often. */
const LOOK_MS = 100;

const running = new Map<number, AbortController>();
let engine: Promise<QueryEngine> | undefined;
let isTooLarge = false;

stepBack(NICENESS);
process.on('message', (order: QueryOrder) => {
  if (order.kind === 'setup') {
    engine = open(order);
    watchMemory(order.setup.processBytesMax);
  } else if (order.kind === 'cancel') running.get(order.id)?.abort();
  else void answer(order);
});
// An orderly exit would wait for the engine, which may be deaf; nothing here needs order.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// A signal from a terminal goes to every process of the group; the server says when to end.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);

function watchMemory(bytesMax: number): void {
  setInterval(() => {
    if (process.memoryUsage.rss() <= bytesMax) return;
    // The server ends this process; should it be slow, memory does not wait.
    if (!isTooLarge) say({ kind: 'too-large' });
    else process.kill(process.pid, 'SIGKILL');
    isTooLarge = true;
  }, LOOK_MS).unref();
}

function open({ setup }: Extract<QueryOrder, { kind: 'setup' }>): Promise<QueryEngine> {
  const opening = openQueryEngine(setup, {
    clock: systemClock,
    disk: systemDisk,
    random: systemRandom,
    onRefusedView: (reason) => say({ kind: 'view-refused', reason }),
  });
  // Each query hears of it.
  opening.catch(() => undefined);
  return opening;
}

async function answer({
  id,
  request,
  tables,
}: Extract<QueryOrder, { kind: 'query' }>): Promise<void> {
  const cancelled = new AbortController();
  running.set(id, cancelled);
  try {
    const opened = await engine;
    if (!opened) throw new Error('the process has no setup');
    say({ kind: 'answer', id, result: await opened.run(request, tables, cancelled.signal) });
  } catch (error) {
    const known = error instanceof MillraceError ? error : undefined;
    const code = known?.code ?? 'SQL_FAILED';
    const text = { code, message: toError(error).message, field: known?.field };
    say({ kind: 'failed', id, error: text });
  } finally {
    running.delete(id);
  }
}

function say(message: QueryMessage): void {
  process.send?.(message);
}
