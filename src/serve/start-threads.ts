/** Starts collectors, lake and delivery, which meet in the log and in shared memory. */
import { assertionMemoryBytes } from '../auth/assertion-memory.ts';
import { rateTableBytes } from '../auth/rate-limit.ts';
import { allocateDurableEnds } from '../base/durable-ends.ts';
import { toError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import type { CollectorSetup } from '../collect/collector-messages.ts';
import { startCollectors } from '../collect/collector-threads.ts';
import type { Collectors } from '../collect/collector-threads.ts';
import type { Config } from '../config/config-schema.ts';
import { deliveryPlan } from '../deliver/delivery-plan.ts';
import { startDelivery } from '../deliver/delivery-threads.ts';
import type { DeliveryClient, KeepTokens } from '../deliver/delivery-threads.ts';
import { listPartitions, partitionsOf } from '../lake/known-partitions.ts';
import type { LogPartition } from '../log/partition-folder.ts';
import type { RunningThreads } from '../operate/running-server.ts';
import type { ServerParts } from '../operate/server-parts.ts';
import { startLakeService } from '../query/lake-service.ts';
import type { LakeService } from '../query/lake-service.ts';
import { authSnapshot } from '../store/sources/auth-snapshot.ts';
import { listSourcesEver } from '../store/sources/sources.ts';
import { keepRenewedTokens } from '../store/destinations/renewed-tokens.ts';

/** What undoes a start so far, the newest last. */
export type Stops = (() => Promise<void> | void)[];

export interface ThreadPlan {
  /** Of collectors. */
  threads: number;
  regions: readonly string[];
}

/** Memory through which threads tell each other how far they are. */
interface SharedEnds {
  durableEnds: SharedArrayBuffer;
  judgedEnds: SharedArrayBuffer;
  holds: SharedArrayBuffer[];
}

/**
 * Starts them in the order in which they need each other.
 * @param keyUse is told when keys were used. @param stops gets what stops them.
 */
export async function startThreads(
  parts: ServerParts,
  { threads, regions }: ThreadPlan,
  keyUse: Map<number, number>,
  stops: Stops,
): Promise<RunningThreads> {
  const { config, disk, dataFolder } = parts;
  const partitions = await listPartitions(disk, dataFolder, regions, threads);
  const { length: slots } = partitions;
  const shared: SharedEnds = {
    durableEnds: allocateDurableEnds(slots),
    judgedEnds: allocateDurableEnds(slots),
    holds: Array.from({ length: config.deliver.threads }, () => allocateDurableEnds(slots)),
  };
  const collectors = await startCollectorThreads(parts, threads, partitions, shared, keyUse);
  const lake = await startLake(parts, regions, partitions, shared).catch(async (error: unknown) => {
    await collectors.stop();
    throw error;
  });
  stops.push(() => lake.stop());
  stops.push(() => collectors.stop());
  const delivery = await startDeliveryThreads(parts, partitions, shared);
  stops.push(() => delivery.stop());
  return { collectors, lake, delivery };
}

function startCollectorThreads(
  parts: ServerParts,
  threads: number,
  partitions: readonly LogPartition[],
  { durableEnds }: SharedEnds,
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
    publicProtocol: publicProtocolOf(config),
    sdkHttpConfig: sdk.httpConfig,
    log: {
      segmentBytesMax: log.segmentBytesMax,
      queueBytesMax: limits.queueBytesMax,
      minFreeBytes: log.minFreeBytes,
    },
    durableEnds,
    rateTable,
    oauth: {
      tokenKey: parts.sealer.keyFor('access tokens'),
      assertions: new SharedArrayBuffer(assertionMemoryBytes()),
    },
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

function startDeliveryThreads(
  parts: ServerParts,
  partitions: readonly LogPartition[],
  { judgedEnds, holds }: SharedEnds,
): Promise<DeliveryClient> {
  const { config, dataFolder, store, sealer, clock, logger, metrics } = parts;
  const setup = {
    dataFolder,
    partitions: partitions.map(({ name, region, slot }) => ({ name, region, slot })),
    judgedEnds,
    settings: config.deliver,
    net: config.net,
    logLevel: config.logging.level,
  };
  const keepTokens: KeepTokens = (destinationId, tokens) => {
    try {
      keepRenewedTokens(store, sealer, destinationId, tokens);
    } catch (error) {
      const reason = toError(error).message;
      logger.error({ destinationId, reason }, 'renewed tokens not stored; a restart forgets them');
    }
  };
  const seams = { clock, logger, metrics, keepTokens };
  return startDelivery(config.deliver.threads, setup, holds, deliveryPlan(parts), seams);
}

/** That of `publicUrl`; a host that is told without one is a public one. */
function publicProtocolOf({ sdk, collector }: Config): 'http' | 'https' | null {
  if (collector.publicUrl !== null) return /^http:/i.test(collector.publicUrl) ? 'http' : 'https';
  return sdk.apiHost === null ? null : 'https';
}

/** `sdk.apiHost` is what SDKs are told; `publicUrl` says it by default. */
function publicHostOf({ sdk, collector }: Config): string | null {
  if (sdk.apiHost !== null) return sdk.apiHost;
  return collector.publicUrl === null ? null : new URL(collector.publicUrl).host;
}
