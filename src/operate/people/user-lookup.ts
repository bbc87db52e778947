/**
 * People in the lake. A user id is followed through aliases, and to the anonymous ids that came
 * with it; not to other users of the same browser, who are somebody else and only named. Events
 * without a user id belong to a person when their anonymous id does.
 */
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import { parseExact } from '../../events/exact-json.ts';
import { OF_PEOPLE, isoOf, lakeRows, literal, literals, textOf } from '../sql/lake-rows.ts';
import type { QueriedLake } from '../sql/lake-rows.ts';
import type { LakeRow } from '../sql/lake-rows.ts';
import type {
  Person,
  Timeline,
  TimelineEvent,
  Trait,
  PersonAlias,
  PersonKind,
  PersonLink,
  PersonMatch,
  TraitChange,
} from './person-shapes.ts';

/** Of whom something is asked, and in which sources; null: in all. */
export interface PersonAsk {
  kind: PersonKind;
  id: string;
  seen: readonly string[] | null;
}

export interface TimelineAsk extends PersonAsk {
  /** `next` of the page before. */
  before?: string | undefined;
  limit: number;
}

interface Identity {
  userIds: string[];
  anonymousIds: string[];
  aliases: PersonAlias[];
}

const MATCHES_MAX = 20;
const IDS_MAX = 200;
const LINKS_MAX = 200;
/** Somebody whose ids were merged more often than this was made by a mistake. */
const ALIAS_ROUNDS_MAX = 5;
const IDENTIFIES_MAX = 1_000;
const CHANGES_MAX = 50;
const PROFILE_EVENTS = 50;
const AT = 'coalesce(timestamp, received_at)';
const SPAN = `count(*) as events, min(${AT}) as first_at, max(${AT}) as last_at`;

/** All that is known of one person. */
export async function personProfile(lake: QueriedLake, ask: PersonAsk): Promise<Person> {
  const identity = await identityOf(lake, ask);
  const [links, traits, first] = await Promise.all([
    linksOf(lake, ask, identity),
    traitsOf(lake, ask, identity),
    timelineOf(lake, { ...ask, limit: PROFILE_EVENTS }, identity),
  ]);
  const own = new Set(identity.userIds);
  const others = links.flatMap(({ userId }) =>
    userId === null || own.has(userId) ? [] : [userId],
  );
  const { kind, id } = ask;
  const about = { kind, id, ...identity, links, sharedWith: [...new Set(others)] };
  return { ...about, traits, timeline: first };
}

/** What somebody did, the newest first. @throws MillraceError INVALID_ARGUMENT for `before` */
export async function personTimeline(lake: QueriedLake, ask: TimelineAsk): Promise<Timeline> {
  return timelineOf(lake, ask, await identityOf(lake, ask));
}

/** By user id, anonymous id or the trait `email`; the best match first. */
export async function findPeople(
  lake: QueriedLake,
  query: string,
  seen: readonly string[] | null,
): Promise<PersonMatch[]> {
  const within = sourcesIn(seen);
  const text = literal(query);
  const isEmail = query.includes('@');
  const byEmail = `union all
    select 2 as rank, 'user' as kind, user_id as id, 'email' as found_by, ${AT} as happened_at
    from events where ${within} and type = 'identify' and user_id is not null
      and user_id <> ${text} and lower(traits->>'email') = lower(${text})`;
  const rows = await lakeRows(
    lake,
    `select rank, kind, id, found_by, count(*) as events, max(happened_at) as last_at from (
       select 0 as rank, 'user' as kind, user_id as id, 'id' as found_by, ${AT} as happened_at
       from events where ${within} and user_id = ${text}
       union all
       select 1 as rank, 'anonymous' as kind, anonymous_id as id, 'id' as found_by,
         ${AT} as happened_at
       from events where ${within} and anonymous_id = ${text}
       ${isEmail ? byEmail : ''}
     ) group by all order by rank, last_at desc, id`,
    MATCHES_MAX,
  );
  return rows.map((row) => ({
    kind: row['kind'] === 'user' ? 'user' : 'anonymous',
    id: String(row['id']),
    by: row['found_by'] === 'email' ? 'email' : 'id',
    events: Number(row['events']),
    lastSeenAt: isoOf(row['last_at']),
  }));
}

