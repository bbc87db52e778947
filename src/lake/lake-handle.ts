/** The lake thread as others hold it: what queries see, live events, readiness. */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { SourceInfo } from './lake-columns.ts';
import type { LakeMessage, LakeOrder, LakeSetup, TailEntry } from './lake-messages.ts';
import type { RowPlace } from './locate-row.ts';
import type { KnownViews, LakeTables } from './lake-tables.ts';
import type { Logger } from '../observe/logger.ts';
import type { MetricsRegistry, Snapshot } from '../observe/metrics.ts';
import { startThread } from '../threads/supervised-thread.ts';

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

type OnEntries = (entries: readonly TailEntry[], missed: number) => void;

interface Waiting {
  resolve(tables: LakeTables): void;
  reject(error: Error): void;
}

const FILE = new URL('./lake-thread.ts', import.meta.url);

export async function startLake(
  setup: Omit<LakeSetup, 'sources'>,
  initialSources: readonly SourceInfo[],
  seams: { clock: Clock; logger: Logger; metrics: MetricsRegistry },
): Promise<LakeHandle> {
  const waiting = new Map<number, Waiting>();
  const locating = new Map<number, (path: string | null) => void>();
  const listeners = new Set<OnEntries>();
  let sources = initialSources;
  let lastId = 0;
  let isReady = false;
  let wasReady = false;
  let metrics: Snapshot = [];
  let failure = '';
  let onStart: { resolve(): void; reject(error: Error): void } | undefined;
  const started = new Promise<void>((resolve, reject) => {
    onStart = { resolve, reject };
  });
  const thread = startThread<LakeOrder, LakeMessage>({
    name: 'lake',
    file: FILE,
    clock: seams.clock,
    logger: seams.logger,
    restarts: seams.metrics.cell('millrace_thread_restarts_total', { thread: 'lake' }),
    setup: () => ({ ...setup, sources }),
    wasReady: () => wasReady,
    onFirstFailure: (reason) =>
      onStart?.reject(new MillraceError('UNAVAILABLE', `lake: ${failure || reason}`)),
    onExit() {
      isReady = false;
      for (const { reject } of waiting.values()) {
        reject(new MillraceError('UNAVAILABLE', 'The lake restarts; try again'));
      }
      waiting.clear();
      for (const resolve of locating.values()) resolve(null);
      locating.clear();
    },
    onMessage(message) {
      if (message.kind === 'ready') {
        wasReady = true;
        isReady = true;
        if (listeners.size > 0) thread.send({ kind: 'tail', readers: listeners.size });
        onStart?.resolve();
      } else if (message.kind === 'tables') {
        waiting.get(message.id)?.resolve(message.tables);
        waiting.delete(message.id);
      } else if (message.kind === 'located') {
        locating.get(message.id)?.(message.path);
        locating.delete(message.id);
      } else if (message.kind === 'tail') {
        for (const listener of listeners) listener(message.entries, message.missed);
      } else if (message.kind === 'report') {
        metrics = message.metrics;
      } else if (message.kind === 'failed') {
        failure = message.message;
      }
    },
  });
  await started;
  return {
    tables(known) {
      if (!isReady) {
        return Promise.reject(new MillraceError('UNAVAILABLE', 'The lake restarts; try again'));
      }
      const id = ++lastId;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        thread.send({ kind: 'tables', id, known });
      });
    },
    locate(place) {
      if (!isReady) return Promise.resolve(null);
      const id = ++lastId;
      return new Promise((resolve) => {
        locating.set(id, resolve);
        thread.send({ kind: 'locate', id, place });
      });
    },
    tail(onEntries) {
      listeners.add(onEntries);
      // Also when others listen already: the answer to this order is the first call.
      thread.send({ kind: 'tail', readers: listeners.size });
      return () => {
        if (!listeners.delete(onEntries)) return;
        thread.send({ kind: 'tail', readers: listeners.size });
      };
    },
    setSources(next) {
      sources = next;
      thread.send({ kind: 'sources', sources });
    },
    snapshots: () => [metrics],
    isReady: () => isReady && thread.isRunning(),
    async stop() {
      thread.expectEnd();
      thread.send({ kind: 'stop' });
      await thread.ended();
    },
  };
}
