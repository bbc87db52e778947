/** What /tail says of an event, and which of them somebody wants to see. */
import type { Repair } from '../../parts/repairs.tsx';

export interface LiveEntry {
  /** Of the list; newer ones are higher. */
  key: number;
  status: 'stored' | 'rejected' | 'duplicate';
  source: string;
  type?: string | null;
  event?: string | null;
  name?: string | null;
  userId?: string | null;
  anonymousId?: string | null;
  messageId?: string | null;
  receivedAt?: string;
  /** Of a rejected one: the reason, the field that is wrong, and a sample of what was sent. */
  code?: string;
  message?: string;
  field?: string | null;
  body?: string;
  /** What is read in another way than it was sent. */
  repairs?: Repair[];
  request?: {
    route: string;
    ip: string;
    userAgent: string;
    events: number;
    index: number;
    partition: string;
    position: number;
  } | null;
  /** The body is null for a pixel, and keeps the first errors of many. */
  answer?: { status: number; accepted: number; rejected: number; body: object | null } | null;
  [other: string]: unknown;
}

export interface LiveFilter {
  text: string;
  type: string;
  name: string;
  user: string;
  source: string;
  status: string;
}

const texts = new WeakMap<LiveEntry, string>();

/** All that was given has to fit; names and users from their beginning, text anywhere. */
export function matches(entry: LiveEntry, filter: LiveFilter): boolean {
  const { text, type, name, user, source, status } = filter;
  if (type !== '' && entry.type !== type) return false;
  if (source !== '' && entry.source !== source) return false;
  if (status !== '' && entry.status !== status) return false;
  if (name !== '' && !begins(entry.event ?? entry.name, name)) return false;
  if (user !== '' && !begins(entry.userId, user) && !begins(entry.anonymousId, user)) return false;
  return text === '' || textOf(entry).includes(text.toLowerCase());
}

function begins(value: unknown, wanted: string): boolean {
  return typeof value === 'string' && value.toLowerCase().startsWith(wanted.toLowerCase());
}

/** Made once for each that is looked through. */
function textOf(entry: LiveEntry): string {
  let text = texts.get(entry);
  if (text === undefined) {
    text = JSON.stringify(entry).toLowerCase();
    texts.set(entry, text);
  }
  return text;
}

/** A sender decides what these are: anything but a text is no name. */
export function nameOf(entry: LiveEntry): string {
  if (entry.status === 'rejected') return entry.code ?? 'rejected';
  const { event, name, type } = entry;
  return [event, name, type].find((one) => typeof one === 'string' && one !== '') ?? 'event';
}

export function whoOf(entry: LiveEntry): string {
  return String(entry.userId ?? entry.anonymousId ?? '');
}
