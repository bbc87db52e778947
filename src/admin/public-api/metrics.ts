/** Delivery overview and events volume, from the history of counters. */
import { z } from 'zod';
import type { HistorySeries } from '../../observe/history.ts';
import type { MetricName } from '../../observe/metrics.ts';
import { requireAllSources } from '../actor.ts';
import { parseAs } from '../parse-body.ts';
import { sourceOf } from './ask.ts';
import type { Ask, Handler } from './ask.ts';

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const base = z.object({
  startTime: time,
  endTime: time,
  granularity: z.enum(['MINUTE', 'HOUR', 'DAY']).default('DAY'),
});
const overviewSchema = base.extend({
  sourceId: z.string().optional(),
  destinationConfigId: z.string().optional(),
});
const STAGES = {
  getIngressSuccessMetricsFromDeliveryOverview: ['millrace_events_accepted_total', 'source', ''],
  getIngressFailedMetricsFromDeliveryOverview: ['millrace_events_rejected_total', 'source', 'code'],
  getFilteredAtDestinationMetricsFromDeliveryOverview: [
    'millrace_delivery_filtered_total',
    'destination',
    'reason',
  ],
  getEgressSuccessMetricsFromDeliveryOverview: [
    'millrace_delivery_delivered_total',
    'destination',
    '',
  ],
  getEgressFailedMetricsFromDeliveryOverview: [
    'millrace_delivery_dead_total',
    'destination',
    'reason',
  ],
} as const satisfies Record<string, readonly [MetricName, 'source' | 'destination', string]>;

export const METRIC_HANDLERS: Record<string, Handler> = {
  ...Object.fromEntries(
    Object.entries(STAGES).map(([name, stage]): [string, Handler] => [
      name,
      (ask) => overview(ask, stage),
    ]),
  ),
  getEventsVolumeFromWorkspace(ask) {
    requireAllSources(ask.c);
    const { startTime, endTime, granularity } = parseAs(base, ask.c.req.query());
    const found = ask.control.query({
      metric: 'millrace_events_received_total',
      by: ['source'],
      fromMs: startTime,
      toMs: endTime,
      granularity,
    });
    const result = found.map(({ labels, points }) => ({
      source: { id: labels['source'] ?? '', slug: labels['source'] ?? '' },
      ...seriesOf(points),
    }));
    return { path: '/events/volume', query: ask.c.req.query(), result };
  },
};

/** Of one source or destination, which Segment asks for; grouped by reason where there is one. */
async function overview(
  ask: Ask,
  [metric, kind, reason]: (typeof STAGES)[keyof typeof STAGES],
): Promise<object> {
  const given = parseAs(overviewSchema, ask.c.req.query());
  const where: Record<string, string> = {};
  if (given.sourceId === undefined) requireAllSources(ask.c);
  else {
    const source = sourceOf(ask, 'read', given.sourceId);
    if (kind === 'source') where['source'] = source.slug;
  }
  if (kind === 'destination' && given.destinationConfigId !== undefined) {
    const all = (await ask.control.delivery.list()) as unknown as { id: string; slug: string }[];
    where['destination'] = all.find(({ id }) => id === given.destinationConfigId)?.slug ?? '';
  }
  const found = ask.control.query({
    metric,
    by: reason === '' ? [] : [reason],
    where,
    fromMs: given.startTime,
    toMs: given.endTime,
    granularity: given.granularity,
  });
  const dataset = found.map(({ labels, points }) => ({
    ...(reason !== '' && { discardReason: labels[reason] ?? '' }),
    ...seriesOf(points),
  }));
  const total = dataset.reduce((sum, one) => sum + one.total, 0);
  return { dataset, total };
}

function seriesOf(points: HistorySeries['points']) {
  return {
    total: points.reduce((sum, [, value]) => sum + value, 0),
    series: points.map(([atMs, count]) => ({ time: new Date(atMs).toISOString(), count })),
  };
}
