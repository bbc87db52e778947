/**
 * The whole system in one process, from configuration to running threads, and back to rest. Start:
 * lock, control store, collectors (which recover their logs), lake, admin. Stop: collectors first,
 * so that nothing new arrives, then the lake, which reads what they made durable.
 */
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { startAdmin } from '../admin/admin-server.ts';
import { rateTableBytes } from '../auth/rate-limit.ts';
import { systemClock } from '../base/clock.ts';
import { emptyFolder } from '../base/whole-folder.ts';
import { systemDisk } from '../base/disk.ts';
import { allocateDurableEnds } from '../base/durable-ends.ts';
import { systemRandom } from '../base/random.ts';
import { VERSION } from '../base/version.ts';
import type { CollectorSetup } from '../collect/collector-messages.ts';
import type { LogPartition } from '../log/partition-folder.ts';
import { collectorThreads } from '../config/config-schema.ts';
import type { Config } from '../config/config-schema.ts';
import { createLogger } from '../observe/logger.ts';
import { createMetricsRegistry } from '../observe/metrics.ts';
import type { Snapshot } from '../observe/metrics.ts';
import { authSnapshot } from '../store/sources/auth-snapshot.ts';
import { TEMPORARY_FOLDER } from '../lake/sql-engine.ts';
import { lockDataFolder } from '../store/data-folder-lock.ts';
import { applyDeclaredSources } from '../store/sources/declared-sources.ts';
import { createFirstOwnerInvitation } from '../store/people/invitations.ts';
import { listSourcesEver } from '../store/sources/sources.ts';
import { closeStore, openStore, storePlace } from '../store/store.ts';
import { adminToken } from '../admin/admin-token.ts';
import { checkDeclaredDestinations } from '../operate/destinations/check-destination.ts';
import { startChores } from './chores.ts';
import type { RunningServer, RunningThreads } from '../operate/running-server.ts';
import { regionsOf } from '../operate/regions-of.ts';
import { startCollectors } from '../collect/collector-threads.ts';
import type { Collectors } from '../collect/collector-threads.ts';
import { firstStart } from './first-start.ts';
import type { FirstStart } from './first-start.ts';
import { createNet } from '../net/guarded-net.ts';
import { applyDeclaredDestinations } from '../store/destinations/declared-destinations.ts';
import { openSealer } from '../store/sealing/sealing-key.ts';
import { startDelivery } from '../deliver/delivery-threads.ts';
import type { DeliveryClient } from '../deliver/delivery-threads.ts';
import { deliveryPlan } from '../deliver/delivery-plan.ts';
import { startLakeService } from '../query/lake-service.ts';
import type { LakeService } from '../query/lake-service.ts';
import { startHistoryKeeper } from '../operate/overview/history-keeper.ts';
import { listPartitions, partitionsOf } from '../lake/known-partitions.ts';
import { publishStore } from '../operate/publish-store.ts';
import { removeServerFile, writeServerFile } from './server-file.ts';
import type { ServerParts } from '../operate/server-parts.ts';
import { readTls } from './tls.ts';

/** Keys of apps are seen by everybody, but one may not be met by trying. */
const KEY_CHARS_SAFE = 8;
const SHORT_KEY =
  'the key has fewer than 8 characters and can be guessed; replace it when the apps allow';

export interface Server {
  collectorUrl: string;
  adminUrl: string;
  /** Makes the first account, once; null when there is one. */
  ownerInvitation: string | null;
  /** What the first start made; null at every other start. */
  firstStart: FirstStart | null;
  /** Of the admin listener, as in `GET /admin/users/:id`. */
  adminRoutes: readonly string[];
  /** Stops accepting, finishes what is in flight, makes everything durable. */
  stop(): Promise<void>;
}

/**
 * Starts everything and resolves when events can be received and queried.
 * @throws MillraceError CONFIG_INVALID, DATA_FOLDER_LOCKED, DATA_FORMAT_TOO_NEW or UNAVAILABLE
 *   (a port that is taken).
 */
