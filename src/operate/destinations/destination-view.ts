/** Real events for views of destinations, and what filters and rules would make of them. */
import type {
  DestinationViewControl,
  FilterPreviewAsk,
  RecentEventsAsk,
} from '../../admin/destination-view-routes.ts';
import { MillraceError, toError } from '../../base/errors.ts';
import {
  applyFilters,
  compileFilters,
  parseFilters,
} from '../../deliver/routing/destination-filters.ts';
import type { DestinationFilter } from '../../deliver/routing/destination-filters.ts';
import { compileFql } from '../../fql/fql.ts';
import { triggerQuery } from '../../destinations/segment-actions/segment-settings.ts';
import { isObject } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';
import type { NormalEvent } from '../../events/normalise.ts';
import { ARCHIVED_COLUMNS, archivedEvent } from '../../lake/archived-event.ts';
import { sourceNumberOf } from '../../lake/lake-state.ts';
import { findDestination } from '../../store/destinations/destinations.ts';
import { listSources, listSourcesEver } from '../../store/sources/sources.ts';
import type { DeliveryClient } from '../../deliver/delivery-threads.ts';
import type { LakeService } from '../../query/lake-service.ts';
import { literal, OF_PEOPLE } from '../sql/lake-rows.ts';
import type { ServerParts } from '../server-parts.ts';

export interface FilteredSample {
  messageId: string;
  type: string;
  event: string | null;
  source: string;
  receivedAt: string;
  /** The rule that says no today, and why. */
  rule: string;
  reason: string;
  detail: string;
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

type Parts = Pick<ServerParts, 'store' | 'sealer' | 'clock'>;

export function createDestinationViewControl(
  parts: Parts,
  lake: LakeService,
  delivery: DeliveryClient,
): DestinationViewControl {
  const select = (selection: Selection) => recentEvents(parts, lake, selection);
  const recent = ({ source, ...rest }: RecentEventsAsk) =>
    select({ ...rest, sources: source === undefined ? rest.seen : [source] });
  return {
    sourcesOf: (slug) => destinationOf(parts, slug).sources,
    async recentEvents(ask) {
      const slugs = slugsByNumber(parts);
      const events = await recent(ask);
      return { events: events.map((event) => ({ ...aboutEvent(event, slugs), ...bodyOf(event) })) };
    },
    async previewFilters({ filters: given, event, recent: ask }: FilterPreviewAsk) {
      const filters = parseFilters(given);
      if (event) return { results: [{ ...aboutMessage(event), ...judge(filters, event) }] };
      const slugs = slugsByNumber(parts);
      const results = (await recent(ask)).map((one) => ({
        ...aboutEvent(one, slugs),
        ...judge(filters, one.message),
      }));
      return { results };
    },
    previewTrigger(trigger, event) {
      try {
        return { matches: compileFql(triggerQuery(trigger))(event), query: triggerQuery(trigger) };
      } catch (error) {
        const message = `trigger: ${toError(error).message}`;
        throw new MillraceError('INVALID_ARGUMENT', message, { field: 'trigger', cause: error });
      }
    },
    async delivery(slug, withSamples) {
      const { region, sources } = destinationOf(parts, slug);
      const overview = await delivery.ask('overview', { destination: slug });
      if (!withSamples) return overview;
      const ofRegion = listSources(parts.store).filter((source) => source.region === region);
      const seen = sources ?? ofRegion.map((source) => source.slug);
      const events = await select({ sources: seen, limit: ROUTED_AGAIN, seen });
      const rules = await delivery.ask('explain', { destination: slug, events });
      return { ...overview, filtered: samplesOf(events, rules, slugsByNumber(parts)) };
    },
  };
}

/** The newest first. */
async function recentEvents(
  { store, clock }: Parts,
  lake: LakeService,
  { sources, type, event, limit, seen }: Selection,
): Promise<NormalEvent[]> {
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

function slugsByNumber({ store }: Parts): ReadonlyMap<number, string> {
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

function bodyOf({ message }: NormalEvent): { message: JsonObject } {
  return { message };
}

/** Of an event that somebody typed. */
function aboutMessage(message: JsonObject) {
  const { messageId = null, type = null, event = null } = message;
  return { messageId, type, event };
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

/** @throws MillraceError NOT_FOUND */
function destinationOf({ store, sealer }: Parts, slug: string) {
  const found = findDestination(store, sealer, slug);
  if (found) return found;
  throw new MillraceError('NOT_FOUND', `There is no destination ${slug}`, { field: 'slug' });
}
