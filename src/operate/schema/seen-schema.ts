/**
 * Events and properties as the lake has them: counted in a bounded time, properties in a part of
 * the events when there are many, and kept for a few seconds because pages ask again and again.
 */
import { flagsOf } from './schema-flags.ts';
import type { Schema, SchemaEvent, SchemaProperty } from './schema-shapes.ts';
import { listEventNotes } from '../../store/sources/event-notes.ts';
import type { EventNote } from '../../store/sources/event-notes.ts';
import { OF_PEOPLE, isoOf, lakeRows, literal, literals, textOf } from '../sql/lake-rows.ts';
import type { QueriedLake } from '../sql/lake-rows.ts';
import type { LakeRow } from '../sql/lake-rows.ts';
import type { RunningServer } from '../running-server.ts';

const EVENTS_MAX = 500;
const PROPERTIES_MAX = 10_000;
/** Properties are counted in about so many of the events of one name. */
const SAMPLED_EVENTS = 1_000;
const EXAMPLES = 3;
const EXAMPLE_CHARS = 80;
const KEPT_MS = 3_000;
const KEPT_MAX = 50;
const DAY_MS = 86_400_000;

/** What the engine calls the types of JSON. */
const TYPES: Readonly<Record<string, string>> = {
  VARCHAR: 'string',
  BIGINT: 'number',
  UBIGINT: 'number',
  HUGEINT: 'number',
  UHUGEINT: 'number',
  DOUBLE: 'number',
  BOOLEAN: 'boolean',
  NULL: 'null',
  OBJECT: 'object',
  ARRAY: 'array',
};

type Seen = Omit<Schema, 'from'>;
type Server = Pick<RunningServer, 'store' | 'clock' | 'lake'>;

export interface SeenSchema {
  /** @param sources slugs. */
  of(ask: { sources: readonly string[]; days: number }): Promise<Schema>;
}

/** Answers are kept for a few seconds: there is one of this for a server. */
export function createSeenSchema({ store, clock, lake }: Server): SeenSchema {
  const kept = new Map<string, { atMs: number; seen: Promise<Seen> }>();
  return {
    async of({ sources, days }) {
      const fromMs = Math.floor(clock.wallMs() - days * DAY_MS);
      const key = JSON.stringify([sources, days]);
      let entry = kept.get(key);
      if (!entry || clock.monotonicMs() - entry.atMs > KEPT_MS) {
        if (kept.size >= KEPT_MAX) kept.clear();
        entry = { atMs: clock.monotonicMs(), seen: seenIn(lake, sources, fromMs) };
        kept.set(key, entry);
        entry.seen.catch(() => kept.delete(key));
      }
      const { events, isTruncated } = await entry.seen;
      const noted = withNotes(events, listEventNotes(store, sources));
      return { from: new Date(fromMs).toISOString(), events: noted, isTruncated };
    },
  };
}

async function seenIn(
  lake: QueriedLake,
  sources: readonly string[],
  fromMs: number,
): Promise<Seen> {
  const where = `${OF_PEOPLE} and source in ${literals(sources)}
    and received_at >= make_timestamp(${fromMs}000)`;
  const rows = await lakeRows(
    lake,
    `select source, type, ${NAME} as event_name, count(*) as events,
       min(received_at) as first_at, max(received_at) as last_at
     from events where ${where} group by all
     order by events desc, source, type, event_name`,
    EVENTS_MAX + 1,
  );
  const events = rows.slice(0, EVENTS_MAX).map(eventOf);
  if (events.length === 0) return { events, isTruncated: false };
  const properties = await lakeRows(lake, propertiesSql(events, where), PROPERTIES_MAX + 1);
  addProperties(events, properties.slice(0, PROPERTIES_MAX));
  for (const [at, { flags, properties: flagged }] of flagsOf(events).entries()) {
    const event = events[at];
    if (!event) continue;
    event.flags = flags;
    for (const property of event.properties) property.flags = flagged.get(property.name) ?? [];
  }
  const isTruncated = rows.length > EVENTS_MAX || properties.length > PROPERTIES_MAX;
  return { events, isTruncated };
}

/** Names of pages and screens are as many as there are pages: they are one event each. */
const NAME = `case when type = 'track' then coalesce(event, '') else '' end`;

