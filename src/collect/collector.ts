/**
 * One collector: its log writers, its HTTP server, and what its requests share. The thread file
 * only passes messages; everything with behaviour is here, so that it can run without a thread.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthenticator } from '../auth/authenticator.ts';
import { openRateTable } from '../auth/rate-limit.ts';
import type { AuthSnapshot } from '../auth/snapshot.ts';
import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import { durableEndsOf } from '../base/durable-ends.ts';
import { openLogWriter } from '../log/log-writer.ts';
import type { LogWriter } from '../log/log-writer.ts';
import type { Logger } from '../observe/logger.ts';
import type { MetricsRegistry, Snapshot } from '../observe/metrics.ts';
import { answerPixel } from './answers.ts';
import { createCollectCells } from './cells.ts';
import { createClientAddress } from './client-address.ts';
import type { CollectContext } from './context.ts';
import type { CollectorSetup, TlsMaterial } from './messages.ts';
import { createRouter } from './router.ts';
import { loadSdkFiles } from './sdk-files.ts';

export interface Collector {
  port: number;
  setSnapshot(snapshot: AuthSnapshot): void;
  setTls(tls: TlsMaterial): void;
  report(): { metrics: Snapshot; keyUse: [keyNumber: number, usedAtMs: number][] };
  /** Stops accepting, finishes what is in flight within the deadline, makes the log durable. */
  stop(): Promise<void>;
}

export interface CollectorSeams {
  disk: Disk;
  clock: Clock;
  logger: Logger;
  metrics: MetricsRegistry;
}

export async function startCollector(
  setup: CollectorSetup,
  seams: CollectorSeams,
): Promise<Collector> {
  const { metrics } = seams;
  const writers = await openWriters(setup, seams);
  const cells = createCollectCells(metrics);
  let isAccepting = true;
  const { context, setSnapshot } = createContext(setup, seams, writers, cells, () => isAccepting);
  const router = createRouter(context, await loadSdkFiles(seams.disk));
  const server = createListener(setup, router);
  const port = await listen(server, setup);
  return {
    port,
    setSnapshot,
    setTls(tls) {
      if ('setSecureContext' in server) server.setSecureContext(tls);
    },
    report() {
      for (const [region, writer] of writers) {
        const labels = { partition: `${region}-${setup.index}` };
        metrics.cell('millrace_log_waiting_bytes', labels).value = writer.waitingBytes();
        metrics.cell('millrace_log_durable_position', labels).value = writer.durablePosition();
      }
      return { metrics: metrics.snapshot(), keyUse: cells.takeKeyUse() };
    },
    async stop() {
      isAccepting = false;
      await closeServer(server, setup.listen.shutdownMs, seams.clock);
      for (const writer of writers.values()) await writer.close();
    },
  };
}

async function openWriters(
  setup: CollectorSetup,
  { disk, clock, logger, metrics }: CollectorSeams,
): Promise<Map<string, LogWriter>> {
  const ends = durableEndsOf(setup.durableEnds);
  const writers = new Map<string, LogWriter>();
  for (const { name, region, folder, slot } of setup.partitions) {
    const writer = await openLogWriter({
      disk,
      clock,
      folder,
      partition: name,
      segmentBytesMax: setup.log.segmentBytesMax,
      queueBytesMax: setup.log.queueBytesMax,
      onAlarm(alarm) {
        metrics.cell('millrace_log_alarms_total', { kind: alarm.kind }).value++;
        logger.error({ partition: name, ...alarm }, 'log alarm');
      },
    });
    writer.onDurable = (position) => ends.publish(slot, position);
    ends.publish(slot, writer.durablePosition());
    if (Number(name.slice(name.lastIndexOf('-') + 1)) === setup.index) writers.set(region, writer);
    else await writer.close();
  }
  return writers;
}

function createContext(
  setup: CollectorSetup,
  { clock, metrics }: CollectorSeams,
  writers: ReadonlyMap<string, LogWriter>,
  cells: CollectContext['cells'],
  isAccepting: () => boolean,
): { context: CollectContext; setSnapshot(snapshot: AuthSnapshot): void } {
  const authenticator = createAuthenticator(setup.snapshot, setup.limits, clock);
  const rate = openRateTable(setup.rateTable);
  const context: CollectContext = {
    clock,
    settings: {
      limits: setup.limits,
      corsOrigins: setup.corsOrigins,
      rejectedBodyBytesMax: setup.rejectedBodyBytesMax,
      publicHost: setup.publicHost,
      sdkHttpConfig: setup.sdkHttpConfig,
    },
    authenticator,
    clientAddress: createClientAddress(setup.trustedProxies),
    cells,
    requestSeconds: metrics.histogram('millrace_request_seconds'),
    requestBytesMax: () => authenticator.requestBytesMax(),
    logFor: (region) => writers.get(region),
    takeToken: ({ source, limits }) =>
      rate.take(source.number, clock.monotonicMs(), limits.requestsPerSecond, limits.burst),
    msUntilToken: () => rate.lastWaitMs(),
    tokensLeft: () => rate.lastRemaining(),
    answerPixel: ({ response, headers }) => answerPixel(response, headers),
    isAccepting,
  };
  return { context, setSnapshot: (snapshot) => authenticator.setSnapshot(snapshot) };
}

function createListener(
  setup: CollectorSetup,
  router: (request: IncomingMessage, response: ServerResponse) => void,
): Server | TlsServer {
  const { headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, connectionsMax } = setup.listen;
  const options = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: 1000,
    noDelay: true,
  };
  const server = setup.tls
    ? createTlsServer({ ...options, cert: setup.tls.cert, key: setup.tls.key }, router)
    : createServer(options, router);
  server.maxConnections = connectionsMax;
  return server;
}

function listen(server: Server | TlsServer, setup: CollectorSetup): Promise<number> {
  const { host, port, isShared } = setup.listen;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, reusePort: isShared }, () => {
      server.removeListener('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Idle connections close at once, busy ones after their answer, the rest at the deadline. */
async function closeServer(
  server: Server | TlsServer,
  deadlineMs: number,
  clock: Clock,
): Promise<void> {
  const timer = new AbortController();
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const forced = clock.sleep(deadlineMs, timer.signal).then(
    () => server.closeAllConnections(),
    () => undefined,
  );
  await closed;
  timer.abort();
  await forced;
}
