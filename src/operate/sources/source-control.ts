/** What the routes of sources need of the running server. */
import type { LatestEvent, SourceControl } from '../../admin/source-routes.ts';
import type { AdminSeams } from '../../admin/admin-seams.ts';
import { deleteSource } from './delete-source.ts';
import type { LakeService } from '../../query/lake-service.ts';
import { isoOf, lakeRows, literal, textOf } from '../sql/lake-rows.ts';
import { publishStore } from '../publish-store.ts';

const RECENT_MS = 3_600_000;

export function createSourceControl(seams: AdminSeams): SourceControl {
  const { parts, lake, delivery, collectors } = seams;
  const { store, config } = parts;
  const { requestsPerSecond, requestBytesMax, eventBytesMax, batchEventsMax } = config.limits;
  return {
    store,
    collectorUrl: seams.collectorUrl,
    regions: Object.keys(config.regions),
    limits: {
      requestsPerSecond,
      burst: config.limits.burst ?? requestsPerSecond,
      requestBytesMax,
      eventBytesMax,
      batchEventsMax,
    },
    async latestEvent({ slug }, lastSeenMs) {
      // A page asks each second: the files of all the time before are not looked into.
      const recentMs = (lastSeenMs ?? parts.clock.wallMs()) - RECENT_MS;
      const recent = await latestSince(lake, slug, recentMs);
      // What was sent last may have been rejected, and good events be older.
      return recent ?? (lastSeenMs === null ? null : latestSince(lake, slug, 0));
    },
    deleteSource: (slug, actor) => deleteSource(seams, slug, actor),
    publish: () => publishStore(parts, { collectors, lake, delivery }),
  };
}

async function latestSince(
  lake: LakeService,
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
