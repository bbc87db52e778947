/** Real events for views of destinations, and what filters and rules would make of them. */
import { MillraceError, toError } from '../../base/errors.ts';
import {
  applyFilters,
  compileFilters,
  parseFilters,
} from '../../deliver/routing/destination-filters.ts';
import type { DestinationFilter } from '../../deliver/routing/destination-filters.ts';
import { compileFql } from '../../fql/fql.ts';
import { triggerQuery } from '../../destinations/segment-actions/segment-settings.ts';
import { parseExact } from '../../events/exact-json.ts';
import { isObject, textOf } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';
import type { NormalEvent } from '../../events/normalise.ts';
import type { StoredEvent } from '../../events/raw-event.ts';
import { ARCHIVED_COLUMNS, archivedEvent } from '../../lake/archived-event.ts';
import { sourceNumberOf } from '../../lake/lake-state.ts';
import { mustFindDestination } from './manage-destinations.ts';
import { listSources, listSourcesEver } from '../../store/sources/sources.ts';
import { literal, OF_PEOPLE } from '../sql/lake-rows.ts';
import type { RunningServer } from '../running-server.ts';
import type {
  DestinationDelivery,
  FilterPreview,
  FilteredSample,
  RecentEventsAnswer,
  TriggerPreview,
} from './destination-shapes.ts';

export interface RecentEventsAsk {
  source?: string | undefined;
  type?: string | undefined;
  event?: string | undefined;
  limit: number;
  /** Slugs; null: all. */
  seen: readonly string[] | null;
}

export interface FilterPreviewAsk {
  filters: unknown;
  /** Null: recent events. */
  event: Record<string, unknown> | null;
  recent: RecentEventsAsk;
}

type Selection = Omit<RecentEventsAsk, 'source'> & {
  /** Slugs; null: all. */
  sources: readonly string[] | null;
};

const QUERY_MS = 15_000;
/** Most questions are about what came just now; older files are read only for want of events. */
const WINDOWS_HOURS = [1, 24, null] as const;
const HOUR_MS = 3_600_000;
/** Recent events that are routed again to name samples of what was filtered. */
const ROUTED_AGAIN = 200;
const SAMPLES_PER_REASON = 3;

type Server = Pick<RunningServer, 'store' | 'sealer' | 'clock' | 'lake' | 'delivery'>;

/** What came lately, as destinations get it. The newest first. */
export async function recentEvents(
  server: Server,
  ask: RecentEventsAsk,
): Promise<RecentEventsAnswer> {
  const slugs = slugsByNumber(server);
  const events = await recentOf(server, ask);
  return { events: events.map((event) => ({ ...aboutEvent(event, slugs), ...bodyOf(event) })) };
}

/** What filters leave of one event, or of recent ones. @throws MillraceError naming the field */
export async function previewFilters(
  server: Server,
  { filters: given, event, recent: ask }: FilterPreviewAsk,
): Promise<FilterPreview> {
  const filters = parseFilters(given);
  if (event) return { results: [{ ...aboutMessage(event), ...judge(filters, event) }] };
  const slugs = slugsByNumber(server);
  const results = (await recentOf(server, ask)).map((one) => ({
    ...aboutEvent(one, slugs),
    ...judge(filters, one.message),
  }));
  return { results };
}

/** Whether a trigger of Segment's takes an event. @throws MillraceError INVALID_ARGUMENT */
export function previewTrigger(trigger: string, event: JsonObject): TriggerPreview {
  try {
    return { matches: compileFql(triggerQuery(trigger))(event), query: triggerQuery(trigger) };
  } catch (error) {
    const message = `trigger: ${toError(error).message}`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field: 'trigger', cause: error });
  }
}

/** What a filter leaves of a payload; null: nothing. @throws MillraceError naming the field. */
export function filteredPayload(filter: unknown, payload: JsonObject): JsonObject | null {
  const result = applyFilters(compileFilters(parseFilters([filter])), payload);
  return result.kind === 'pass' ? result.message : null;
}

/** How delivery to a destination goes, by choice with samples of what was filtered. */
export async function destinationDelivery(
  server: Server,
  slug: string,
  withSamples: boolean,
): Promise<DestinationDelivery> {
  const { region, sources } = mustFindDestination(server, slug);
  const overview = await server.delivery.ask('overview', { destination: slug });
  if (!withSamples) return overview;
  const ofRegion = listSources(server.store).filter((source) => source.region === region);
  const seen = sources ?? ofRegion.map((source) => source.slug);
  const events = await selectEvents(server, { sources: seen, limit: ROUTED_AGAIN, seen });
  const rules = await server.delivery.ask('explain', { destination: slug, events });
  return { ...overview, filtered: samplesOf(events, rules, slugsByNumber(server)) };
}

function recentOf(server: Server, { source, ...rest }: RecentEventsAsk): Promise<StoredEvent[]> {
  return selectEvents(server, { ...rest, sources: source === undefined ? rest.seen : [source] });
}