export async function startServer(config: Config): Promise<Server> {
  const disk = systemDisk;
  const clock = systemClock;
  const dataFolder = resolve(config.dataDir);
  const tls = config.tls ? await readTls(disk, config.tls) : null;
  const lock = await lockDataFolder(dataFolder);
  const stops: (() => Promise<void> | void)[] = [() => lock.release()];
  const stop = async (): Promise<void> => {
    for (let undo = stops.pop(); undo; undo = stops.pop()) await undo();
  };
  try {
    const store = openStore(storePlace(config, dataFolder));
    stops.push(() => closeStore(store));
    const logger = createLogger('main', config.logging.level);
    const metrics = createMetricsRegistry();
    const sealer = await openSealer(config.secrets, dataFolder, disk, systemRandom);
    const net = createNet({ settings: config.net, clock });
    stops.push(() => net.close());
    const shared = { config, disk, clock, logger, metrics, dataFolder };
    const parts: ServerParts = { ...shared, store, tls, sealer, net };
    return await startParts(parts, stops, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startParts(
  parts: ServerParts,
  stops: (() => Promise<void> | void)[],
  stop: () => Promise<void>,
): Promise<Server> {
  const { config, disk, clock, dataFolder, store, logger } = parts;
  // What engines left there that could not clear away after themselves.
  await emptyFolder(disk, join(dataFolder, TEMPORARY_FOLDER));
  applyDeclaredSources(store, config.sources);
  for (const field of shortKeys(config)) logger.warn({ field }, `${field}: ${SHORT_KEY}`);
  checkDeclaredDestinations(config.destinations, parts.net);
  applyDeclaredDestinations(store, parts.sealer, config.destinations);
  const threads = collectorThreads(
    config.collector.threads,
    availableParallelism(),
    process.platform,
  );
  const regions = regionsOf(parts);
  const partitions = await listPartitions(disk, dataFolder, regions, threads);
  const durableEnds = allocateDurableEnds(partitions.length);
  const judgedEnds = allocateDurableEnds(partitions.length);
  const holds = Array.from({ length: config.deliver.threads }, () =>
    allocateDurableEnds(partitions.length),
  );
  const keyUse = new Map<number, number>();

  const collectors = await startCollectorThreads(parts, threads, partitions, durableEnds, keyUse);
  const shared = { durableEnds, judgedEnds, holds };
  const lake = await startLake(parts, regions, partitions, shared).catch(async (error: unknown) => {
    await collectors.stop();
    throw error;
  });
  stops.push(() => lake.stop());
  stops.push(() => collectors.stop());
  const delivery = await startDeliveryThreads(parts, partitions, shared);
  stops.push(() => delivery.stop());
  const running = { collectors, lake, delivery };
  const chores = startChores(parts, running, keyUse, () => publishStore({ ...parts, ...running }));
  stops.push(() => chores.stop());
  const keeper = startHistoryKeeper(parts, {
    lake,
    metrics: () => snapshotsOf(parts, running),
    collectorUrl: () => collectorUrlOf(config, collectors.port),
    publish: () => publishStore({ ...parts, ...running }),
  });
  stops.push(() => keeper.stop());
  const token = await adminToken(disk, systemRandom, dataFolder);
  const startedMs = clock.monotonicMs();
  const server: RunningServer = {
    ...parts,
    ...running,
    collectorUrl: () => collectorUrlOf(config, collectors.port),
    snapshots: () => snapshotsOf(parts, running),
    history: keeper.history,
    alerts: keeper.alerts,
    health: chores.health,
  };
  const admin = await startAdmin(server, token, startedMs);
  stops.push(() => admin.stop());

  // Last, so that a key that will be shown only once is not made by a start that fails.
  const made = firstStart(store, config);
  if (made) publishStore({ ...parts, ...running });
  const collectorUrl = collectorUrlOf(config, collectors.port);
  const adminUrl = `http://${shownHost(config.admin.host)}:${admin.port}`;
  const startedAt = new Date(clock.wallMs()).toISOString();
  const about = { pid: process.pid, version: VERSION, startedAt, collectorUrl, adminUrl };
  await writeServerFile(disk, dataFolder, about);
  stops.push(() => removeServerFile(disk, dataFolder));
  logger.info({ threads, regions, ...about }, 'started');
  const ownerInvitation = createFirstOwnerInvitation(store);
  const { routes: adminRoutes } = admin;
  return { collectorUrl, adminUrl, firstStart: made, ownerInvitation, adminRoutes, stop };
}

function startCollectorThreads(
  parts: ServerParts,
  threads: number,
  partitions: readonly LogPartition[],
  durableEnds: SharedArrayBuffer,
  keyUse: Map<number, number>,
): Promise<Collectors> {
  const { config, store, clock, logger, metrics, tls } = parts;
  const rateTable = new SharedArrayBuffer(rateTableBytes());
  const { collector, limits, log, cors, sdk } = config;
  const shared: Omit<CollectorSetup, 'index' | 'partitions' | 'listen' | 'snapshot' | 'tls'> = {
    trustedProxies: collector.trustedProxies,
    limits,
    corsOrigins: cors.origins,
    rejectedBodyBytesMax: limits.rejectedBodyBytesMax,
    publicHost: publicHostOf(config),
    sdkHttpConfig: sdk.httpConfig,
    log: {
      segmentBytesMax: log.segmentBytesMax,
      queueBytesMax: limits.queueBytesMax,
      minFreeBytes: log.minFreeBytes,
    },
    durableEnds,
    rateTable,
    logLevel: config.logging.level,
  };
  return startCollectors({
    threads,
    setupFor: (index, port) => ({
      ...shared,
      index,
      partitions: partitionsOf(partitions, index, threads),
      listen: { ...collector, port: port || collector.port, isShared: threads > 1 },
    }),
    snapshot: authSnapshot(store, config),
    tls,
    clock,
    logger,
    metrics,
    onKeyUse(use) {
      for (const [number, usedAtMs] of use) {
        keyUse.set(number, Math.max(keyUse.get(number) ?? 0, usedAtMs));
      }
    },
  });
}

function startLake(
  parts: ServerParts,
  regions: readonly string[],
  partitions: readonly LogPartition[],
  shared: SharedEnds,
): Promise<LakeService> {
  const { config, dataFolder, store, clock, logger, metrics } = parts;
  const setup = {
    dataFolder,
    regions,
    partitions: partitions.map(({ name, region, slot }) => ({ name, region, slot })),
    ...shared,
    settings: { ...config.lake, ...config.dispatch, queryMs: config.sql.timeoutMs },
    retention: config.log,
    pollMs: config.lake.pollMs,
    logLevel: config.logging.level,
  };
  return startLakeService(setup, listSourcesEver(store), {
    ...config.sql,
    setup: { ...config.sql, dataFolder, regions },
    random: systemRandom,
    clock,
    logger,
    metrics,
  });
}

/** Memory through which threads tell each other how far they are. */
interface SharedEnds {
  durableEnds: SharedArrayBuffer;
  judgedEnds: SharedArrayBuffer;
  holds: SharedArrayBuffer[];
}

function startDeliveryThreads(
  parts: ServerParts,
  partitions: readonly LogPartition[],
  { judgedEnds, holds }: SharedEnds,
): Promise<DeliveryClient> {
  const { config, dataFolder, clock, logger, metrics } = parts;
  const setup = {
    dataFolder,
    partitions: partitions.map(({ name, region, slot }) => ({ name, region, slot })),
    judgedEnds,
    settings: config.deliver,
    net: config.net,
    logLevel: config.logging.level,
  };
  const seams = { clock, logger, metrics };
  return startDelivery(config.deliver.threads, setup, holds, deliveryPlan(parts), seams);
}

/** Fields of the configuration with a key that somebody could guess. */
function shortKeys({ sources }: Config): string[] {
  return sources.flatMap(({ writeKeys }, at) =>
    writeKeys.flatMap((key, keyAt) =>
      key.length < KEY_CHARS_SAFE ? [`sources[${at}].writeKeys[${keyAt}]`] : [],
    ),
  );
}

/** `sdk.apiHost` is what SDKs are told; `publicUrl` says it by default. */
function publicHostOf({ sdk, collector }: Config): string | null {
  if (sdk.apiHost !== null) return sdk.apiHost;
  return collector.publicUrl === null ? null : new URL(collector.publicUrl).host;
}

function snapshotsOf({ metrics }: ServerParts, running: RunningThreads): Snapshot[] {
  const { collectors, lake, delivery } = running;
  return [
    metrics.snapshot(),
    ...collectors.snapshots(),
    ...lake.snapshots(),
    ...delivery.snapshots(),
  ];
}

function collectorUrlOf({ collector, tls }: Config, port: number): string {
  const scheme = tls ? 'https' : 'http';
  return collector.publicUrl ?? `${scheme}://${shownHost(collector.host)}:${port}`;
}

/** An address that binds everything is no address to visit. */
function shownHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
