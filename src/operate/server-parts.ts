import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import type { TlsMaterial } from '../collect/collector-messages.ts';
import type { Config } from '../config/config-schema.ts';
import type { Logger } from '../observe/logger.ts';
import type { MetricsRegistry } from '../observe/metrics.ts';
import type { Net } from '../net/net.ts';
import type { Sealer } from '../store/sealing/sealing.ts';
import type { Store } from '../store/store.ts';

/** What the parts of a running server share. */
export interface ServerParts {
  config: Config;
  disk: Disk;
  clock: Clock;
  logger: Logger;
  metrics: MetricsRegistry;
  dataFolder: string;
  store: Store;
  tls: TlsMaterial | null;
  sealer: Sealer;
  /** For checking addresses when a destination is saved. */
  net: Net;
}