function propertiesSql(events: readonly SchemaEvent[], where: string): string {
  const values = events.map(({ source, type, name, count }) => {
    const texts = [source, type, name].map(literal).join(', ');
    return `(${texts}, ${samplingOf(count)})`;
  });
  return `
    with wanted(source, type, event_name, one_of) as (values ${values.join(', ')}),
    sampled as (
      select wanted.source, wanted.type, wanted.event_name, wanted.one_of, received_at,
        case when wanted.type in ('identify', 'group') then traits else properties end as own
      from (select *, ${NAME} as event_name from events where ${where}) as seen
      join wanted using (source, type, event_name)
      where one_of = 1 or hash(message_id) % one_of = 0
    )
    select sampled.source, sampled.type, event_name, property.key as property_name,
      property.type as value_type, count(*) * any_value(one_of) as events,
      max(received_at) as last_at,
      approx_top_k(left(property.value::varchar, ${EXAMPLE_CHARS}), ${EXAMPLES}) as examples
    from sampled, json_each(sampled.own) as property
    where json_type(own) = 'OBJECT'
    group by all order by events desc, property_name, value_type`;
}

/** One of how many events is looked into. */
function samplingOf(count: number): number {
  return Math.max(1, Math.floor(count / SAMPLED_EVENTS));
}

function eventOf(row: LakeRow): SchemaEvent {
  const [source, type, name] = [row['source'], row['type'], row['event_name']].map(String);
  const count = Number(row['events']);
  return {
    ...emptyEvent(source ?? '', `${type}/${name}`),
    count,
    firstSeenAt: isoOf(row['first_at']),
    lastSeenAt: isoOf(row['last_at']),
    isSampled: samplingOf(count) > 1,
  };
}

function emptyEvent(source: string, key: string): SchemaEvent {
  const slash = key.indexOf('/');
  return {
    source,
    type: key.slice(0, slash),
    name: key.slice(slash + 1),
    key,
    count: 0,
    firstSeenAt: null,
    lastSeenAt: null,
    isSampled: false,
    note: null,
    flags: [],
    properties: [],
  };
}

function emptyProperty(name: string): SchemaProperty {
  return { name, types: [], count: 0, lastSeenAt: null, examples: [], note: null, flags: [] };
}

function addProperties(events: readonly SchemaEvent[], rows: readonly LakeRow[]): void {
  const byKey = new Map(events.map((event) => [placeOf(event.source, event.key), event]));
  for (const row of rows) {
    const key = `${textOf(row['type'])}/${textOf(row['event_name'])}`;
    const event = byKey.get(placeOf(String(row['source']), key));
    if (event) addValues(event, row);
  }
  for (const { properties } of events) properties.sort((one, other) => other.count - one.count);
}

function addValues(event: SchemaEvent, row: LakeRow): void {
  const name = String(row['property_name']);
  let property = event.properties.find((own) => own.name === name);
  if (!property) event.properties.push((property = emptyProperty(name)));
  const count = Math.min(event.count, Number(row['events']));
  const type = TYPES[String(row['value_type'])] ?? 'string';
  const known = property.types.find((own) => own.type === type);
  if (known) known.count += count;
  else property.types.push({ type, count });
  property.count = Math.min(event.count, property.count + count);
  const lastSeenAt = isoOf(row['last_at']) ?? '';
  if (lastSeenAt > (property.lastSeenAt ?? '')) property.lastSeenAt = lastSeenAt;
  const examples = Array.isArray(row['examples']) ? row['examples'].map(String) : [];
  const cut = examples.map((text) => (text.length < EXAMPLE_CHARS ? text : `${text}…`));
  property.examples = [...property.examples, ...cut].slice(0, EXAMPLES);
}

/** Notes beside what they are about; what was not seen lately is listed too. */
function withNotes(events: readonly SchemaEvent[], notes: readonly EventNote[]): SchemaEvent[] {
  const noted = new Map(
    events.map((event) => {
      const properties = event.properties.map((property) => ({ ...property }));
      return [placeOf(event.source, event.key), { ...event, properties }];
    }),
  );
  for (const { source, event: key, property: name, text } of notes) {
    const place = placeOf(source, key);
    const event = noted.get(place) ?? emptyEvent(source, key);
    noted.set(place, event);
    if (name === '') {
      event.note = text;
      continue;
    }
    let property = event.properties.find((own) => own.name === name);
    if (!property) event.properties.push((property = emptyProperty(name)));
    property.note = text;
  }
  return [...noted.values()];
}

function placeOf(source: string, key: string): string {
  return JSON.stringify([source, key]);
}
