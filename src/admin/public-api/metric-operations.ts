/**
 * Delivery overview, delivery metrics and events volume. Totals and reasons are from the history
 * of counters; what is asked by event name, type or version of an app is counted in the lake.
 */
import { countEvents } from '../../operate/overview/event-counts.ts';
import type { CountedEvents, EventGroup } from '../../operate/overview/event-counts.ts';
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import type { HistorySeries } from '../../observe/history.ts';
import type { MetricName } from '../../observe/metrics.ts';
import { listSources } from '../../store/sources/sources.ts';
import { requireAllSources } from '../actor.ts';
import { parseAs } from '../parse-body.ts';
import { listParam, pageOf, param, sourceOf } from './ask.ts';
import type { Ask, Handler } from './ask.ts';
import { findOf } from './destination-operations.ts';
import { ensureWorkspace } from '../../store/workspace/workspaces.ts';

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const granularity = z
  .string()
  .toUpperCase()
  .pipe(z.enum(['MINUTE', 'HOUR', 'DAY']));
const base = z.object({
  startTime: time,
  endTime: time,
  granularity: granularity.default('DAY'),
});
const overviewSchema = base.extend({
  sourceId: z.string().optional(),
  destinationConfigId: z.string().optional(),
});
const summarySchema = z.object({
  sourceId: z.string().optional(),
  startTime: time.optional(),
  endTime: time.optional(),
  granularity: granularity.optional(),
});

type Kind = 'source' | 'destination';
interface Stage {
  metric: MetricName;
  of: Kind;
  /** The label that says why; empty where everything went well. */
  reason: string;
}
const RECEIVED = 'getIngressSuccessMetricsFromDeliveryOverview';
const STAGES: Record<string, Stage> = {
  [RECEIVED]: { metric: 'millrace_events_accepted_total', of: 'source', reason: '' },
  getIngressFailedMetricsFromDeliveryOverview: {
    metric: 'millrace_events_rejected_total',
    of: 'source',
    reason: 'code',
  },
  getFilteredAtDestinationMetricsFromDeliveryOverview: {
    metric: 'millrace_delivery_filtered_total',
    of: 'destination',
    reason: 'reason',
  },
  getEgressSuccessMetricsFromDeliveryOverview: {
    metric: 'millrace_delivery_delivered_total',
    of: 'destination',
    reason: '',
  },
  getEgressFailedMetricsFromDeliveryOverview: {
    metric: 'millrace_delivery_dead_total',
    of: 'destination',
    reason: 'reason',
  },
};
const LAKE_GROUPS = ['eventName', 'eventType', 'appVersion'] as const;
/** Events, not calls of the destination, except the attempts that are made again. */
const SUMMARY = [
  ['successful_delivery', 'millrace_delivery_delivered_total', ''],
  ['failed_delivery', 'millrace_delivery_dead_total', 'reason'],
  ['filtered_at_destination', 'millrace_delivery_filtered_total', 'reason'],
  ['retries', 'millrace_delivery_retries_total', ''],
] as const satisfies readonly (readonly [string, MetricName, string])[];
const SUMMARY_MS = 7 * 86_400_000;

export const METRIC_QUERIES: Record<string, z.ZodObject> = {
  ...Object.fromEntries(Object.keys(STAGES).map((name) => [name, overviewSchema])),
  getFilteredAtSourceMetricsFromDeliveryOverview: overviewSchema,
  listDeliveryMetricsSummaryFromDestination: summarySchema,
  getEventsVolumeFromWorkspace: base,
};

