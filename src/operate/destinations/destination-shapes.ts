/** Destinations as people see them, and what filters and rules make of real events. */
import type { z } from 'zod';
import type { destinationSchema } from '../../config/deliver-schema.ts';
import type {
  DeliveryOverrides,
  DestinationOverview,
  DestinationStatus,
} from '../../deliver/delivery-shapes.ts';
import type { WrittenFilter } from '../../deliver/routing/filter-shapes.ts';
import type { DestinationState } from '../../store/destinations/destination-shapes.ts';
import type { Origin } from '../../store/sources/source-shapes.ts';
import type { destinationChangeSchema } from './destination-change-schema.ts';

/** As people write it. */
export type WrittenDestination = WithFilters<z.input<typeof destinationSchema>>;
/** What is not named stays as it is. */
export type WrittenDestinationChange = WithFilters<z.input<typeof destinationChangeSchema>>;
/** They are checked apart from the rest. */
type WithFilters<Written> = Omit<Written, 'filters'> & { filters?: readonly WrittenFilter[] };

/** With secrets masked. */
export interface DestinationView {
  id: string;
  name: string;
  slug: string;
  type: string;
  region: string;
  state: DestinationState;
  /** Slugs; null: all sources of the region. */
  sources: string[] | null;
  settings: Record<string, unknown>;
  consentCategories: string[];
  /** As they were written; Segment's Public API writes the types of actions in capitals. */
  filters: WrittenFilter[];
  delivery: DeliveryOverrides;
  /** As configurations write it. */
  start: string;
  origin: Origin;
  createdAt: string;
  updatedAt: string;
}

/** What a view of a destination does not say already. */
export type DestinationStanding = Omit<
  DestinationStatus,
  'id' | 'slug' | 'name' | 'type' | 'region' | 'state'
>;

/** That somebody signed in at the service. */
export interface AuthorizationView {
  authorizedAt: string;
  authorizedBy: string;
}

export interface ListedDestination extends DestinationView {
  /** Null: nobody signed in, or the service has no OAuth. */
  authorization: AuthorizationView | null;
  /** Null: its delivery thread knows nothing of it yet. */
  status: DestinationStanding | null;
}

export interface DestinationDelivery extends DestinationOverview {
  /** Only where samples are asked for. */
  filtered?: FilteredSample[];
}

interface EventSummary {
  messageId: string;
  type: string;
  event: string | null;
  source: string;
  receivedAt: string;
}

export interface RecentEvent extends EventSummary {
  message: Record<string, unknown>;
}

export interface RecentEventsAnswer {
  /** The newest first. */
  events: RecentEvent[];
}

/** What filters do with an event. */
export interface FilterVerdict {
  /** Null where somebody typed an event that has none. */
  messageId: string | null;
  type: string | null;
  event: string | null;
  /** Only of events that were received. */
  source?: string;
  receivedAt?: string;
  kept: boolean;
  reason: string | null;
  /** The one that says no. */
  filter: string | null;
  before: Record<string, unknown>;
  after: Record<string, unknown> | null;
  /** Paths. */
  removed: string[];
  /** Each condition by itself; `matches` is null when it has no answer on this event. */
  filters: { name: string; isEnabled: boolean; matches: boolean | null; problem: string | null }[];
}

export interface FilterPreview {
  results: FilterVerdict[];
}

export interface TriggerPreview {
  matches: boolean;
  /** The trigger as FQL. */
  query: string;
}

export interface FilteredSample extends EventSummary {
  /** The rule that says no today, and why. */
  rule: string;
  reason: string;
  detail: string;
}
