/** People as the lake knows them. */

export type PersonKind = 'user' | 'anonymous';

export interface PersonMatch {
  kind: PersonKind;
  id: string;
  by: 'id' | 'email';
  events: number;
  lastSeenAt: string | null;
}

export interface PersonLink {
  userId: string | null;
  anonymousId: string | null;
  events: number;
  firstSeenAt: string | null;
  lastSeenAt: string | null;
}

export interface PersonAlias {
  previousId: string;
  userId: string;
  at: string | null;
}

export interface TraitChange {
  value: unknown;
  at: string | null;
  messageId: string | null;
}

export interface Trait {
  name: string;
  /** The newest first; never empty. */
  changes: TraitChange[];
}

export interface TimelineEvent {
  messageId: string | null;
  type: string | null;
  name: string | null;
  source: string | null;
  userId: string | null;
  anonymousId: string | null;
  at: string | null;
  receivedAt: string | null;
  /** Or traits. */
  properties: Record<string, unknown>;
}

export interface Timeline {
  /** The newest first. */
  events: TimelineEvent[];
  /** Asks for the page after; null: there is none. */
  next: string | null;
}

export interface Person {
  kind: PersonKind;
  id: string;
  userIds: string[];
  anonymousIds: string[];
  aliases: PersonAlias[];
  links: PersonLink[];
  /** User ids of others who were seen with the same anonymous ids. */
  sharedWith: string[];
  traits: Trait[];
  timeline: Timeline;
}

export interface PeopleFound {
  /** The best first. */
  matches: PersonMatch[];
  /** The best match in full; null: nobody was found. */
  person: Person | null;
}
