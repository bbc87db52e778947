/** How a stream of a destination is paced: how large its batches are, how many run at once. */
import type { DestinationType } from '../../destinations/destination-contract.ts';
import type { DeliveryDefaults } from '../../destinations/destination-type-shapes.ts';
import type { DeliverSettings, DestinationRecord } from '../destination-record.ts';
import type { Replay } from '../replays.ts';
import type { StreamPace } from './delivery-stream.ts';

const NO_DEFAULTS: DeliveryDefaults = {
  batchEvents: 1,
  batchBytes: 1,
  batchAgeMs: 0,
  concurrency: 1,
  timeoutMs: 1,
};

/** A replay takes a quarter of the calls at once, so that live delivery keeps the rest. */
const REPLAY_SHARE = 4;

/** The destination's own wishes, else those of its type, else the general ones. */
export function paceOf(
  { delivery, settings }: DestinationRecord,
  type: DestinationType | undefined,
  general: DeliverSettings,
  replay: Replay | null,
): StreamPace {
  const defaults = { ...(type?.defaults ?? NO_DEFAULTS), ...type?.batching?.(settings) };
  const concurrency = type?.order === 'log' ? 1 : (delivery.concurrency ?? defaults.concurrency);
  return {
    batchEvents: delivery.batchEvents ?? defaults.batchEvents,
    batchBytes: delivery.batchBytes ?? defaults.batchBytes,
    batchAgeMs: delivery.batchAgeMs ?? defaults.batchAgeMs,
    concurrency: replay ? Math.max(1, Math.floor(concurrency / REPLAY_SHARE)) : concurrency,
    timeoutMs: delivery.timeoutMs ?? defaults.timeoutMs,
    eventsPerSecond: replay?.spec.eventsPerSecond ?? delivery.eventsPerSecond ?? null,
    keepOrder: delivery.keepOrder ?? true,
    retryMs: (delivery.retryHours ?? general.retryHours) * 3_600_000,
    attemptsMax: delivery.attemptsMax ?? general.attemptsMax,
  };
}