export const METRIC_HANDLERS: Record<string, Handler> = {
  ...Object.fromEntries(
    Object.entries(STAGES).map(([name, stage]): [string, Handler] => [
      name,
      (ask) => overview(ask, name, stage),
    ]),
  ),
  /** Nothing is held back between the collector and the log. */
  getFilteredAtSourceMetricsFromDeliveryOverview(ask) {
    const given = parseAs(overviewSchema, ask.c.req.query());
    if (given.sourceId === undefined) requireAllSources(ask.c);
    else sourceOf(ask, 'read', given.sourceId);
    return { total: 0, dataset: [], pagination: pageOf(ask, [], String).pagination };
  },
  async listDeliveryMetricsSummaryFromDestination(ask) {
    const { slug, type, sources } = await findOf(ask, param(ask, 'destinationId'), 'read');
    const given = parseAs(summarySchema, ask.c.req.query());
    const toMs = given.endTime ?? ask.server.clock.wallMs();
    const asked = {
      fromMs: given.startTime ?? toMs - SUMMARY_MS,
      toMs,
      where: { destination: slug },
    };
    const metrics = SUMMARY.map(([metricName, metric, reason]) => {
      const by = reason === '' ? [] : [reason];
      const found = ask.server.history
        .query({ ...asked, metric, by, granularity: 'MINUTE' })
        .filter((own) => isOfSegment(own, reason));
      const breakdown = found.map(({ labels, points }) => ({
        metricName: labels[reason] ?? '',
        value: totalOf(points),
      }));
      const total = breakdown.reduce((sum, { value }) => sum + value, 0);
      return { metricName, total, ...(reason !== '' && { breakdown }) };
    });
    const known = listSources(ask.server.store);
    const first = sources === null ? known[0] : known.find((own) => sources.includes(own.slug));
    const sourceId = given.sourceId ?? first?.id ?? '';
    return { deliveryMetricsSummary: { sourceId, destinationMetadataId: type, metrics } };
  },
  async getEventsVolumeFromWorkspace(ask) {
    const given = parseAs(base, ask.c.req.query());
    const by = groupsOf(ask, ['source', ...LAKE_GROUPS]);
    const sources = listSources(ask.server.store);
    const ids = new Map(sources.map((source) => [source.slug, source]));
    const where = filtersOf(['eventName', 'eventType', 'appVersion'], (name) =>
      listParam(ask, name),
    );
    const wanted = listParam(ask, 'sourceId');
    if (wanted.length === 0) requireAllSources(ask.c);
    const slugs = wanted.map((id) => sourceOf(ask, 'read', id).slug);
    const found = await countEvents(ask.server.lake, {
      by,
      where: { ...where, ...(slugs.length > 0 && { source: slugs }) },
      fromMs: given.startTime,
      toMs: given.endTime,
      granularity: given.granularity,
    });
    const all = found.map(({ labels, points }) => {
      const { source, eventName, eventType } = labels;
      const id = source === undefined ? undefined : (ids.get(source)?.id ?? source);
      return {
        ...(source !== undefined && { source: { id, slug: source, name: ids.get(source)?.name } }),
        ...(eventName !== undefined && { eventName }),
        ...(eventType !== undefined && { eventType }),
        ...seriesOf(points),
      };
    });
    const { page, pagination } = pageOf(ask, all, ({ source, eventName, eventType }) =>
      JSON.stringify([source?.id, eventName, eventType]),
    );
    const query = {
      workspaceId: ensureWorkspace(ask.server.store).id,
      granularity: given.granularity,
      startTime: new Date(given.startTime).toISOString(),
      endTime: new Date(given.endTime).toISOString(),
      ...(by.length > 0 && { groupBy: by }),
    };
    return { path: '/events/volume', query, result: page, pagination };
  },
};

