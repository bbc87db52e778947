/** What the parts of the admin listener may use of the running server. */
import type { Health } from './admin-server.ts';
import type { Snapshot } from '../observe/metrics.ts';
import type { Collectors } from '../collect/collector-threads.ts';
import type { DeliveryClient } from '../deliver/delivery-threads.ts';
import type { HistoryKeeper } from '../operate/overview/history-keeper.ts';
import type { LakeService } from '../query/lake-service.ts';
import type { ServerParts } from '../operate/server-parts.ts';

export interface AdminSeams {
  parts: ServerParts;
  lake: LakeService;
  delivery: DeliveryClient;
  collectors: Collectors;
  /** Where SDKs send. */
  collectorUrl(): string;
  keeper: HistoryKeeper;
  health(): Health;
  /** Of all threads, at this moment. */
  metrics(): readonly Snapshot[];
}
