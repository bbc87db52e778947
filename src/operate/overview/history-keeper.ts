/** Keeps the history of counters, looks at alert rules, and sends the canary. */
import { join } from 'node:path';
import { NOT_NEEDED } from '../../base/clock.ts';
import { toError } from '../../base/errors.ts';
import { openHistory } from '../../observe/history.ts';
import type { History } from '../../observe/history.ts';
import type { Snapshot } from '../../observe/metrics.ts';
import { createAlerts } from '../alerts/alerts.ts';
import type { Alerts } from '../alerts/alerts.ts';
import { createCanary } from './canary.ts';
import type { LakeService } from '../../query/lake-service.ts';
import type { ServerParts } from '../server-parts.ts';

export interface HistoryKeeper {
  /** What was counted since the last tick belongs to each answer. */
  history: Pick<History, 'query'>;
  alerts: Alerts;
  stop(): Promise<void>;
}

export interface KeeperSeams {
  lake: LakeService;
  metrics(): readonly Snapshot[];
  collectorUrl(): string;
  /** Makes a change of sources and keys known to all threads. */
  publish(): void;
}

const RECORD_MS = 10_000;
/** For chores that are under way when the server stops. */
const STOP_MS_MAX = 1_000;

export function startHistoryKeeper(parts: ServerParts, seams: KeeperSeams): HistoryKeeper {
  const { config, clock, logger, store, metrics, dataFolder } = parts;
  const history = openHistory(join(dataFolder, 'history.db'), config.history, clock);
  const alerts = createAlerts(parts, history, join(dataFolder, 'alerts.db'));
  const record = (): void => history.record(seams.metrics());
  const stopping = new AbortController();
  const repeat = async (name: string, everyMs: number, work: () => unknown): Promise<void> => {
    while (!stopping.signal.aborted) {
      await clock.sleep(everyMs, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return;
      try {
        await work();
      } catch (error) {
        logger.error({ chore: name, reason: toError(error).message }, 'chore failed');
      }
    }
  };
  const [region = 'us'] = Object.keys(config.regions);
  const { everySeconds, lateSeconds, enabled } = config.canary;
  const { lake, collectorUrl, publish } = seams;
  const flight = {
    store,
    clock,
    logger,
    metrics,
    lake,
    collectorUrl,
    publish,
    region,
    lateSeconds,
  };
  const chores = [
    repeat('history', RECORD_MS, record),
    repeat('alerts', config.alerts.everySeconds * 1000, () => {
      record();
      return alerts.look();
    }),
    ...(enabled ? [repeat('canary', everySeconds * 1000, createCanary(flight))] : []),
  ];
  return {
    history: {
      query(query) {
        record();
        return history.query(query);
      },
    },
    alerts,
    async stop() {
      stopping.abort();
      // A channel that does not answer must not hold up a stop; nor may the wait for it.
      const ended = new AbortController();
      const late = clock.sleep(STOP_MS_MAX, ended.signal).catch(() => undefined);
      await Promise.race([Promise.all(chores), late]);
      ended.abort(NOT_NEEDED);
      record();
      history.close();
      alerts.close();
    },
  };
}
