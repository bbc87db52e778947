/** The running server as operations act on it. Each operation names the part that it uses. */
import type { Collectors } from '../collect/collector-threads.ts';
import type { DeliveryClient } from '../deliver/delivery-threads.ts';
import type { History } from '../observe/history.ts';
import type { Snapshot } from '../observe/metrics.ts';
import type { LakeService } from '../query/lake-service.ts';
import type { Alerts } from './alerts/alerts.ts';
import type { ServerParts } from './server-parts.ts';

/** What runs in threads and processes of its own. */
export interface RunningThreads {
  collectors: Collectors;
  lake: LakeService;
  delivery: DeliveryClient;
}

export interface RunningServer extends ServerParts, RunningThreads {
  /** Where SDKs send. */
  collectorUrl(): string;
  /** Counters of all threads, at this moment. */
  snapshots(): Snapshot[];
  /** Counters over time, up to this moment. */
  history: Pick<History, 'query'>;
  alerts: Alerts;
  health(): Health;
}

export interface Health {
  isHealthy: boolean;
  isReady: boolean;
  checks: Record<string, string>;
}
