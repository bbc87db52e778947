/** Calls and people by day of a month, as Segment bills them. */
import { trackedUsers } from '../../operate/overview/event-counts.ts';
import { MillraceError } from '../../base/errors.ts';
import { listSources } from '../../store/sources/sources.ts';
import { requireAllSources } from '../actor.ts';
import { pageOf } from './ask.ts';
import type { Ask, Handler } from './ask.ts';

const DAY_MS = 86_400_000;
const MONTH = /^(\d{4})-(\d{2})-01$/;

export const USAGE_HANDLERS: Record<string, Handler> = {
  getDailyWorkspaceAPICallsUsage(ask) {
    requireAllSources(ask.c);
    const days = daysOf(ask);
    const calls = callsOf(ask, days);
    const all = days.map((atMs) => {
      const apiCalls = [...calls.values()].reduce((sum, own) => sum + (own.get(atMs) ?? 0), 0);
      return { apiCalls: String(apiCalls), timestamp: isoOf(atMs) };
    });
    const { page, pagination } = pageOf(ask, all, ({ timestamp }) => timestamp);
    return { dailyWorkspaceAPICallsUsage: page, pagination };
  },
  getDailyPerSourceAPICallsUsage(ask) {
    requireAllSources(ask.c);
    const days = daysOf(ask);
    const calls = callsOf(ask, days);
    const all = listSources(ask.server.store).flatMap(({ id, slug }) =>
      days.map((atMs) => ({
        sourceId: id,
        apiCalls: String(calls.get(slug)?.get(atMs) ?? 0),
        timestamp: isoOf(atMs),
      })),
    );
    const { page, pagination } = pageOf(ask, all, ({ sourceId, timestamp }) =>
      [sourceId, timestamp].join(' '),
    );
    return { dailyPerSourceAPICallsUsage: page, pagination };
  },
  async getDailyWorkspaceMTUUsage(ask) {
    requireAllSources(ask.c);
    const days = daysOf(ask);
    const found = await trackedUsers(ask.server.lake, days, null);
    const all = found.map((own) => peopleView(days, own));
    const { page, pagination } = pageOf(ask, all, ({ timestamp }) => timestamp);
    return { dailyWorkspaceMTUUsage: page, pagination };
  },
  async getDailyPerSourceMTUUsage(ask) {
    requireAllSources(ask.c);
    const days = daysOf(ask);
    const ids = new Map(listSources(ask.server.store).map(({ id, slug }) => [slug, id]));
    const found = await trackedUsers(ask.server.lake, days, [...ids.keys()]);
    const all = found.map((own) => ({
      sourceId: ids.get(own.source) ?? '',
      ...peopleView(days, own),
    }));
    const { page, pagination } = pageOf(ask, all, ({ sourceId, timestamp }) =>
      [sourceId, timestamp].join(' '),
    );
    return { dailyPerSourceMTUUsage: page, pagination };
  },
};

/**
 * Starts of the days (UTC) of the month that `period` names by its first day, up to today.
 * @throws MillraceError INVALID_ARGUMENT
 */
function daysOf({ c, server }: Ask): number[] {
  const period = c.req.query('period') ?? '';
  const [, year, month] = MONTH.exec(period) ?? [];
  const startMs = Date.parse(`${period}T00:00:00Z`);
  if (year === undefined || Number.isNaN(startMs)) {
    const message = 'period: the first day of a month, such as 2026-11-01';
    throw new MillraceError('INVALID_ARGUMENT', message, { field: 'period' });
  }
  const endMs = Math.min(Date.UTC(Number(year), Number(month), 1), server.clock.wallMs());
  const days: number[] = [];
  for (let atMs = startMs; atMs < endMs; atMs += DAY_MS) days.push(atMs);
  return days;
}

/** Events received, by slug and day. */
function callsOf({ server }: Ask, days: readonly number[]): Map<string, Map<number, number>> {
  const [fromMs = 0] = days;
  const found = server.history.query({
    metric: 'millrace_events_received_total',
    by: ['source'],
    fromMs,
    toMs: (days.at(-1) ?? 0) + DAY_MS,
    granularity: 'DAY',
  });
  return new Map(found.map(({ labels, points }) => [labels['source'] ?? '', new Map(points)]));
}

function peopleView(
  days: readonly number[],
  own: { atMs: number; identified: number; anonymous: number; anonymousIdentified: number },
) {
  const [startMs = 0] = days;
  return {
    periodStart: startMs / 1000,
    periodEnd: ((days.at(-1) ?? 0) + DAY_MS) / 1000,
    identified: String(own.identified),
    anonymous: String(own.anonymous),
    anonymousIdentified: String(own.anonymousIdentified),
    neverIdentified: String(own.anonymous - own.anonymousIdentified),
    timestamp: isoOf(own.atMs),
  };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
