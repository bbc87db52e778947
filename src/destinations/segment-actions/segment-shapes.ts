/** Segment's own destinations, as its catalogue describes them. */
import type { z } from 'zod';
import type { subscriptionsSchema } from './subscription-schema.ts';

/** A field of settings or of an action, as Segment describes it; more keys than these. */
export interface SegmentField {
  label?: string;
  description?: string;
  type: string;
  /** Conditions on other fields are objects. */
  required?: boolean | object;
  multiple?: boolean;
  choices?: readonly (string | { value: unknown; label: string })[];
  default?: unknown;
  properties?: Readonly<Record<string, SegmentField>>;
}

export interface SegmentAction {
  title: string;
  description: string;
  /** FQL, such as `type = "track"`. */
  defaultSubscription?: string;
  /** Sends several events in one request. */
  hasBatch: boolean;
  /** `web` actions run in browsers only. */
  platform: string;
  fields: Readonly<Record<string, SegmentField>>;
}

/** A subscription that Segment proposes. Only `automatic` ones are for events. */
export interface SegmentPreset {
  name: string;
  type: 'automatic' | 'specificEvent';
  partnerAction: string;
  subscribe?: string;
  mapping: Record<string, unknown>;
}

/** What an action would get of an event, or why it would get nothing. */
export type MappingPreview = { payload: Record<string, unknown> } | { errors: string[] };

/** Which events cause which action, as people write it. */
export type WrittenSubscription = z.input<typeof subscriptionsSchema>[number];

/** Where people sign in at a service to let an application in, and what it asks for. */
export interface OauthService {
  authorizationUrl: string;
  tokenUrl: string;
  /** With blanks between. */
  scopes: string;
  /** How the application proves itself; by default in the body. */
  clientAuth?: 'basic';
  /** It refuses the parameters of PKCE (RFC 7636). */
  refusesPkce?: true;
}
