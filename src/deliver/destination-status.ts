/** How a destination does, for people and gauges. */
import { INTERNAL_REASON } from '../base/internal-source.ts';
import { deadLetterCount } from './dead-letters.ts';
import type { RunState } from './destination-run-state.ts';
import type { DeliveryState } from './state/delivery-state.ts';
import { LIVE_STREAM } from './state/delivery-rows.ts';
import type { DestinationStatus } from './delivery-shapes.ts';

/** As it is now; its gauges are set to the same. */
export function destinationStatus(run: RunState): DestinationStatus {
  const { record, state, breaker, failure } = run;
  const live = run.streams.get(LIVE_STREAM)?.stream?.status() ?? null;
  const deadLetters = state ? deadLetterCount(state.database) : 0;
  run.meters.state({
    lagBytes: live?.lagBytes ?? 0,
    lagSeconds: live?.lagSeconds ?? 0,
    inFlight: live?.inFlight ?? 0,
    waiting: live?.waiting ?? 0,
    deadLetters,
    isBreakerOpen: breaker.state() !== 'closed',
  });
  return {
    id: record.id,
    slug: record.slug,
    name: record.name,
    type: record.type,
    region: record.region,
    state: record.state,
    failure,
    breaker: breaker.state(),
    deadLetters,
    live,
    ...countsOf(state),
  };
}

/** Without what was passed by because it was Millrace's own. */
function countsOf(state: DeliveryState | null) {
  const sums = { delivered: 0, filtered: {} as Record<string, number>, discarded: 0, expired: 0 };
  for (const { outcome, reason, count } of state?.counts(LIVE_STREAM) ?? []) {
    if (reason === INTERNAL_REASON) continue;
    if (outcome === 'delivered') sums.delivered += count;
    else if (outcome === 'discarded') sums.discarded += count;
    else if (outcome === 'dead') sums.expired += count;
    else sums.filtered[reason] = (sums.filtered[reason] ?? 0) + count;
  }
  return sums;
}
