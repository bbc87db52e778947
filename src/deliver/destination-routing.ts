/** The rules of a destination as it is configured, and what each of them says of an event. */
import { isInternalSlug } from '../base/internal-source.ts';
import type { StoredEvent } from '../events/raw-event.ts';
import type { RunState } from './destination-run-state.ts';
import { replaySelection } from './replays.ts';
import type { Replay } from './replays.ts';
import { compileFilters, parseFilters } from './routing/destination-filters.ts';
import { explainRoute } from './routing/event-router.ts';
import type { RoutingPlan } from './routing/event-router.ts';
import type { RuleResult } from './trace-shapes.ts';
import { deliveryEventOf } from './routing/routed-event.ts';
import type { SourceName } from './routing/routed-event.ts';

/** The rules of its live stream, or of a replay. */
export function routingPlan(
  { record, seams, type, destination }: RunState,
  replay: Replay | null,
): RoutingPlan {
  const { id, slug, name } = record;
  const connected = record.sources === null ? null : new Set(record.sources);
  return {
    target: {
      class: type?.class ?? 'cloud',
      id,
      slug,
      names: [name, slug, ...(type?.integrationNames ?? [])],
    },
    isDisabled: record.state === 'disabled',
    isSuppressed: seams.isSuppressed,
    consentCategories: record.consentCategories,
    isInternal: (number) => isInternalSlug(seams.sources().get(number)?.slug),
    // By slug, because a source may be made after the destination that names it.
    isConnected: (number) =>
      connected === null || connected.has(seams.sources().get(number)?.slug ?? ''),
    filters: compileFilters(parseFilters(record.filters)),
    accepts: destination?.accepts?.bind(destination) ?? null,
    replay: replay ? replaySelection(replay.spec) : null,
  };
}

/** What a destination is told of the source of an event. */
export function sourceName({ seams }: RunState, number: number): SourceName {
  return seams.sources().get(number) ?? { id: `source_${number}`, slug: `source_${number}` };
}

/** What each rule says of an event, without sending it; a replay is one that asks for all. */
export function explainEvent(run: RunState, event: StoredEvent, isReplay: boolean): RuleResult[] {
  const plan = routingPlan(run, null);
  if (isReplay) plan.replay = () => true;
  const source = sourceName(run, event.sourceNumber);
  return explainRoute(event, plan, (changed) =>
    deliveryEventOf(event, changed, source, run.record.id, null),
  );
}
