/** What the admin listener says of destinations, as far as these views read it. */

export type Json = Record<string, unknown>;

export interface SettingField {
  key: string;
  label: string;
  description: string;
  type: 'text' | 'number' | 'boolean' | 'choice' | 'list' | 'object';
  isRequired: boolean;
  isSecret: boolean;
  choices?: readonly string[];
  default?: unknown;
}

export interface TypeSummary {
  type: string;
  title: string;
  class: string;
  fields: readonly SettingField[];
}

export interface ActionField {
  label?: string;
  description?: string;
  type: string;
  required?: boolean | object;
  default?: unknown;
}

export interface Action {
  title: string;
  description: string;
  defaultSubscription?: string;
  platform: string;
  fields: Readonly<Record<string, ActionField>>;
}

export interface Preset {
  name: string;
  type: string;
  partnerAction: string;
  subscribe?: string;
  mapping: Json;
}

/** Only Segment's have actions and presets. */
export interface TypeDetail extends TypeSummary {
  description?: string;
  actions?: Readonly<Record<string, Action>>;
  presets?: readonly Preset[];
}

export interface Subscription {
  name?: string;
  partnerAction: string;
  subscribe?: string;
  mapping?: Json;
  enabled?: boolean;
}

export interface Filter {
  if: string;
  title?: string;
  enabled?: boolean;
  actions: readonly FilterAction[];
}

export type FilterAction =
  | { type: 'drop' }
  | { type: 'sample'; percent: number; path?: string }
  | { type: 'drop_properties' | 'allow_properties'; fields: Record<string, string[]> };

export interface LiveStatus {
  lagBytes: number;
  lagSeconds: number;
  inFlight: number;
  waiting: number;
}

export interface Status {
  failure: string | null;
  breaker: 'closed' | 'open' | 'half-open';
  live: LiveStatus | null;
  delivered: number;
  filtered: Record<string, number>;
  discarded: number;
  expired: number;
  deadLetters: number;
}

/** For whatever reason they were. */
export function filteredOf(status: Status | null): number {
  return Object.values(status?.filtered ?? {}).reduce((sum, count) => sum + count, 0);
}

export interface Destination {
  id: string;
  slug: string;
  name: string;
  type: string;
  region: string;
  state: 'enabled' | 'paused' | 'disabled';
  sources: string[] | null;
  settings: Json;
  consentCategories: string[];
  filters: Filter[];
  start: string;
  status: Status | null;
}

export interface Attempt {
  stream: string;
  at: string;
  elapsedMs: number;
  outcome: string;
  reason: string | null;
  message: string | null;
  status: number | null;
}

export interface Overview {
  status: Status;
  outcomes: { outcome: string; reason: string; count: number }[];
  hours: { at: string; delivered: number; filtered: number; lost: number }[];
  attempts: (Attempt & { events: number })[];
  dead: {
    id: number;
    messageId: string;
    type: string;
    event: string | null;
    reason: string;
    status: number | null;
    message: string;
    at: string;
  }[];
  filtered?: {
    messageId: string;
    type: string;
    event: string | null;
    source: string;
    receivedAt: string;
    rule: string;
    reason: string;
    detail: string;
  }[];
}

export interface RecentEvent {
  messageId: string;
  type: string;
  event: string | null;
  source: string;
  receivedAt: string;
  message: Json;
}

export interface FilterResult {
  messageId: string | null;
  type: string | null;
  event: string | null;
  kept: boolean;
  reason: string | null;
  filter: string | null;
  removed: string[];
  after: Json | null;
  filters: { name: string; isEnabled: boolean; matches: boolean | null; problem: string | null }[];
}

export interface DeadLetterGroup {
  reason: string;
  status: number | null;
  count: number;
  firstDiedAtMs: number;
  lastDiedAtMs: number;
  message: string;
}

export interface DeadLetter {
  id: number;
  stream: string;
  messageId: string;
  type: string;
  event: string | null;
  attempts: number;
  firstFailedMs: number | null;
  diedAtMs: number;
  failure: { reason: string; message: string; status: number | null; response: string | null };
  message?: Json | null;
}

export interface Replay {
  id: string;
  state: 'running' | 'paused' | 'done' | 'cancelled';
  spec: { fromMs: number; toMs: number; events: string[]; filter: string | null };
  createdAt: string;
  share: number;
  delivered: number;
  filtered: Record<string, number>;
  waiting: number;
  dead: number;
}
