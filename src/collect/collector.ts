/**
 * One collector: its log writers, its HTTP server, and what its requests share. The thread file
 * only passes messages; everything with behaviour is here, so that it can run without a thread.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAccessTokens } from '../auth/access-tokens.ts';
import { openAssertionMemory } from '../auth/assertion-memory.ts';
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
import { createCollectCells } from './cells.ts';
import { answerClientError } from './client-errors.ts';
import { createClientAddress } from './client-address.ts';
import type { CollectContext } from './context.ts';
import type { CollectorSetup, TlsMaterial } from './collector-messages.ts';
import { createRouter } from './request-router.ts';
import { loadSdkFiles } from './sdk-files.ts';

export interface Collector {
  port: number;
  setSnapshot(snapshot: AuthSnapshot): void;
  setTls(tls: TlsMaterial): void;
  report(): { metrics: Snapshot; keyUse: [keyNumber: number, usedAtMs: number][] };
  /** Stops accepting, finishes what is in flight within the deadline, makes the log durable. */
  stop(): Promise<void>;
}

const SPACE_CHECK_MS = 500;
const SWEEP_MS = 50;

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
  const space = watchSpace(setup, seams);
  const { context, setSnapshot } = createContext(
    setup,
    seams,
    writers,
    cells,
    space.isLow,
    () => isAccepting,
  );
  const router = createRouter(context, await loadSdkFiles(seams.disk));
  const server = createListener(setup, router);
  server.on('clientError', (error, socket) => answerClientError(context, error, socket));
  const port = await listen(server, setup).catch(async (error: unknown) => {
    space.stop();
    for (const writer of writers.values()) await writer.close();
    throw error;
  });
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
      space.stop();
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
  for (const { name, region, folder, slot, positionMin } of setup.partitions) {
    const writer = await openLogWriter({
      disk,
      clock,
      folder,
      partition: name,
      segmentBytesMax: setup.log.segmentBytesMax,
      queueBytesMax: setup.log.queueBytesMax,
      positionMin,
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
  isDiskLow: () => boolean,
  isAccepting: () => boolean,
): { context: CollectContext; setSnapshot(snapshot: AuthSnapshot): void } {
  const tokens = createAccessTokens(setup.oauth.tokenKey);
  const authenticator = createAuthenticator(setup.snapshot, setup.limits, clock, tokens);
  const rate = openRateTable(setup.rateTable);
  const context: CollectContext = {
    clock,
    settings: {
      limits: setup.limits,
      corsOrigins: setup.corsOrigins,
      rejectedBodyBytesMax: setup.rejectedBodyBytesMax,
      publicHost: setup.publicHost,
      publicProtocol: setup.publicProtocol,
      sdkHttpConfig: setup.sdkHttpConfig,
    },
    authenticator,
    tokens,
    assertions: openAssertionMemory(setup.oauth.assertions),
    clientAddress: createClientAddress(setup.trustedProxies),
    cells,
    requestSeconds: metrics.histogram('millrace_request_seconds'),
    requestBytesMax: () => authenticator.requestBytesMax(),
    logFor: (region) => writers.get(region),
    takeToken: ({ source, limits }) =>
      rate.take(source.number, clock.monotonicMs(), limits.requestsPerSecond, limits.burst),
    msUntilToken: () => rate.lastWaitMs(),
    tokensLeft: () => rate.lastRemaining(),
    isDiskLow,
    isAccepting,
  };
  return { context, setSnapshot: (snapshot) => authenticator.setSnapshot(snapshot) };
}

/** Refusing while there is still some space keeps enough of it for SQLite and the lake. */
function watchSpace(
  setup: CollectorSetup,
  { disk, logger }: CollectorSeams,
): { isLow(): boolean; stop(): void } {
  const [first] = setup.partitions;
  const { minFreeBytes } = setup.log;
  let isLow = false;
  const measure = async (folder: string): Promise<void> => {
    const freeBytes = await disk.freeBytes(folder);
    const wasLow = isLow;
    isLow = freeBytes < minFreeBytes;
    if (isLow !== wasLow) {
      const text = isLow ? 'disk space is low; events are answered 503' : 'disk space is back';
      logger.error({ freeBytes, minFreeBytes }, text);
    }
  };
  const check = (): void => {
    // A failed look at the disk says nothing about its space; the write itself will tell.
    if (first) measure(first.folder).catch(() => undefined);
  };
  check();
  const timer = setInterval(check, SPACE_CHECK_MS);
  return { isLow: () => isLow, stop: () => clearInterval(timer) };
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
  // A connection whose answer was on its way when closing began becomes idle only after it.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  server.closeIdleConnections();
  const forced = clock.sleep(deadlineMs, timer.signal).then(
    () => server.closeAllConnections(),
    () => undefined,
  );
  await closed;
  clearInterval(sweep);
  timer.abort();
  await forced;
}
