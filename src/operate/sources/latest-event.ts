/** The newest stored event of a source, for whoever waits for the first one. */
import type { Source } from '../../store/sources/sources.ts';
import type { RunningServer } from '../running-server.ts';
import { isoOf, lakeRows, literal, textOf } from '../sql/lake-rows.ts';
import type { LatestEvent } from './source-shapes.ts';

type Server = Pick<RunningServer, 'lake' | 'clock'>;

const RECENT_MS = 3_600_000;

/** @param lastSeenMs when something was last sent, as far as it is known. */
export async function latestEvent(
  { lake, clock }: Server,
  { slug }: Source,
  lastSeenMs: number | null,
): Promise<LatestEvent | null> {
  // A page asks each second: the files of all the time before are not looked into.
  const recentMs = (lastSeenMs ?? clock.wallMs()) - RECENT_MS;
  const recent = await latestSince(lake, slug, recentMs);
  // What was sent last may have been rejected, and good events be older.
  return recent ?? (lastSeenMs === null ? null : latestSince(lake, slug, 0));
}

async function latestSince(
  lake: Server['lake'],
  slug: string,
  sinceMs: number,
): Promise<LatestEvent | null> {
  const since = new Date(sinceMs).toISOString().slice(0, -1);
  const [row] = await lakeRows(
    lake,
    `select received_at, coalesce(event, name, type) as name, message_id from events
     where source = ${literal(slug)} and received_at >= timestamp ${literal(since)}
     order by received_at desc`,
    1,
  );
  if (!row) return null;
  return {
    receivedAt: isoOf(row['received_at']),
    name: textOf(row['name']),
    messageId: textOf(row['message_id']),
  };
}
