/**
 * What is read in another way than it was sent: losing an event for it would be worse, and changing
 * it in silence worse still. So it is counted by rule, and what was sent stays beside the event.
 * This is the definition, on parsed values; scan.ts counts and raw-repairs.ts finds the same in
 * bytes, and property tests hold them to this. Why these: decision 0009.
 */
import { isAbsent } from './json.ts';
import type { JsonObject } from './json.ts';
import type { NumberText } from './sent-json.ts';
import type { ToldRepair } from './repair-shapes.ts';
import { parseTimestamp } from './timestamp.ts';

/** In the order in which they are counted; the rule at place n is bit n of an event's rules. */
export const REPAIR_RULES = [
  'empty_text',
  'number_id',
  'empty_list',
  'unreadable_timestamp',
] as const;
export type RepairRule = (typeof REPAIR_RULES)[number];

export const EMPTY_TEXT = 1;
export const NUMBER_ID = 2;
export const EMPTY_LIST = 4;
export const UNREADABLE_TIMESTAMP = 8;

/** The member of the lake's `extra` that holds what was sent. Senders cannot set it. */
export const REPAIRS_KEY = '_repairs';

const IDS = ['userId', 'anonymousId', 'groupId', 'previousId', 'messageId'] as const;
/** Optional texts, but for the name of a track. */
const TEXTS = ['event', 'name', 'category'] as const;
const DOCUMENTS = ['properties', 'traits', 'context', 'integrations'] as const;
/** What a batch has for all of its events. */
const SHARED = ['context', 'integrations'] as const;

/** The JSON that was sent, by the field that it was sent in. */
export type SentTexts = ReadonlyMap<string, string>;

export interface Repaired {
  /** The event as it is read; itself when there is nothing to repair. */
  event: JsonObject;
  /** Bits of the rules that were needed. */
  rules: number;
  sent: SentTexts;
}

const NOTHING_SENT: SentTexts = new Map();

/** Reads an event in the way that keeps it. @param shared of its batch, or an empty object. */
export function repairEvent(
  sentEvent: JsonObject,
  shared: JsonObject,
  numberText: NumberText,
): Repaired {
  let event = sentEvent;
  let rules = 0;
  let sent: Map<string, string> | undefined;
  const repair = (rule: number, field: string, value: unknown, text: string | null): void => {
    if (event === sentEvent) event = { ...sentEvent };
    if (value === undefined) delete event[field];
    else event[field] = value;
    rules |= rule;
    if (text !== null) (sent ??= new Map()).set(field, text);
  };
  for (const field of [...TEXTS, ...IDS, 'timestamp', ...DOCUMENTS]) {
    if (sentEvent[field] === '') repair(EMPTY_TEXT, field, undefined, null);
  }
  for (const field of IDS) {
    if (typeof sentEvent[field] !== 'number') continue;
    const text = numberText(sentEvent, field);
    repair(NUMBER_ID, field, text, text);
  }
  const { timestamp } = event;
  if (!isAbsent(timestamp) && parseTimestamp(timestamp) === null) {
    const isNumber = typeof timestamp === 'number';
    const text = isNumber ? numberText(sentEvent, 'timestamp') : JSON.stringify(timestamp);
    repair(UNREADABLE_TIMESTAMP, 'timestamp', undefined, text);
  }
  for (const field of DOCUMENTS) {
    if (isEmptyList(sentEvent[field])) repair(EMPTY_LIST, field, {}, '[]');
  }
  for (const field of SHARED) {
    if (shared[field] === '') rules |= EMPTY_TEXT;
    if (!isEmptyList(shared[field])) continue;
    rules |= EMPTY_LIST;
    (sent ??= new Map()).set(`batch.${field}`, '[]');
  }
  return { event, rules, sent: sent ?? NOTHING_SENT };
}

/** PHP's array without members, which it cannot write as an object. */
export function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** Says what was repaired, in sentences that need no knowledge of anything else. */
export function toldRepairs(sent: SentTexts): ToldRepair[] {
  return [...sent].map(([field, text]) => ({ field, sent: text, words: wordsOf(field, text) }));
}

function wordsOf(field: string, text: string): string {
  if (field === 'timestamp') {
    return (
      `The timestamp was sent as ${text}, which is no time that can be read: the event has the ` +
      'time of originalTimestamp if there is one, and else the time at which it was received.'
    );
  }
  if (text.startsWith('[')) {
    const [, own] = /^batch\.(.*)$/.exec(field) ?? [];
    const what = own === undefined ? `The ${field}` : `The ${own} of the whole batch`;
    return `${what} came as an empty list, []: it is read as an object without members, {}.`;
  }
  return `The ${field} was sent as the number ${text}: ids are texts, so it is "${text}" here.`;
}
