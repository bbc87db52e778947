/** The lake thread as others hold it: what queries see, live events, readiness. */
import type { Snapshot } from '../observe/metrics.ts';
import { startThread } from '../threads/supervised-thread.ts';
import type { ThreadHandle, ThreadSeams } from '../threads/supervised-thread.ts';
import { createThreadQuestions, restarting } from '../threads/thread-questions.ts';
import type { ThreadQuestions } from '../threads/thread-questions.ts';
import type { SourceInfo } from './lake-columns.ts';
import type { LakeMessage, LakeOrder, LakeSetup } from './lake-messages.ts';
import type { TailLine } from './tail-shapes.ts';
import type { KnownViews, LakeTables } from './lake-tables.ts';
import type { RowPlace } from './locate-row.ts';

export interface LakeHandle {
  /** What a query sees now. @throws MillraceError UNAVAILABLE while the lake restarts. */
  tables(known: KnownViews): Promise<LakeTables>;
  /** The Parquet file that has an event; null: in memory, or nobody knows. */
  locate(place: RowPlace): Promise<string | null>;
  /**
   * Calls back with live events and how many more there were, until the result is called; first
   * with none, when all that is sent from then on will be seen.
   */
  tail(onEntries: OnEntries): () => void;
  setSources(sources: readonly SourceInfo[]): void;
  snapshots(): Snapshot[];
  isReady(): boolean;
  stop(): Promise<void>;
}

type OnEntries = (entries: readonly TailLine[], missed: number) => void;

const FILE = new URL('./lake-thread.ts', import.meta.url);
const LAKE = 'The lake';

/** What the main thread knows of the lake thread. */
interface LakeSide {
  /** Not while it starts for the first time; then nobody listens. */
  thread: ThreadHandle<LakeOrder> | undefined;
  sources: readonly SourceInfo[];
  metrics: Snapshot;
  listeners: Set<OnEntries>;
  questions: ThreadQuestions;
}

/** @throws MillraceError UNAVAILABLE with the reason when the thread does not start */
export async function startLake(
  setup: Omit<LakeSetup, 'sources'>,
  sources: readonly SourceInfo[],
  { clock, logger, metrics }: ThreadSeams,
): Promise<LakeHandle> {
  const questions = createThreadQuestions(LAKE);
  const side: LakeSide = {
    thread: undefined,
    sources,
    metrics: [],
    listeners: new Set(),
    questions,
  };
  const sayReaders = (): void => {
    side.thread?.send({ kind: 'tail', readers: side.listeners.size });
  };
  const thread = await startThread<LakeOrder, LakeMessage>({
    name: 'lake',
    file: FILE,
    clock,
    logger,
    metrics,
    setup: () => ({ ...setup, sources: side.sources }),
    onEnd: () => questions.endAll(),
    onMessage(message) {
      hear(side, message);
      if (message.kind === 'ready' && side.listeners.size > 0) sayReaders();
    },
  });
  side.thread = thread;
  return {
    tables(known) {
      if (!thread.isReady()) return Promise.reject(restarting(LAKE));
      return questions.ask((id) => thread.send({ kind: 'tables', id, known }));
    },
    async locate(place) {
      if (!thread.isReady()) return null;
      const located = questions.ask<string | null>((id) => {
        thread.send({ kind: 'locate', id, place });
      });
      return located.catch(() => null);
    },
    tail(onEntries) {
      side.listeners.add(onEntries);
      // Also when others listen already: the answer to this order is the first call.
      sayReaders();
      return () => {
        if (side.listeners.delete(onEntries)) sayReaders();
      };
    },
    setSources(next) {
      side.sources = next;
      thread.send({ kind: 'sources', sources: next });
    },
    snapshots: () => [side.metrics],
    isReady: () => thread.isReady(),
    stop: () => thread.stop(),
  };
}

function hear(side: LakeSide, message: LakeMessage): void {
  if (message.kind === 'tables') side.questions.answer(message.id, message.tables);
  else if (message.kind === 'located') side.questions.answer(message.id, message.path);
  else if (message.kind === 'report') side.metrics = message.metrics;
  else if (message.kind === 'tail') {
    for (const listener of side.listeners) listener(message.entries, message.missed);
  }
}
