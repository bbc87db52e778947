/** What /tail says of an event, and which of them somebody wants to see. */
export interface LiveEntry {
  /** Of the list; newer ones are higher. */
  key: number;
  status: 'stored' | 'rejected';
  source: string | null;
  type?: string;
  event?: string | null;
  name?: string | null;
  userId?: string | null;
  anonymousId?: string | null;
  messageId?: string | null;
  receivedAt?: string;
  receivedAtMs?: number;
  /** Of a rejected one: the reason, and the field that is wrong. */
  code?: string;
  message?: string;
  field?: string | null;
  [other: string]: unknown;
}

export interface LiveFilter {
  text: string;
  type: string;
  source: string;
  status: string;
}

export function matches(entry: LiveEntry, { text, type, source, status }: LiveFilter): boolean {
  if (type !== '' && entry.type !== type && entry['eventType'] !== type) return false;
  if (source !== '' && entry.source !== source) return false;
  if (status !== '' && entry.status !== status) return false;
  return text === '' || JSON.stringify(entry).toLowerCase().includes(text.toLowerCase());
}

export function nameOf(entry: LiveEntry): string {
  if (entry.status === 'rejected') return entry.code ?? 'rejected';
  return entry.event || entry.name || entry.type || 'event';
}

export function whoOf(entry: LiveEntry): string {
  return entry.userId ?? entry.anonymousId ?? '';
}

export function receivedAt(entry: LiveEntry): string | number | undefined {
  return entry.receivedAt ?? entry.receivedAtMs;
}
