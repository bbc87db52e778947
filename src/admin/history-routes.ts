/** Counters over time, for charts and scripts. */
import { Hono } from 'hono';
import type { Context } from 'hono';
import { z } from 'zod';
import { MillraceError } from '../base/errors.ts';
import type { HistorySeries } from '../observe/history.ts';
import { GRANULARITY_MS } from '../observe/history.ts';
import { METRICS } from '../observe/metrics.ts';
import { requireRole } from './actor.ts';
import { hasAllSources, maySee } from '../operate/rights/actor-rights.ts';
import { baseline } from '../operate/alerts/evaluate.ts';
import { eventVolumes } from '../operate/overview/event-counts.ts';
import type {
  BaselineAnswer,
  HistoryAnswer,
  VolumesAnswer,
} from '../operate/overview/overview-shapes.ts';
import type { RunningServer } from '../operate/running-server.ts';
import { parseAs } from './parse-body.ts';

type Server = Pick<RunningServer, 'history' | 'lake' | 'clock'>;

/** More buckets than a screen has pixels. */
const BUCKETS_MAX = 5_000;
const HOUR_MS = 3_600_000;
const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const querySchema = z.strictObject({
  metric: z
    .string()
    .refine((name) => name in METRICS, { error: 'unknown; see docs/operations.md' }),
  by: z
    .string()
    .regex(/^[a-z_,]{1,100}$/)
    .transform((text) => text.split(','))
    .default([]),
  source: z.string().min(1).max(100).optional(),
  destination: z.string().min(1).max(100).optional(),
  from: time.optional(),
  to: time.optional(),
  granularity: z.enum(['MINUTE', 'HOUR', 'DAY']).default('MINUTE'),
});
const baselineSchema = z.strictObject({ source: z.string().min(1).max(100), from: time, to: time });

/** Behind the guard. */
export function historyRoutes({ history, lake, clock }: Server): Hono {
  const routes = new Hono();
  routes.get('/history', (c) => {
    const actor = requireRole(c, 'viewer');
    const given = parseAs(querySchema, c.req.query());
    const { metric, by, granularity, source, destination } = given;
    const toMs = given.to ?? clock.wallMs() + 1;
    const fromMs = given.from ?? toMs - HOUR_MS;
    requireRange(fromMs, toMs, granularity);
    // Whoever is kept to some sources is shown those only, one by one.
    const isKept = !hasAllSources(actor);
    const wanted = isKept ? [...new Set([...by, 'source'])] : by;
    const where = { ...(source && { source }), ...(destination && { destination }) };
    const found = history.query({ metric, by: wanted, where, fromMs, toMs, granularity });
    const seen = found.filter(({ labels }) => !isKept || maySee(actor, labels['source'] ?? ''));
    const answer: HistoryAnswer = { metric, granularity, series: seen.map(shown) };
    return c.json(answer);
  });
  routes.get('/history/baseline', (c) => {
    const { source, from, to } = parseAs(baselineSchema, c.req.query());
    requireSeen(c, source);
    requireRange(from, to, 'HOUR');
    const points: BaselineAnswer['points'] = [];
    for (let at = Math.floor(from / HOUR_MS) * HOUR_MS; at < to; at += HOUR_MS) {
      points.push([new Date(at).toISOString(), baseline(source, history.query, at)]);
    }
    const answer: BaselineAnswer = { source, points };
    return c.json(answer);
  });
  routes.get('/history/events', async (c) => {
    const { source, from, to } = parseAs(baselineSchema, c.req.query());
    requireSeen(c, source);
    requireRange(from, to, 'HOUR');
    const events = await eventVolumes(lake, source, from, to);
    const answer: VolumesAnswer = { source, events };
    return c.json(answer);
  });
  return routes;
}

function requireSeen(c: Context, source: string): void {
  if (maySee(requireRole(c, 'viewer'), source)) return;
  throw new MillraceError('NOT_FOUND', `There is no source ${source}`, { field: 'source' });
}

/** @throws MillraceError INVALID_ARGUMENT */
function requireRange(fromMs: number, toMs: number, size: keyof typeof GRANULARITY_MS): void {
  if (toMs > fromMs && (toMs - fromMs) / GRANULARITY_MS[size] <= BUCKETS_MAX) return;
  const message = `from, to: 1 to ${BUCKETS_MAX} times ${size.toLowerCase()} are needed`;
  throw new MillraceError('INVALID_ARGUMENT', message, { field: 'from' });
}

function shown({ labels, points }: HistorySeries): HistoryAnswer['series'][number] {
  return {
    labels,
    points: points.map(([atMs, value]) => [new Date(atMs).toISOString(), value]),
  };
}
