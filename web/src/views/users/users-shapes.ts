/** What the server answers about people. */
export type PersonKind = 'user' | 'anonymous';

export interface PersonMatch {
  kind: PersonKind;
  id: string;
  by: 'id' | 'email';
  events: number;
  lastSeenAt: string | null;
}

export interface TimelineEvent {
  messageId: string | null;
  type: string | null;
  name: string | null;
  source: string | null;
  userId: string | null;
  anonymousId: string | null;
  at: string | null;
  properties: Record<string, unknown>;
}

export interface Timeline {
  events: TimelineEvent[];
  next: string | null;
}

export interface Trait {
  name: string;
  /** The newest first; never empty. */
  changes: { value: unknown; at: string | null; messageId: string | null }[];
}

export interface Person {
  kind: PersonKind;
  id: string;
  userIds: string[];
  anonymousIds: string[];
  sharedWith: string[];
  aliases: { previousId: string; userId: string; at: string | null }[];
  links: {
    userId: string | null;
    anonymousId: string | null;
    events: number;
    firstSeenAt: string | null;
    lastSeenAt: string | null;
  }[];
  traits: Trait[];
  timeline: Timeline;
}

export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