/** All ids of a person. An anonymous id that had one user only is that user. */
async function identityOf(lake: QueriedLake, { kind, id, seen }: PersonAsk): Promise<Identity> {
  if (kind === 'user') return userIdentity(lake, id, seen);
  const rows = await lakeRows(
    lake,
    `select distinct user_id from events
     where ${sourcesIn(seen)} and anonymous_id = ${literal(id)} and user_id is not null`,
    2,
  );
  const [only] = rows;
  const alone = { userIds: [], anonymousIds: [id], aliases: [] };
  if (rows.length !== 1 || !only) return alone;
  const found = await userIdentity(lake, String(only['user_id']), seen);
  return { ...found, anonymousIds: [...new Set([id, ...found.anonymousIds])] };
}

async function userIdentity(
  lake: QueriedLake,
  id: string,
  seen: readonly string[] | null,
): Promise<Identity> {
  const { userIds, aliases } = await followAliases(lake, id, seen);
  const rows = await lakeRows(
    lake,
    `select anonymous_id, max(${AT}) as last_at from events
     where ${sourcesIn(seen)} and user_id in ${literals(userIds)} and anonymous_id is not null
     group by all order by last_at desc, anonymous_id`,
    IDS_MAX,
  );
  const anonymousIds = rows.map((row) => String(row['anonymous_id']));
  // What an alias replaced may have been an anonymous id.
  const replaced = userIds.filter((own) => own !== id);
  return { userIds, anonymousIds: [...new Set([...anonymousIds, ...replaced])], aliases };
}

async function followAliases(
  lake: QueriedLake,
  id: string,
  seen: readonly string[] | null,
): Promise<{ userIds: string[]; aliases: PersonAlias[] }> {
  const userIds = new Set([id]);
  let aliases: PersonAlias[] = [];
  for (let round = 0; round < ALIAS_ROUNDS_MAX; round++) {
    const before = userIds.size;
    const known = literals([...userIds]);
    const rows = await lakeRows(
      lake,
      `select previous_id, user_id, min(${AT}) as happened_at from events
       where ${sourcesIn(seen)} and type = 'alias' and previous_id is not null
         and user_id is not null and (user_id in ${known} or previous_id in ${known})
       group by all order by happened_at, previous_id, user_id`,
      IDS_MAX,
    );
    aliases = rows.map((row) => ({
      previousId: String(row['previous_id']),
      userId: String(row['user_id']),
      at: isoOf(row['happened_at']),
    }));
    for (const { previousId, userId } of aliases) userIds.add(previousId).add(userId);
    if (userIds.size === before || userIds.size > IDS_MAX) break;
  }
  return { userIds: [...userIds].slice(0, IDS_MAX), aliases };
}

/** Which user ids came with which anonymous ids; also of other people with the same browser. */
async function linksOf(
  lake: QueriedLake,
  { seen }: PersonAsk,
  { userIds, anonymousIds }: Identity,
): Promise<PersonLink[]> {
  const others = `user_id is null or user_id not in ${literals(userIds)}`;
  const rows = await lakeRows(
    lake,
    `select user_id, anonymous_id, ${SPAN}
     from ${eitherOf({ userIds, anonymousIds }, seen, others)}
     group by all order by last_at desc, user_id, anonymous_id`,
    LINKS_MAX,
  );
  return rows.map((row) => ({
    userId: textOf(row['user_id']),
    anonymousId: textOf(row['anonymous_id']),
    events: Number(row['events']),
    firstSeenAt: isoOf(row['first_at']),
    lastSeenAt: isoOf(row['last_at']),
  }));
}

