/**
 * The whole system in one process, from configuration to running threads, and back to rest. Start:
 * lock, control store, collectors (which recover their logs), lake, admin. Stop: collectors first,
 * so that nothing new arrives, then the lake, which reads what they made durable.
 */
import { join } from 'node:path';
import { availableParallelism } from 'node:os';
import { startAdmin } from '../admin/admin-server.ts';
import type { AdminServer } from '../admin/admin-server.ts';
import { rateTableBytes } from '../auth/rate-limit.ts';
import type { AuthSnapshot } from '../auth/snapshot.ts';
import { allocateDurableEnds } from '../base/durable-ends.ts';
import { systemClock } from '../base/clock.ts';
import { systemDisk } from '../base/disk.ts';
import { systemRandom } from '../base/random.ts';
import type { OwnPartition } from '../collect/messages.ts';
import type { Config } from '../config/schema.ts';
import { partitionFolder } from '../lake/lake.ts';
import type { LakePartition } from '../lake/messages.ts';
import { createLogger } from '../observe/logger.ts';
import { createMetricsRegistry, renderPrometheus } from '../observe/metrics.ts';
import { authSnapshot } from '../store/auth-snapshot.ts';
import { lockDataFolder } from '../store/data-folder-lock.ts';
import { applyDeclaredSources } from '../store/declared-sources.ts';
import { openStore } from '../store/store.ts';
import type { Store } from '../store/store.ts';
import { listSources } from '../store/sources.ts';
import { touchKeys } from '../store/write-keys.ts';
import { adminToken } from './admin-token.ts';
import { startCollectors } from './collectors.ts';
import type { Collectors } from './collectors.ts';
import { firstStart } from './first-start.ts';
import type { FirstStart } from './first-start.ts';
import { startLake } from './lake-client.ts';
import type { LakeClient } from './lake-client.ts';
import { watchTls } from './tls.ts';
