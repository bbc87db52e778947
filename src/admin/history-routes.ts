/** Counters over time, for charts and scripts. */
import { Hono } from 'hono';
import type { Context } from 'hono';
import { z } from 'zod';
import { MillraceError } from '../base/errors.ts';
import type { HistoryQuery, HistorySeries } from '../observe/history.ts';
import { GRANULARITY_MS } from '../observe/history.ts';
import { METRICS } from '../observe/metrics.ts';
import { hasAllSources, maySee, requireRole } from './actor.ts';
import { parseAs } from './parse-body.ts';

export interface HistoryControl {
  query(query: HistoryQuery): HistorySeries[];
  nowMs(): number;
  /** Events of the hour of the week, as a median of earlier weeks; null: not known yet. */
  baseline(source: string, atMs: number): number | null;
  /** Stored events of a source by type and name, the most frequent first. */
  eventVolumes(source: string, fromMs: number, toMs: number): Promise<EventVolume[]>;
}

export interface EventVolume {
  type: string;
  name: string;
  events: number;
  /** The median of the same time of earlier weeks; null: not known yet. */
  usual: number | null;
}

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
export function historyRoutes(control: HistoryControl): Hono {
  const routes = new Hono();
  routes.get('/history', (c) => {
    const actor = requireRole(c, 'viewer');
    const given = parseAs(querySchema, c.req.query());
    const { metric, by, granularity, source, destination } = given;
    const toMs = given.to ?? control.nowMs() + 1;
    const fromMs = given.from ?? toMs - HOUR_MS;
    requireRange(fromMs, toMs, granularity);
    // Whoever is kept to some sources is shown those only, one by one.
    const isKept = !hasAllSources(actor);
    const wanted = isKept ? [...new Set([...by, 'source'])] : by;
    const where = { ...(source && { source }), ...(destination && { destination }) };
    const found = control.query({ metric, by: wanted, where, fromMs, toMs, granularity });
    const seen = found.filter(({ labels }) => !isKept || maySee(actor, labels['source'] ?? ''));
    return c.json({ metric, granularity, series: seen.map(shown) });
  });
  routes.get('/history/baseline', (c) => {
    const { source, from, to } = parseAs(baselineSchema, c.req.query());
    requireSeen(c, source);
    requireRange(from, to, 'HOUR');
    const points: [string, number | null][] = [];
    for (let at = Math.floor(from / HOUR_MS) * HOUR_MS; at < to; at += HOUR_MS) {
      points.push([new Date(at).toISOString(), control.baseline(source, at)]);
    }
    return c.json({ source, points });
  });
  routes.get('/history/events', async (c) => {
    const { source, from, to } = parseAs(baselineSchema, c.req.query());
    requireSeen(c, source);
    requireRange(from, to, 'HOUR');
    return c.json({ source, events: await control.eventVolumes(source, from, to) });
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

function shown({ labels, points }: HistorySeries) {
  return {
    labels,
    points: points.map(([atMs, value]) => [new Date(atMs).toISOString(), value]),
  };
}
