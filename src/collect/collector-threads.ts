/** The collector threads: as many as configured, all listening on one port. */
import type { AuthSnapshot } from '../auth/snapshot.ts';
import type {
  CollectorMessage,
  CollectorOrder,
  CollectorSetup,
  TlsMaterial,
} from './collector-messages.ts';
import type { Snapshot } from '../observe/metrics.ts';
import { startThread } from '../threads/supervised-thread.ts';
import type { ThreadHandle, ThreadSeams } from '../threads/supervised-thread.ts';

export interface Collectors {
  port: number;
  setSnapshot(snapshot: AuthSnapshot): void;
  setTls(tls: TlsMaterial): void;
  snapshots(): Snapshot[];
  /** True when every thread runs and listens. */
  isReady(): boolean;
  stop(): Promise<void>;
}

export interface CollectorsOptions extends ThreadSeams {
  threads: number;
  setupFor(index: number, port: number): Omit<CollectorSetup, 'snapshot' | 'tls'>;
  snapshot: AuthSnapshot;
  tls: TlsMaterial | null;
  onKeyUse(use: [keyNumber: number, usedAtMs: number][]): void;
}

interface Member {
  thread: ThreadHandle<CollectorOrder>;
  counts: Counts;
}

interface Counts {
  metrics: Snapshot;
  /** Counts of earlier lives of the thread, so that counters never go back. */
  past: Snapshot;
}

/** What each start of a thread is given beside its setup. */
interface Current {
  snapshot: AuthSnapshot;
  tls: TlsMaterial | null;
  /** 0 until the first thread has settled it. */
  port: number;
}

const FILE = new URL('./collector-thread.ts', import.meta.url);

/**
 * Starts the threads one after another: the first one settles the port when it was 0.
 * @throws MillraceError UNAVAILABLE with the reason, such as a port that is taken
 */
export async function startCollectors(options: CollectorsOptions): Promise<Collectors> {
  const current: Current = { snapshot: options.snapshot, tls: options.tls, port: 0 };
  const members: Member[] = [];
  for (let index = 0; index < options.threads; index++) {
    members.push(await startMember(options, index, current));
  }
  const sendAll = (order: CollectorOrder) => {
    for (const { thread } of members) thread.send(order);
  };
  return {
    port: current.port,
    setSnapshot(snapshot) {
      current.snapshot = snapshot;
      sendAll({ kind: 'snapshot', snapshot });
    },
    setTls(tls) {
      current.tls = tls;
      sendAll({ kind: 'tls', tls });
    },
    snapshots: () => members.flatMap(({ counts }) => [counts.metrics, counts.past]),
    isReady: () => members.every(({ thread }) => thread.isReady()),
    async stop() {
      await Promise.all(members.map(({ thread }) => thread.stop()));
    },
  };
}

async function startMember(
  options: CollectorsOptions,
  index: number,
  current: Current,
): Promise<Member> {
  const { clock, logger, metrics } = options;
  const counts: Counts = { metrics: [], past: [] };
  const thread = await startThread<CollectorOrder, CollectorMessage>({
    name: `collector-${index}`,
    file: FILE,
    clock,
    logger,
    metrics,
    setup() {
      const { snapshot, tls, port } = current;
      return { ...options.setupFor(index, port), snapshot, tls };
    },
    onEnd() {
      counts.past = countersOf([...counts.past, ...counts.metrics]);
      counts.metrics = [];
    },
    onMessage(message) {
      if (message.kind === 'ready') current.port = message.port;
      if (message.kind !== 'report') return;
      counts.metrics = message.metrics;
      options.onKeyUse(message.keyUse);
    },
  });
  return { thread, counts };
}

/** Gauges belong to a living thread; counters are kept and added up. */
function countersOf(series: Snapshot): Snapshot {
  const sums = new Map<string, number>();
  for (const [name, value] of series) {
    if (/_(total|bucket|sum|count)(\{|$)/.test(name)) sums.set(name, (sums.get(name) ?? 0) + value);
  }
  return [...sums];
}
