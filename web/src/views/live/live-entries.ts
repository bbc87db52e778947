/** Live events of the view, and which of them somebody wants to see. */
import type { TailEntry } from '../../../../src/lake/tail-shapes.ts';

export type LiveEntry = TailEntry & {
  /** Of the list; newer ones are higher. */
  key: number;
};

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
  const { event, name: named, userId, anonymousId } = sentOf(entry);
  if (name !== '' && !begins(event ?? named, name)) return false;
  if (user !== '' && !begins(userId, user) && !begins(anonymousId, user)) return false;
  return text === '' || textOf(entry).includes(text.toLowerCase());
}

/** What the sender wrote, which is anything; of a rejected event only a sample is known. */
function sentOf(entry: LiveEntry): Readonly<Record<string, unknown>> {
  return entry.status === 'rejected' ? {} : entry;
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

/** Anything but a text is no name. */
export function nameOf(entry: LiveEntry): string {
  if (entry.status === 'rejected') return entry.code;
  const { event, name, type } = entry;
  return [event, name, type].find(isName) ?? 'event';
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

export function whoOf(entry: LiveEntry): string {
  const { userId, anonymousId } = sentOf(entry);
  return String(userId ?? anonymousId ?? '');
}
