/** What the main thread does at intervals while the server runs. */
import type { Health, RunningThreads } from '../operate/running-server.ts';
import { toError } from '../base/errors.ts';
import { dataVersion } from '../store/store.ts';
import { touchKeys } from '../store/sources/write-keys.ts';
import type { ServerParts } from '../operate/server-parts.ts';
import { createTlsWatch } from './tls.ts';

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

/** @param publish makes what changed in the store known to all threads. */
export function startChores(
  parts: ServerParts,
  { collectors, lake, delivery }: RunningThreads,
  keyUse: Map<number, number>,
  publish: () => void,
): Chores {
  const { store, config, disk, dataFolder, metrics, logger } = parts;
  const freeBytes = metrics.cell('millrace_disk_free_bytes');
  const storeUp = metrics.cell('millrace_control_store_up');
  // Nothing at first: what changed while the threads started is not missed.
  let seenVersion: number | null = null;
  let wasReachable = true;
  const noteReach = (): void => {
    const isReachable = store.database.isReachable();
    storeUp.value = isReachable ? 1 : 0;
    if (isReachable === wasReachable) return;
    wasReachable = isReachable;
    if (isReachable) logger.info({}, 'the control store is back');
    else logger.error({}, 'the control store is away; events are taken with the keys of before');
  };
  const pollStore = (): void => {
    noteReach();
    const version = dataVersion(store);
    if (version === seenVersion || !wasReachable) return;
    publish();
    // Last: a change that could not be read is read when the store is back.
    seenVersion = version;
  };
  const saveKeyUse = (): void => {
    if (!store.database.isReachable()) return;
    touchKeys(store, [...keyUse]);
    keyUse.clear();
  };
  const measureDisk = async (): Promise<void> => {
    freeBytes.value = await disk.freeBytes(dataFolder);
  };
  const tlsWatch =
    config.tls && parts.tls ? createTlsWatch(disk, config.tls, parts.tls, logger) : null;
  const checkTls = async (): Promise<void> => {
    const changed = await tlsWatch?.changed();
    if (!changed) return;
    collectors.setTls(changed);
    logger.info({}, 'new certificate in use');
  };

  const repeat = (name: string, everyMs: number, chore: () => Promise<void> | void) => {
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
  };
  const stops = [
    repeat('store', STORE_POLL_MS, pollStore),
    repeat('key use', KEY_USE_MS, saveKeyUse),
    repeat('disk', DISK_MS, measureDisk),
    ...(tlsWatch ? [repeat('tls', TLS_MS, checkTls)] : []),
  ];
  freeBytes.value = Number.POSITIVE_INFINITY;

  return {
    health() {
      const isCollecting = collectors.isReady();
      const isQuerying = lake.isReady();
      const isDelivering = delivery.isReady();
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
    },
    async stop() {
      for (const stop of stops) await stop();
      try {
        saveKeyUse();
      } catch (error) {
        logger.warn({ reason: toError(error).message }, 'when keys were last used is not saved');
      }
    },
  };
}
