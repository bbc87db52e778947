/** Stored events over time, and the people they are of, as the lake has them. */
import type { HistorySeries } from '../../observe/history.ts';
import type { Granularity } from '../../observe/history-shapes.ts';
import { MillraceError } from '../../base/errors.ts';
import { OF_PEOPLE, isoOf, lakeRows, literal, literals, textOf } from '../sql/lake-rows.ts';
import type { QueriedLake } from '../sql/lake-rows.ts';
import type { EventVolume } from './overview-shapes.ts';

/** What stored events can be counted by. */
export type EventGroup = 'source' | 'eventName' | 'eventType' | 'appVersion';

export interface EventCountAsk {
  by: readonly EventGroup[];
  /** Values of groups; sources by slug. */
  where: { [Group in EventGroup]?: string[] };
  fromMs: number;
  toMs: number;
  granularity: Granularity;
}

/** Counts of one group; a point is the start of its time and the count. */
export interface CountedEvents {
  labels: { [Group in EventGroup | 'discardReason']?: string };
  points: HistorySeries['points'];
}

/** People since the first of the days that were asked for. */
export interface TrackedUsersDay {
  /** Slug; empty: of all sources. */
  source: string;
  atMs: number;
  identified: number;
  anonymous: number;
  anonymousIdentified: number;
}

const ROWS_MAX = 20_000;
/** Expressions of what events may be grouped by. */
const GROUPS = {
  source: 'source',
  eventName: "coalesce(event, name, '')",
  eventType: 'type',
  appVersion: "coalesce(context->'app'->>'version', '')",
} as const;

/** @throws MillraceError INVALID_ARGUMENT when there are too many rows. */
export async function countEvents(lake: QueriedLake, ask: EventCountAsk): Promise<CountedEvents[]> {
  const { by, fromMs, toMs, granularity } = ask;
  const groups = by.map((name) => `${GROUPS[name]} as "${name}"`);
  const where = [
    OF_PEOPLE,
    `received_at >= make_timestamp(${Math.floor(fromMs)}000)`,
    `received_at < make_timestamp(${Math.floor(toMs)}000)`,
    ...Object.entries(ask.where).map(
      ([name, values]) => `${GROUPS[name as keyof typeof GROUPS]} in ${literals(values)}`,
    ),
  ];
  const rows = await lakeRows(
    lake,
    `select ${[...groups, `date_trunc('${granularity.toLowerCase()}', received_at) as at`].join(', ')},
       count(*) as events
     from events where ${where.join(' and ')} group by all order by all`,
    ROWS_MAX + 1,
  );
  if (rows.length > ROWS_MAX) {
    const message = `groupBy: more than ${ROWS_MAX} counts; ask for a shorter time or fewer groups`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field: 'groupBy' });
  }
  const found = new Map<string, CountedEvents>();
  for (const row of rows) {
    const labels = Object.fromEntries(by.map((name) => [name, textOf(row[name]) ?? '']));
    const key = JSON.stringify(labels);
    const own: CountedEvents = found.get(key) ?? { labels, points: [] };
    found.set(key, own);
    own.points.push([Date.parse(isoOf(row['at']) ?? ''), Number(row['events'])]);
  }
  return [...found.values()];
}

/**
 * Of each day, the people whose events came since the first of the days: by user id, and browsers
 * or devices by anonymous id, those that were identified meanwhile apart.
 * @param sources slugs; null: of all sources together.
 */
export async function trackedUsers(
  lake: QueriedLake,
  days: readonly number[],
  sources: readonly string[] | null,
): Promise<TrackedUsersDay[]> {
  const [firstMs = 0] = days;
  const endMs = (days.at(-1) ?? 0) + DAY_MS;
  const of = sources === null ? `'' as of` : 'source as of';
  const seen = `select ${of}, user_id, anonymous_id, date_trunc('day', received_at) as day
    from events where received_at >= make_timestamp(${firstMs}000)
      and received_at < make_timestamp(${endMs}000)
      and ${sources === null ? OF_PEOPLE : `source in ${literals(sources)}`}`;
  const firstDay = (column: string, kind: string, more = '') =>
    `select of, ${literal(kind)} as kind, min(day) as day from seen
     where ${column} is not null ${more} group by of, ${column}`;
  const rows = await lakeRows(
    lake,
    `with seen as (${seen}), firsts as (
       ${firstDay('user_id', 'identified')} union all
       ${firstDay('anonymous_id', 'anonymous')} union all
       ${firstDay('anonymous_id', 'anonymousIdentified', 'and user_id is not null')}
     )
     select of, kind, day, count(*) as people from firsts group by all order by all`,
    ROWS_MAX,
  );
  const result: TrackedUsersDay[] = [];
  for (const source of sources ?? ['']) {
    const sums = { identified: 0, anonymous: 0, anonymousIdentified: 0 };
    for (const atMs of days) {
      for (const kind of KINDS) {
        const row = rows.find(
          (one) =>
            one['of'] === source &&
            one['kind'] === kind &&
            Date.parse(isoOf(one['day']) ?? '') === atMs,
        );
        sums[kind] += Number(row?.['people'] ?? 0);
      }
      result.push({ source, atMs, ...sums });
    }
  }
  return result;
}

/**
 * Of the time asked for, and of the same time one to four weeks before. A week counts in which
 * the source had anything at all; with two of them it is known what is usual.
 */
export async function eventVolumes(
  lake: QueriedLake,
  source: string,
  fromMs: number,
  toMs: number,
): Promise<EventVolume[]> {
  const spans = Array.from({ length: WEEKS + 1 }, (_, week) => {
    const [from, to] = [fromMs, toMs].map((ms) => `make_timestamp(${ms - week * WEEK_MS}000)`);
    return `(received_at >= ${from} and received_at < ${to})`;
  });
  const counts = spans.map((span, week) => `count(*) filter (${span}) as week${week}`);
  const rows = await lakeRows(
    lake,
    `select type, case when type = 'track' then coalesce(event, '') else '' end as event_name,
       ${counts.join(', ')}
     from events where ${OF_PEOPLE} and source = ${literal(source)} and (${spans.join(' or ')})
     group by all order by week0 desc, week1 desc, type, event_name`,
    VOLUMES_MAX,
  );
  const weeks = Array.from({ length: WEEKS }, (_, at) => `week${at + 1}`);
  const known = weeks.filter((week) => rows.some((row) => Number(row[week]) > 0));
  return rows.map((row) => ({
    type: textOf(row['type']) ?? '',
    name: textOf(row['event_name']) ?? '',
    events: Number(row['week0']),
    usual: known.length < 2 ? null : medianOf(known.map((week) => Number(row[week]))),
  }));
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const half = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = [sorted[sorted.length % 2 === 1 ? half : half - 1], sorted[half]];
  return (low + high) / 2;
}

const WEEKS = 4;
const WEEK_MS = 7 * 86_400_000;
const VOLUMES_MAX = 200;
const DAY_MS = 86_400_000;
const KINDS = ['identified', 'anonymous', 'anonymousIdentified'] as const;