/** Of one source or destination, or of all. */
async function overview(ask: Ask, name: string, stage: Stage): Promise<object> {
  const given = parseAs(overviewSchema, ask.c.req.query());
  const source = given.sourceId === undefined ? null : sourceOf(ask, 'read', given.sourceId);
  // All destinations together have events of all sources, whichever one is named.
  const isOfAll = stage.of === 'destination' && given.destinationConfigId === undefined;
  if (!source || isOfAll) requireAllSources(ask.c);
  const span = { fromMs: given.startTime, toMs: given.endTime, granularity: given.granularity };
  const reasons = stage.reason === '' ? [] : (['discardReason'] as const);
  const possible = name === RECEIVED ? LAKE_GROUPS : reasons;
  const by = groupsOf(ask, possible);
  const filter = filtersOf(possible, (group) => filterParam(ask, group));
  if (name === RECEIVED && by.length + Object.keys(filter).length > 0) {
    const where = { ...filter, ...(source && { source: [source.slug] }) };
    const groups = by as EventGroup[];
    return datasetOf(ask, await countEvents(ask.server.lake, { by: groups, where, ...span }));
  }
  const where: Record<string, string> = {};
  if (stage.of === 'source' && source) where['source'] = source.slug;
  if (stage.of === 'destination' && given.destinationConfigId !== undefined) {
    where['destination'] = (await findOf(ask, given.destinationConfigId, 'read')).slug;
  }
  const label = stage.reason;
  const found = ask.server.history
    .query({ metric: stage.metric, by: label === '' ? [] : [label], where, ...span })
    .filter((own) => isOfSegment(own, label))
    .filter(({ labels }) => filter['discardReason']?.includes(labels[label] ?? '') ?? true);
  if (by.length === 0) return datasetOf(ask, [summed(found)]);
  const byReason = found.map(({ labels, points }) => ({
    labels: { discardReason: labels[label] ?? '' },
    points,
  }));
  return datasetOf(ask, byReason);
}

/** In Segment a destination has one source, and events of others are none of its business. */
function isOfSegment({ labels }: HistorySeries, label: string): boolean {
  return labels[label] !== 'SOURCE_NOT_CONNECTED';
}

function summed(found: readonly HistorySeries[]): CountedEvents {
  const sums = new Map<number, number>();
  for (const [atMs, value] of found.flatMap(({ points }) => points)) {
    sums.set(atMs, (sums.get(atMs) ?? 0) + value);
  }
  return { labels: {}, points: [...sums].sort(([one], [other]) => one - other) };
}

function datasetOf(ask: Ask, found: readonly CountedEvents[]): object {
  const all = found.map(({ labels, points }) => ({ ...labels, ...seriesOf(points) }));
  const { page, pagination } = pageOf(ask, all, (one) =>
    JSON.stringify({ ...one, series: undefined, total: undefined }),
  );
  return { total: all.reduce((sum, one) => sum + one.total, 0), dataset: page, pagination };
}

/** @throws MillraceError INVALID_ARGUMENT naming what is possible. */
function groupsOf<Group extends string>(ask: Ask, possible: readonly Group[]): Group[] {
  return listParam(ask, 'groupBy').map((name) => {
    const found = possible.find((one) => one.toLowerCase() === name.toLowerCase());
    if (found !== undefined) return found;
    const allowed = possible.length > 0 ? possible.join(', ') : 'none';
    const message = `groupBy: ${name} is not counted here (allowed: ${allowed})`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field: 'groupBy' });
  });
}

function filtersOf(
  possible: readonly string[],
  valuesOf: (name: string) => string[],
): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const name of ['discardReason', ...LAKE_GROUPS]) {
    const values = valuesOf(name);
    if (values.length === 0) continue;
    if (!possible.includes(name)) {
      const message = `filter.${name}: is not counted here`;
      throw new MillraceError('INVALID_ARGUMENT', message, { field: `filter.${name}` });
    }
    found[name] = values;
  }
  return found;
}

/** `filter[name][0]=…`, and the same with dots. */
function filterParam(ask: Ask, name: string): string[] {
  return [...listParam(ask, `filter[${name}]`), ...listParam(ask, `filter.${name}`)];
}

function seriesOf(points: HistorySeries['points']) {
  return {
    total: totalOf(points),
    series: points.map(([atMs, count]) => ({ time: new Date(atMs).toISOString(), count })),
  };
}

function totalOf(points: HistorySeries['points']): number {
  return points.reduce((sum, [, value]) => sum + value, 0);
}
