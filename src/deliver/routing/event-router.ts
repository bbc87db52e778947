/**
 * Which events go to a destination: none of Millrace's own, and of all others in Segment's order:
 * suppressed user, consent, integrations object, source connection, destination filters,
 * subscriptions. The first rule that says no gives the reason, and it is counted. Pure: the same
 * event and settings give the same answer, so trace can tell afterwards what each rule said.
 */
import { INTERNAL_REASON } from '../../base/internal-source.ts';
import type { StoredEvent } from '../../events/raw-event.ts';
import type { JsonObject } from '../../events/json.ts';
import type { DeliveryEvent } from '../../destinations/destination-contract.ts';
import type { DeliveryReason } from '../../destinations/delivery-reasons.ts';
import { hasConsent } from './consent.ts';
import { parseExact } from '../../events/exact-json.ts';
import { applyFilters } from './destination-filters.ts';
import type { CompiledFilters, FilterResult } from './destination-filters.ts';
import { isIntegrationEnabled } from './integrations.ts';
import type { IntegrationTarget } from './integrations.ts';
import type { RuleResult } from '../trace-shapes.ts';

export interface RoutingPlan {
  target: IntegrationTarget;
  isDisabled: boolean;
  isSuppressed(userId: string | null): boolean;
  consentCategories: readonly string[];
  /** Whether a source is one of Millrace's own, by its number. */
  isInternal(sourceNumber: number): boolean;
  /** Whether a source is connected, by its number. */
  isConnected(sourceNumber: number): boolean;
  filters: CompiledFilters;
  /** The subscriptions' word, or null for destinations without. */
  accepts: ((event: DeliveryEvent) => string | null) | null;
  /** A replay asks for some events only, and for one destination whatever `integrations` says. */
  replay: ((event: StoredEvent) => boolean) | null;
}

export type Routed =
  /** `changed`: the message after the filters, of `parseExact`; null: as it was stored. */
  | { kind: 'send'; changed: JsonObject | null }
  | { kind: 'filtered'; reason: DeliveryReason | string; detail: string };

interface Rule {
  name: string;
  /** A reason to filter the event, or null. */
  refuse(event: StoredEvent, plan: RoutingPlan): DeliveryReason | null;
}

const RULES: readonly Rule[] = [
  {
    name: 'internal source',
    refuse: (event, plan) => (plan.isInternal(event.sourceNumber) ? INTERNAL_REASON : null),
  },
  {
    name: 'destination enabled',
    refuse: (_event, plan) => (plan.isDisabled ? 'DESTINATION_DISABLED' : null),
  },
  {
    name: 'replay selection',
    refuse: (event, plan) => (plan.replay && !plan.replay(event) ? 'FILTERED_BY_REPLAY' : null),
  },
  {
    name: 'suppressed user',
    refuse: (event, plan) => (plan.isSuppressed(event.userId) ? 'SUPPRESSED_USER' : null),
  },
  {
    name: 'consent',
    refuse: (event, plan) =>
      plan.consentCategories.length === 0 || hasConsent(event.message, plan.consentCategories)
        ? null
        : 'FILTERED_BY_END_USER_CONSENT',
  },
  {
    name: 'integrations object',
    refuse: (event, plan) =>
      plan.replay || isIntegrationEnabled(event.integrations, plan.target)
        ? null
        : 'INTEGRATION_DISABLED',
  },
  {
    name: 'source connection',
    refuse: (event, plan) => (plan.isConnected(event.sourceNumber) ? null : 'SOURCE_NOT_CONNECTED'),
  },
];

/** @param toDelivery makes what `accepts` looks at; called only when it will be asked. */
export function route(
  event: StoredEvent,
  plan: RoutingPlan,
  toDelivery: (changed: JsonObject | null) => DeliveryEvent,
): Routed {
  for (const { name, refuse } of RULES) {
    const reason = refuse(event, plan);
    if (reason !== null) return { kind: 'filtered', reason, detail: name };
  }
  const filtered = filter(event, plan);
  if (filtered.kind === 'dropped') {
    return { kind: 'filtered', reason: filtered.reason, detail: filtered.filter };
  }
  const reason = plan.accepts?.(toDelivery(filtered.changed)) ?? null;
  if (reason !== null) return { kind: 'filtered', reason, detail: 'subscriptions' };
  return { kind: 'send', changed: filtered.changed };
}

/** What each rule says of an event, in order, up to the first that refuses it. */
export function explainRoute(
  event: StoredEvent,
  plan: RoutingPlan,
  toDelivery: (changed: JsonObject | null) => DeliveryEvent,
): RuleResult[] {
  const results: RuleResult[] = [];
  for (const { name, refuse } of RULES) {
    const reason = refuse(event, plan);
    results.push({ rule: name, reason, detail: '' });
    if (reason !== null) return results;
  }
  const filtered = filter(event, plan);
  const isDropped = filtered.kind === 'dropped';
  results.push({
    rule: 'destination filters',
    reason: isDropped ? filtered.reason : null,
    detail: isDropped ? filtered.filter : '',
  });
  if (isDropped) return results;
  const reason = plan.accepts?.(toDelivery(filtered.changed)) ?? null;
  results.push({ rule: 'subscriptions', reason, detail: '' });
  return results;
}

type Filtered =
  { kind: 'pass'; changed: JsonObject | null } | Extract<FilterResult, { kind: 'dropped' }>;

/** Without filters the message is not even looked at. */
function filter(event: StoredEvent, { filters }: RoutingPlan): Filtered {
  if (filters.rules.length === 0) return { kind: 'pass', changed: null };
  const { message } = event;
  const result = applyFilters(filters, message);
  if (result.kind === 'dropped') return result;
  if (result.message === message) return { kind: 'pass', changed: null };
  // What is sent is printed of this, and no number of it may change.
  return { kind: 'pass', changed: result.cut(parseExact(event.json) as JsonObject) };
}
