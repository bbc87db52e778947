/** Events and properties as they were seen, and as they are answered. */

export interface SchemaProperty {
  name: string;
  /** The most frequent first; empty when it is documented and was not seen. */
  types: { type: string; count: number }[];
  count: number;
  lastSeenAt: string | null;
  /** JSON, the most frequent first, cut when long. */
  examples: string[];
  note: string | null;
  flags: Flag[];
}

export interface SchemaEvent {
  source: string;
  type: string;
  /** Of a track event; empty for all others. */
  name: string;
  /** Type and name, as in notes and addresses. */
  key: string;
  count: number;
  firstSeenAt: string | null;
  lastSeenAt: string | null;
  /** Properties were counted in a part of the events; their counts are estimates. */
  isSampled: boolean;
  note: string | null;
  flags: Flag[];
  properties: SchemaProperty[];
}

export interface Schema {
  from: string;
  events: SchemaEvent[];
  /** There were more events or properties than are listed. */
  isTruncated: boolean;
}

export type FlagKind =
  'similar-events' | 'similar-properties' | 'mixed-types' | 'types-differ-between-events';

export interface Flag {
  kind: FlagKind;
  /** The other names, or the types. */
  names: string[];
  message: string;
}