/** The newest first. */
async function selectEvents(
  { store, clock, lake }: Server,
  { sources, type, event, limit, seen }: Selection,
): Promise<StoredEvent[]> {
  const numbers = new Map(listSourcesEver(store).map(({ id, number }) => [id, number]));
  const allowed = sources === null || seen === null ? sources : sources.filter(isIn(seen));
  if (allowed?.length === 0) return [];
  const conditions = [
    OF_PEOPLE,
    ...(allowed ? [`source in (${allowed.map(literal).join(', ')})`] : []),
    ...(type === undefined ? [] : [`type = ${literal(type)}`]),
    ...(event === undefined ? [] : [`event = ${literal(event)}`]),
  ];
  let rows: Record<string, unknown>[] = [];
  for (const hours of WINDOWS_HOURS) {
    const fromMs = hours === null ? null : Math.floor(clock.wallMs() - hours * HOUR_MS);
    const inTime = fromMs === null ? [] : [`received_at >= make_timestamp(${fromMs}000)`];
    const where = ['true', ...conditions, ...inTime].join(' and ');
    const sql = `select ${ARCHIVED_COLUMNS} from events where ${where}
      order by received_at desc, position desc, index desc limit ${limit}`;
    const request = { sql, format: 'rows', timeoutMs: QUERY_MS, rowsMax: limit } as const;
    const result = await lake.query(request);
    if (result.format !== 'rows') return [];
    const names = result.columns.map(({ name }) => name);
    rows = result.rows.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at]])));
    if (rows.length >= limit) break;
  }
  return rows.map((row) => archivedEvent(row, (id) => sourceNumberOf(id, numbers)));
}

function isIn(list: readonly string[]): (value: string) => boolean {
  const known = new Set(list);
  return (value) => known.has(value);
}

function slugsByNumber({ store }: Pick<Server, 'store'>): ReadonlyMap<number, string> {
  return new Map(listSourcesEver(store).map(({ number, slug }) => [number, slug]));
}

function aboutEvent(event: NormalEvent, slugs: ReadonlyMap<number, string>) {
  const { messageId, type, event: named, name, sourceNumber, receivedAtMs } = event;
  return {
    messageId,
    type,
    event: named ?? name,
    source: slugs.get(sourceNumber) ?? '',
    receivedAt: new Date(receivedAtMs).toISOString(),
  };
}

/** To the last digit. */
function bodyOf({ json }: StoredEvent): { message: JsonObject } {
  return { message: parseExact(json) as JsonObject };
}

/** Of an event that somebody typed. */
function aboutMessage(message: JsonObject) {
  const { messageId, type, event } = message;
  return { messageId: textOf(messageId), type: textOf(type), event: textOf(event) };
}

/** What filters would do with an event: each condition by itself, then all of them together. */
function judge(filters: readonly DestinationFilter[], message: JsonObject) {
  const result = applyFilters(compileFilters(filters), message);
  return {
    kept: result.kind === 'pass',
    reason: result.kind === 'dropped' ? result.reason : null,
    filter: result.kind === 'dropped' ? result.filter : null,
    before: message,
    after: result.kind === 'pass' ? result.message : null,
    removed: result.kind === 'pass' ? removedPaths(message, result.message) : [],
    filters: filters.map((filter, at) => ({
      name: filter.title ?? `filters[${at}]`,
      isEnabled: filter.enabled,
      ...matchOf(filter.if, message),
    })),
  };
}

/** `matches` is null when the condition has no answer on this event. */
function matchOf(query: string, message: JsonObject) {
  try {
    return { matches: compileFql(query)(message), problem: null };
  } catch (error) {
    return { matches: null, problem: toError(error).message };
  }
}

/** Paths of what is in the first and not in the second. */
function removedPaths(before: unknown, after: unknown, path = ''): string[] {
  if (before === after) return [];
  if (!isObject(before) || !isObject(after)) return compareLists(before, after, path);
  return Object.keys(before).flatMap((key) => {
    const own = path === '' ? key : `${path}.${key}`;
    return Object.hasOwn(after, key) ? removedPaths(before[key], after[key], own) : [own];
  });
}

function compareLists(before: unknown, after: unknown, path: string): string[] {
  if (!Array.isArray(before) || !Array.isArray(after)) return [];
  const paths = before.flatMap((item, at) => removedPaths(item, after[at], path));
  return [...new Set(paths)];
}

/** A few for each reason, the newest. */
function samplesOf(
  events: readonly NormalEvent[],
  rules: readonly (readonly { rule: string; reason: string | null; detail: string }[])[],
  slugs: ReadonlyMap<number, string>,
): FilteredSample[] {
  const taken = new Map<string, number>();
  return events.flatMap((event, at) => {
    const refused = rules[at]?.find(({ reason }) => reason !== null);
    if (!refused?.reason) return [];
    const count = taken.get(refused.reason) ?? 0;
    if (count >= SAMPLES_PER_REASON) return [];
    taken.set(refused.reason, count + 1);
    const { rule, reason, detail } = refused;
    return [{ ...aboutEvent(event, slugs), rule, reason, detail }];
  });
}
