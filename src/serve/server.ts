/**
 * The whole system in one process, from configuration to running threads, and back to rest. Start:
 * lock, control store, collectors (which recover their logs), lake, admin. Stop: collectors first,
 * so that nothing new arrives, then the lake, which reads what they made durable.
 */
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { startAdmin } from '../admin/admin-server.ts';
import { systemClock } from '../base/clock.ts';
import { emptyFolder } from '../base/whole-folder.ts';
import { systemDisk } from '../base/disk.ts';
import { systemRandom } from '../base/random.ts';
import { VERSION } from '../base/version.ts';
import { collectorThreads } from '../config/config-schema.ts';
import type { Config } from '../config/config-schema.ts';
import { createLogger } from '../observe/logger.ts';
import { createMetricsRegistry } from '../observe/metrics.ts';
import type { Snapshot } from '../observe/metrics.ts';
import { TEMPORARY_FOLDER } from '../lake/sql-engine.ts';
import { lockDataFolder } from '../store/data-folder-lock.ts';
import { applyDeclaredSources } from '../store/sources/declared-sources.ts';
import { createFirstOwnerInvitation } from '../store/people/invitations.ts';
import { closeStore, openStore, storePlace } from '../store/store.ts';
import { adminToken } from '../admin/admin-token.ts';
import { checkDeclaredDestinations } from '../operate/destinations/check-destination.ts';
import { startChores } from './chores.ts';
import type { RunningServer, RunningThreads } from '../operate/running-server.ts';
import { regionsOf } from '../operate/regions-of.ts';
import { firstStart } from './first-start.ts';
import type { FirstStart } from './first-start.ts';
import { createNet } from '../net/guarded-net.ts';
import { applyDeclaredDestinations } from '../store/destinations/declared-destinations.ts';
import { openSealer } from '../store/sealing/sealing-key.ts';
import { startHistoryKeeper } from '../operate/overview/history-keeper.ts';
import { publishStore } from '../operate/publish-store.ts';
import { removeServerFile, writeServerFile } from './server-file.ts';
import type { ServerParts } from '../operate/server-parts.ts';
import { startThreads } from './start-threads.ts';
import type { Stops } from './start-threads.ts';
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
  const stops: Stops = [() => lock.release()];
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
  stops: Stops,
  stop: () => Promise<void>,
): Promise<Server> {
  const { config, disk, clock, dataFolder, store, logger } = parts;
  // What engines left there that could not clear away after themselves.
  await emptyFolder(disk, join(dataFolder, TEMPORARY_FOLDER));
  applyDeclaredSources(store, config.sources);
  for (const field of shortKeys(config)) logger.warn({ field }, `${field}: ${SHORT_KEY}`);
  checkDeclaredDestinations(config.destinations, parts.net);
  applyDeclaredDestinations(store, parts.sealer, config.destinations);
  const threads = threadCount(config);
  const regions = regionsOf(parts);
  const keyUse = new Map<number, number>();
  const running = await startThreads(parts, { threads, regions }, keyUse, stops);
  const publish = (): void => publishStore({ ...parts, ...running });
  const server = startKeepers(parts, running, keyUse, publish, stops);
  const token = await adminToken(disk, systemRandom, dataFolder);
  const admin = await startAdmin(server, token, clock.monotonicMs());
  stops.push(() => admin.stop());

  // Last, so that a key that will be shown only once is not made by a start that fails.
  const made = firstStart(store, config);
  if (made) publish();
  const collectorUrl = server.collectorUrl();
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

function threadCount({ collector }: Config): number {
  return collectorThreads(collector.threads, availableParallelism(), process.platform);
}

/** What main does by itself while the threads run. @returns what the admin listener works on. */
function startKeepers(
  parts: ServerParts,
  running: RunningThreads,
  keyUse: Map<number, number>,
  publish: () => void,
  stops: Stops,
): RunningServer {
  const { collectors, lake } = running;
  const collectorUrl = (): string => collectorUrlOf(parts.config, collectors.port);
  const snapshots = (): Snapshot[] => snapshotsOf(parts, running);
  const chores = startChores(parts, running, keyUse, publish);
  stops.push(() => chores.stop());
  const seams = { lake, metrics: snapshots, collectorUrl, publish };
  const keeper = startHistoryKeeper(parts, seams);
  stops.push(() => keeper.stop());
  const { history, alerts } = keeper;
  return { ...parts, ...running, collectorUrl, snapshots, history, alerts, health: chores.health };
}

/** Fields of the configuration with a key that somebody could guess. */
function shortKeys({ sources }: Config): string[] {
  return sources.flatMap(({ writeKeys }, at) =>
    writeKeys.flatMap((key, keyAt) =>
      key.length < KEY_CHARS_SAFE ? [`sources[${at}].writeKeys[${keyAt}]`] : [],
    ),
  );
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
