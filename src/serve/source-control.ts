/** What the routes of sources need of the running server. */
import type { SourceControl } from '../admin/source-routes.ts';
import type { AdminSeams } from './admin-seams.ts';
import { isoOf, lakeRows, literal, textOf } from './lake-rows.ts';
import { publishStore } from './publish-store.ts';

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
    async latestEvent(slug) {
      const [row] = await lakeRows(
        lake,
        `select received_at, coalesce(event, name, type) as name, message_id from events
         where source = ${literal(slug)} order by received_at desc`,
        1,
      );
      if (!row) return null;
      return {
        receivedAt: isoOf(row['received_at']),
        name: textOf(row['name']),
        messageId: textOf(row['message_id']),
      };
    },
    publish: () => publishStore(parts, { collectors, lake, delivery }),
  };
}
