/** The collector threads: as many as configured, all listening on one port. */
import type { AuthSnapshot } from '../auth/snapshot.ts';
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type {
  CollectorMessage,
  CollectorOrder,
  CollectorSetup,
  TlsMaterial,
} from './collector-messages.ts';
import type { Logger } from '../observe/logger.ts';
import type { MetricsRegistry, Snapshot } from '../observe/metrics.ts';
import { startThread } from '../threads/supervised-thread.ts';
import type { ThreadHandle } from '../threads/supervised-thread.ts';

export interface Collectors {
  port: number;
  setSnapshot(snapshot: AuthSnapshot): void;
  setTls(tls: TlsMaterial): void;
  snapshots(): Snapshot[];
  /** True when every thread runs and listens. */
  isReady(): boolean;
  stop(): Promise<void>;
}

export interface CollectorsOptions {
  threads: number;
  setupFor(index: number, port: number): Omit<CollectorSetup, 'snapshot' | 'tls'>;
  snapshot: AuthSnapshot;
  tls: TlsMaterial | null;
  clock: Clock;
  logger: Logger;
  metrics: MetricsRegistry;
  onKeyUse(use: [keyNumber: number, usedAtMs: number][]): void;
}

interface Member {
  thread: ThreadHandle<CollectorOrder>;
  isReady: boolean;
  metrics: Snapshot;
  /** Counts of earlier lives of the thread, so that counters never go back. */
  past: Snapshot;
}

const FILE = new URL('./collector-thread.ts', import.meta.url);

/** Starts the threads one after another: the first one settles the port when it was 0. */
export async function startCollectors(options: CollectorsOptions): Promise<Collectors> {
  let { snapshot, tls } = options;
  let port = 0;
  const members: Member[] = [];
  for (let index = 0; index < options.threads; index++) {
    port = await new Promise<number>((resolve, reject) => {
      members.push(startMember(options, index, port, () => ({ snapshot, tls }), resolve, reject));
    });
  }
  const sendAll = (order: CollectorOrder) => {
    for (const { thread } of members) thread.send(order);
  };
  return {
    port,
    setSnapshot(next) {
      snapshot = next;
      sendAll({ kind: 'snapshot', snapshot });
    },
    setTls(next) {
      tls = next;
      sendAll({ kind: 'tls', tls: next });
    },
    snapshots: () => members.flatMap(({ metrics, past }) => [metrics, past]),
    isReady: () => members.every(({ isReady, thread }) => isReady && thread.isRunning()),
    async stop() {
      for (const { thread } of members) {
        thread.expectEnd();
        thread.send({ kind: 'stop' });
      }
      await Promise.all(members.map(({ thread }) => thread.ended()));
    },
  };
}

function startMember(
  options: CollectorsOptions,
  index: number,
  port: number,
  current: () => { snapshot: AuthSnapshot; tls: TlsMaterial | null },
  onReady: (port: number) => void,
  onFailure: (error: Error) => void,
): Member {
  const { clock, logger, metrics } = options;
  const name = `collector-${index}`;
  let wasReady = false;
  let settledPort = port;
  let failure = '';
  const thread = startThread<CollectorOrder, CollectorMessage>({
    name,
    file: FILE,
    clock,
    logger,
    restarts: metrics.cell('millrace_thread_restarts_total', { thread: name }),
    setup: () => ({ ...options.setupFor(index, settledPort), ...current() }),
    wasReady: () => wasReady,
    onFirstFailure: (reason) =>
      onFailure(new MillraceError('UNAVAILABLE', `${name}: ${failure || reason}`)),
    onExit() {
      member.isReady = false;
      member.past = countersOf([...member.past, ...member.metrics]);
      member.metrics = [];
    },
    onMessage(message) {
      if (message.kind === 'ready') {
        wasReady = true;
        member.isReady = true;
        settledPort = message.port;
        onReady(message.port);
      } else if (message.kind === 'report') {
        member.metrics = message.metrics;
        options.onKeyUse(message.keyUse);
      } else if (message.kind === 'failed') {
        failure = message.message;
      }
    },
  });
  const member: Member = { thread, isReady: false, metrics: [], past: [] };
  return member;
}

/** Gauges belong to a living thread; counters are kept and added up. */
function countersOf(series: Snapshot): Snapshot {
  const sums = new Map<string, number>();
  for (const [name, value] of series) {
    if (/_(total|bucket|sum|count)(\{|$)/.test(name)) sums.set(name, (sums.get(name) ?? 0) + value);
  }
  return [...sums];
}
