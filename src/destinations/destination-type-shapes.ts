/** A kind of destination, as forms and scripts see it. */
import type {
  OauthService,
  SegmentAction,
  SegmentPreset,
} from './segment-actions/segment-shapes.ts';

/**
 * `cloud` services obey the `integrations` object of an event by name; `warehouse` only
 * `integrations.Warehouses`; `storage` ignores it (Segment docs; see docs/delivery-reasons.md).
 */
export type DestinationClass = 'cloud' | 'warehouse' | 'storage' | 'stream';

/** How the engine hands events over, unless the destination's own configuration says otherwise. */
export interface DeliveryDefaults {
  batchEvents: number;
  batchBytes: number;
  batchAgeMs: number;
  /** Batches under way at once. Always 1 with `order: 'log'`. */
  concurrency: number;
  timeoutMs: number;
}

/** One setting, for API, documentation and forms. */
export interface SettingField {
  key: string;
  label: string;
  description: string;
  type: 'text' | 'number' | 'boolean' | 'choice' | 'list' | 'object';
  isRequired: boolean;
  /** Sealed at rest, masked everywhere. */
  isSecret: boolean;
  choices?: readonly string[];
  default?: unknown;
}

export interface DestinationTypeView {
  type: string;
  title: string;
  class: DestinationClass;
  fields: readonly SettingField[];
}

/** One kind, with what a form or a script needs to configure it. */
export interface DestinationTypeInfo extends DestinationTypeView {
  order: 'user' | 'log';
  integrationNames: readonly string[];
  defaults: DeliveryDefaults;
  /** Of Segment's own kinds only. */
  description?: string;
  actions?: Readonly<Record<string, SegmentAction>>;
  presets?: readonly SegmentPreset[];
  hasTest?: boolean;
  hasDelete?: boolean;
  /** Where people sign in at the service, if it is known. */
  oauthService?: OauthService;
}
