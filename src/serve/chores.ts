/** What the main thread does at intervals while the server runs. */
import type { Health, RunningThreads } from '../operate/running-server.ts';
import { toError } from '../base/errors.ts';
import { dataVersion } from '../store/store.ts';
import { touchKeys } from '../store/sources/write-keys.ts';
import type { ServerParts } from '../operate/server-parts.ts';
import type { Logger } from '../observe/logger.ts';
import type { Cell } from '../observe/metrics.ts';
import { createTlsWatch } from './tls.ts';
import type { TlsWatch } from './tls.ts';

export interface Chores {
  health(): Health;
  stop(): Promise<void>;
}

/** A change of keys by another process is in force everywhere well within a second. */
const STORE_POLL_MS = 250;
const KEY_USE_MS = 5_000;
const DISK_MS = 1_000;
const TLS_MS = 1_000;
const STORE_AWAY =
  'PostgreSQL cannot be reached; events are taken with the keys known so far, nothing can be changed';

/** What the chores know of the time before, and what they work on. */
interface ChoresState {
  parts: ServerParts;
  threads: RunningThreads;
  /** When keys were used, by their numbers; not saved yet. */
  keyUse: Map<number, number>;
  /** Makes what changed in the store known to all threads. */
  publish(): void;
  freeBytes: Cell;
  storeUp: Cell;
  /** Of the store, when it was last published. */
  seenVersion: number | null;
  wasReachable: boolean;
}

/** @param publish makes what changed in the store known to all threads. */
export function startChores(
  parts: ServerParts,
  threads: RunningThreads,
  keyUse: Map<number, number>,
  publish: () => void,
): Chores {
  const { config, disk, metrics, logger, tls } = parts;
  const state: ChoresState = {
    parts,
    threads,
    keyUse,
    publish,
    freeBytes: metrics.cell('millrace_disk_free_bytes'),
    storeUp: metrics.cell('millrace_control_store_up'),
    // Nothing at first: what changed while the threads started is not missed.
    seenVersion: null,
    wasReachable: true,
  };
  state.freeBytes.value = Number.POSITIVE_INFINITY;
  const tlsWatch = config.tls && tls ? createTlsWatch(disk, config.tls, tls, logger) : null;
  const stops = [
    repeat(logger, 'store', STORE_POLL_MS, () => pollStore(state)),
    repeat(logger, 'key use', KEY_USE_MS, () => saveKeyUse(state)),
    repeat(logger, 'disk', DISK_MS, () => measureDisk(state)),
    ...(tlsWatch ? [repeat(logger, 'tls', TLS_MS, () => checkTls(state, tlsWatch))] : []),
  ];
  return {
    health: () => healthOf(state),
    async stop() {
      for (const stop of stops) await stop();
      try {
        saveKeyUse(state);
      } catch (error) {
        logger.warn({ reason: toError(error).message }, 'when keys were last used is not saved');
      }
    },
  };
}

/** Does a chore again and again, never twice at once. @returns what ends it. */
function repeat(
  logger: Logger,
  name: string,
  everyMs: number,
  chore: () => Promise<void> | void,
): () => Promise<void> {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= Promise.resolve()
      .then(chore)
      .catch((error: unknown) => {
        logger.error({ chore: name, reason: toError(error).message }, 'chore failed');
      })
      .finally(() => {
        running = undefined;
      });
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await running;
  };
}

function pollStore(state: ChoresState): void {
  noteReach(state);
  const version = dataVersion(state.parts.store);
  if (version === state.seenVersion || !state.wasReachable) return;
  state.publish();
  // Last: a change that could not be read is read when the store is back.
  state.seenVersion = version;
}

function noteReach(state: ChoresState): void {
  const { store, logger } = state.parts;
  const isReachable = store.database.isReachable();
  state.storeUp.value = isReachable ? 1 : 0;
  if (isReachable === state.wasReachable) return;
  state.wasReachable = isReachable;
  if (isReachable) logger.info({}, 'the control store is back');
  else logger.error({}, 'the control store is away; events are taken with the keys of before');
}

function saveKeyUse({ parts, keyUse }: ChoresState): void {
  if (!parts.store.database.isReachable()) return;
  touchKeys(parts.store, [...keyUse]);
  keyUse.clear();
}

async function measureDisk({ parts, freeBytes }: ChoresState): Promise<void> {
  freeBytes.value = await parts.disk.freeBytes(parts.dataFolder);
}

async function checkTls({ parts, threads }: ChoresState, watch: TlsWatch): Promise<void> {
  const changed = await watch.changed();
  if (!changed) return;
  threads.collectors.setTls(changed);
  parts.logger.info({}, 'new certificate in use');
}

function healthOf({ parts, threads, freeBytes }: ChoresState): Health {
  const { store, config } = parts;
  const isCollecting = threads.collectors.isReady();
  const isQuerying = threads.lake.isReady();
  const isDelivering = threads.delivery.isReady();
  const hasSpace = freeBytes.value >= config.log.minFreeBytes;
  return {
    isHealthy: isCollecting && isQuerying && isDelivering && hasSpace,
    isReady: isCollecting && isQuerying,
    checks: {
      collectors: isCollecting ? 'ok' : 'a collector thread is not running',
      lake: isQuerying ? 'ok' : 'the lake thread is not running',
      delivery: isDelivering ? 'ok' : 'a delivery thread is not running',
      // No reason to end a node that takes events: the next start would need the store.
      store: store.database.isReachable() ? 'ok' : STORE_AWAY,
      disk: hasSpace ? 'ok' : 'less than log.minFreeBytes free; events are answered 503',
    },
  };
}
