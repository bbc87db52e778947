/**
 * A bird in the mine: an event of a source of its own through the real collector, waited for in
 * SQL. When it is late, something that users would notice is late.
 */
import type { Clock } from '../../base/clock.ts';
import { toError } from '../../base/errors.ts';
import { CANARY_SLUG } from '../../base/internal-source.ts';
import type { Logger } from '../../observe/logger.ts';
import type { MetricsRegistry } from '../../observe/metrics.ts';
import { ensureInternalSource } from '../../store/sources/sources.ts';
import type { Store } from '../../store/store.ts';
import { inStoreTransaction } from '../../store/store.ts';
import { createKeyOf, disableUnusedKeys } from '../../store/sources/write-keys.ts';
import type { LakeService } from '../../query/lake-service.ts';

export interface CanarySeams {
  store: Store;
  clock: Clock;
  logger: Logger;
  metrics: MetricsRegistry;
  lake: Pick<LakeService, 'query'>;
  collectorUrl(): string;
  region: string;
  lateSeconds: number;
  /** Makes a change of keys known to the collectors. */
  publish(): void;
}

const POLL_MS = 50;
const QUERY_MS = 5_000;
/** Of earlier starts, and not of a node beside this one, whose canary flies once a day at least. */
const KEY_UNUSED_MS_MAX = 2 * 86_400_000;

/** Returns the flight. Its key is new at each start and never shown. */
export function createCanary(seams: CanarySeams): () => Promise<void> {
  const { store, clock, logger, metrics } = seams;
  let key: string | null = null;
  let isKeyProven = false;
  let flights = 0;
  const fly = async (): Promise<void> => {
    key ??= newKey(store, seams);
    const messageId = `canary-${clock.wallMs()}-${++flights}`;
    const startMs = clock.monotonicMs();
    const waitedSeconds = () => (clock.monotonicMs() - startMs) / 1000;
    const note = (path: string, isLate: boolean): void => {
      metrics.cell('millrace_canary_seconds', { path }).value = waitedSeconds();
      if (isLate) metrics.cell('millrace_canary_late_total', { path }).value++;
    };
    const status = await post(seams, key, messageId).catch((error: unknown) => {
      logger.warn({ reason: toError(error).message }, 'the canary was not taken');
      return null;
    });
    const isTaken = status === 200;
    // A key that worked was disabled. One that never did makes no further ones, flight by flight.
    if (status === 401 && isKeyProven) key = null;
    isKeyProven = isTaken || (isKeyProven && status !== 401);
    note('collector', !isTaken || waitedSeconds() > seams.lateSeconds);
    let isSeen = false;
    while (isTaken && !isSeen && waitedSeconds() <= seams.lateSeconds) {
      isSeen = await isInSql(seams, messageId);
      if (!isSeen) await clock.sleep(POLL_MS);
    }
    note('sql', !isSeen);
  };
  return fly;
}

function newKey(store: Store, { region, publish }: CanarySeams): string {
  const made = inStoreTransaction(store, () => {
    const name = 'Canary of Millrace';
    const { number } = ensureInternalSource(store, { name, slug: CANARY_SLUG, region });
    disableUnusedKeys(store, number, store.clock.wallMs() - KEY_UNUSED_MS_MAX);
    return createKeyOf(store, number);
  });
  publish();
  return made.key;
}

async function post(seams: CanarySeams, key: string, messageId: string): Promise<number> {
  const response = await fetch(`${seams.collectorUrl()}/v1/track`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}`,
    },
    body: JSON.stringify({ messageId, userId: 'canary', event: 'Canary Sent' }),
    signal: AbortSignal.timeout(seams.lateSeconds * 1000),
  });
  await response.arrayBuffer();
  return response.status;
}

async function isInSql(seams: CanarySeams, messageId: string): Promise<boolean> {
  const sql = `select 1 from events where source = '${CANARY_SLUG}' and message_id = '${messageId}'`;
  const request = { sql, format: 'rows', timeoutMs: QUERY_MS, rowsMax: 1 } as const;
  const result = await seams.lake.query(request).catch(() => null);
  return result?.format === 'rows' && result.rows.length > 0;
}
