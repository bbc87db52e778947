/**
 * What is not consistent in the names and types of events: two names for one event, two spellings
 * of one property, two types of one value. Pure, and never sure: it says what to look at.
 */
import type { Flag } from './schema-shapes.ts';

export interface NamedEvent {
  source: string;
  type: string;
  /** Of a track event; empty for all others. */
  name: string;
  properties: readonly { name: string; types: readonly { type: string }[] }[];
}

export interface EventFlags {
  flags: Flag[];
  /** By the name of the property. */
  properties: Map<string, Flag[]>;
}

/** Past tenses that no rule makes. */
const IRREGULAR: Readonly<Record<string, string>> = {
  sent: 'send',
  paid: 'pay',
  bought: 'buy',
  made: 'make',
  began: 'begin',
  begun: 'begin',
  sold: 'sell',
  lost: 'lose',
  left: 'leave',
  won: 'win',
  chose: 'choose',
  chosen: 'choose',
  seen: 'see',
  saw: 'see',
  took: 'take',
  taken: 'take',
  wrote: 'write',
  written: 'write',
};
const NAMES_SHOWN_MAX = 5;

/** Flags of each event, in the order of the events. Sources are judged by themselves. */
export function flagsOf(events: readonly NamedEvent[]): EventFlags[] {
  const bySource = Map.groupBy(events, ({ source }) => source);
  const found = new Map<NamedEvent, EventFlags>();
  for (const own of bySource.values()) {
    const similar = similarEvents(own);
    for (const isTraits of [false, true]) {
      const part = own.filter((event) => hasTraits(event) === isTraits);
      const spellings = spellingsOf(part);
      const types = typesOf(part);
      for (const event of part) {
        const flags = event.type === 'track' ? similarFlags(event.name, similar) : [];
        found.set(event, { flags, properties: propertyFlags(event, spellings, types) });
      }
    }
  }
  return events.map((event) => found.get(event) ?? { flags: [], properties: new Map() });
}

export function hasTraits({ type }: { type: string }): boolean {
  return type === 'identify' || type === 'group';
}

/** `orderCompleted`, `Order Completed` and `order_completed` are the same words. */
export function wordsOf(name: string): string[] {
  const parted = name
    .replaceAll(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1 $2')
    .replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2');
  return parted.toLowerCase().match(/[\p{L}\p{M}]+|\p{N}+/gu) ?? [];
}

/** Without tense and number: `completed`, `completes` and `completing` are `complet`. */
export function stemOf(word: string): string {
  const regular = IRREGULAR[word] ?? word;
  let stem = regular;
  for (const ending of ['ing', 'ed', 's']) {
    const rest = regular.slice(0, -ending.length);
    const isEnding = regular.endsWith(ending) && /[aeiouy]/.test(rest) && rest.length >= 3;
    if (!isEnding || (ending === 's' && /[su]$/.test(rest))) continue;
    stem = rest;
    break;
  }
  return stem
    .replace(/ie?$/, 'y')
    .replace(/e$/, '')
    .replace(/([^aeiou])\1$/, '$1');
}

/** The same for names that mean the same in another order or tense. */
export function meaningOf(name: string): string {
  const stems = wordsOf(name).map(stemOf);
  return stems.length === 0 ? name : stems.toSorted().join(' ');
}

/** The same for names that differ in case and separators alone. */
export function spellingOf(name: string): string {
  return wordsOf(name).join('') || name;
}

/** Names that belong together, by each of them. */
function similarEvents(events: readonly NamedEvent[]): Map<string, readonly string[]> {
  const groups = new Map<string, Set<string>>();
  const names = new Set(events.filter(({ type }) => type === 'track').map(({ name }) => name));
  for (const name of names) {
    const keys = [`meaning ${meaningOf(name)}`, `spelling ${spellingOf(name)}`];
    const merged = new Set([name, ...keys.flatMap((key) => [...(groups.get(key) ?? [])])]);
    for (const own of merged) {
      groups.set(`meaning ${meaningOf(own)}`, merged);
      groups.set(`spelling ${spellingOf(own)}`, merged);
    }
  }
  return new Map(
    [...names].map((name) => [name, [...(groups.get(`meaning ${meaningOf(name)}`) ?? [])]]),
  );
}

function similarFlags(name: string, similar: ReadonlyMap<string, readonly string[]>): Flag[] {
  const names = (similar.get(name) ?? []).filter((other) => other !== name).toSorted();
  if (names.length === 0) return [];
  const what = names.every((other) => spellingOf(other) === spellingOf(name))
    ? 'case or spacing'
    : 'spelling, tense or the order of words';
  const message = `Differs only in ${what} from ${listed(names)}`;
  return [{ kind: 'similar-events', names, message }];
}

function spellingsOf(events: readonly NamedEvent[]): Map<string, Set<string>> {
  const spellings = new Map<string, Set<string>>();
  for (const { name } of events.flatMap(({ properties }) => properties)) {
    const key = spellingOf(name);
    spellings.set(key, (spellings.get(key) ?? new Set()).add(name));
  }
  return spellings;
}

/** Types of each property over all events. */
function typesOf(events: readonly NamedEvent[]): Map<string, Set<string>> {
  const types = new Map<string, Set<string>>();
  for (const property of events.flatMap(({ properties }) => properties)) {
    const own = types.get(property.name) ?? new Set();
    for (const type of knownTypes(property)) own.add(type);
    types.set(property.name, own);
  }
  return types;
}

/** A value that is null sometimes is no second type. */
function knownTypes({ types }: NamedEvent['properties'][number]): string[] {
  return types.map(({ type }) => type).filter((type) => type !== 'null');
}

function propertyFlags(
  event: NamedEvent,
  spellings: ReadonlyMap<string, ReadonlySet<string>>,
  typesElsewhere: ReadonlyMap<string, ReadonlySet<string>>,
): Map<string, Flag[]> {
  const flagged = new Map<string, Flag[]>();
  for (const property of event.properties) {
    const { name } = property;
    const flags: Flag[] = [];
    const others = [...(spellings.get(spellingOf(name)) ?? [])].filter((other) => other !== name);
    if (others.length > 0) {
      const names = others.toSorted();
      const message = `Also spelled ${listed(names)}`;
      flags.push({ kind: 'similar-properties', names, message });
    }
    const own = knownTypes(property);
    const all = [...(typesElsewhere.get(name) ?? [])].toSorted();
    if (own.length > 1) {
      const message = `Comes as ${own.join(' and ')}`;
      flags.push({ kind: 'mixed-types', names: own, message });
    } else if (own.length === 1 && all.length > 1) {
      const message = `Comes as ${own[0]} here, and elsewhere as ${all
        .filter((type) => type !== own[0])
        .join(' and ')}`;
      flags.push({ kind: 'types-differ-between-events', names: all, message });
    }
    if (flags.length > 0) flagged.set(name, flags);
  }
  return flagged;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN_MAX).map((name) => `“${name}”`);
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