/** Each trait with its value now and when it changed, the newest first. */
async function traitsOf(
  lake: QueriedLake,
  { seen }: PersonAsk,
  identity: Identity,
): Promise<Trait[]> {
  const rows = await lakeRows(
    lake,
    `select message_id, ${AT} as happened_at, traits
     from ${eventsOf(identity, seen)} where type = 'identify'
     order by happened_at desc, received_at desc, partition desc, position desc, index desc`,
    IDENTIFIES_MAX,
  );
  const traits = new Map<string, TraitChange[]>();
  for (const row of rows.toReversed()) {
    for (const [name, value] of Object.entries(objectOf(row['traits']))) {
      const changes = traits.get(name) ?? [];
      const last = changes.at(-1);
      if (last && JSON.stringify(last.value) === JSON.stringify(value)) continue;
      changes.push({ value, at: isoOf(row['happened_at']), messageId: textOf(row['message_id']) });
      traits.set(name, changes);
    }
  }
  return [...traits]
    .map(([name, changes]) => ({ name, changes: changes.toReversed().slice(0, CHANGES_MAX) }))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

const cursorSchema = z.tuple([z.int(), z.string(), z.string().regex(/^\d{1,18}$/), z.int()]);

/** The newest first. `next` asks for the page after; null: there is none. */
async function timelineOf(
  lake: QueriedLake,
  ask: TimelineAsk,
  identity: Identity,
): Promise<Timeline> {
  const older = ask.before === undefined ? 'true' : olderThan(ask.before);
  const rows = await lakeRows(
    lake,
    `select message_id, type, event, name, source, user_id, anonymous_id, received_at,
       ${AT} as happened_at, epoch_ms(${AT}) as happened_ms, partition, position, index,
       coalesce(properties, traits) as own
     from ${eventsOf(identity, ask.seen)} where ${older}
     order by happened_ms desc, partition desc, position desc, index desc`,
    ask.limit + 1,
  );
  const page = rows.slice(0, ask.limit);
  const last = rows.length > ask.limit ? page.at(-1) : undefined;
  return { events: page.map(entryOf), next: last ? cursorOf(last) : null };
}

function entryOf(row: LakeRow): TimelineEvent {
  return {
    messageId: textOf(row['message_id']),
    type: textOf(row['type']),
    name: textOf(row['event']) ?? textOf(row['name']),
    source: textOf(row['source']),
    userId: textOf(row['user_id']),
    anonymousId: textOf(row['anonymous_id']),
    at: isoOf(row['happened_at']),
    receivedAt: isoOf(row['received_at']),
    properties: objectOf(row['own']),
  };
}

function cursorOf(row: LakeRow): string {
  const place = [
    Number(row['happened_ms']),
    row['partition'],
    String(row['position']),
    row['index'],
  ];
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** @throws MillraceError INVALID_ARGUMENT */
function olderThan(cursor: string): string {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    value = null;
  }
  const parsed = cursorSchema.safeParse(value);
  if (!parsed.success) {
    throw new MillraceError('INVALID_ARGUMENT', 'before: no such page', { field: 'before' });
  }
  const [atMs, partition, position, index] = parsed.data;
  return `(epoch_ms(${AT}), partition, position, index)
    < (${atMs}, ${literal(partition)}, ${position}, ${index})`;
}

/** What a person did, as a relation: nothing that has another's user id. */
function eventsOf(identity: Identity, seen: readonly string[] | null): string {
  return eitherOf(identity, seen, 'user_id is null');
}

/**
 * Events with one of the user ids, and those of the others that have one of the anonymous ids: in
 * two branches, because each leaves out what its ids rule out, which one `or` could not.
 * @param others a condition that no event of the first branch meets.
 */
function eitherOf(
  { userIds, anonymousIds }: Pick<Identity, 'userIds' | 'anonymousIds'>,
  seen: readonly string[] | null,
  others: string,
): string {
  const within = sourcesIn(seen);
  const rest = userIds.length === 0 ? 'true' : `(${others})`;
  return `(select * from events where ${within} and user_id in ${literals(userIds)}
    union all
    select * from events
    where ${within} and anonymous_id in ${literals(anonymousIds)} and ${rest})`;
}

function sourcesIn(seen: readonly string[] | null): string {
  return seen === null ? OF_PEOPLE : `source in ${literals(seen)}`;
}

function objectOf(value: LakeRow[string]): Record<string, unknown> {
  let own: unknown = value;
  if (typeof own === 'string') own = parseExact(Buffer.from(own));
  return typeof own === 'object' && own !== null && !Array.isArray(own)
    ? (own as Record<string, unknown>)
    : {};
}
