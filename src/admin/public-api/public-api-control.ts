/** What Segment's Public API needs of the running server. */
import type { PublicApiControl } from './ask.ts';
import {
  applyFilters,
  compileFilters,
  parseFilters,
} from '../../deliver/routing/destination-filters.ts';
import type { AdminSeams } from '../admin-seams.ts';
import { deleteSource } from '../../operate/sources/delete-source.ts';
import { createDeliveryControl } from '../../operate/delivery/delivery-control.ts';
import { countEvents, trackedUsers } from '../../operate/overview/event-counts.ts';
import { publishStore } from '../../operate/publish-store.ts';

export function createPublicApiControl(seams: AdminSeams): PublicApiControl {
  const { parts, collectors, lake, delivery, keeper } = seams;
  const { store, sealer, config } = parts;
  const [region = 'us'] = Object.keys(config.regions);
  return {
    store,
    sealer,
    region,
    delivery: createDeliveryControl(parts, lake, delivery),
    query: keeper.history.query,
    nowMs: keeper.history.nowMs,
    countEvents: (ask) => countEvents(lake, ask),
    trackedUsers: (days, sources) => trackedUsers(lake, days, sources),
    previewFilter(filter, payload) {
      const filters = compileFilters(parseFilters([filter]));
      const result = applyFilters(filters, payload);
      return result.kind === 'pass' ? result.message : null;
    },
    deleteSource: (slug, actor) => deleteSource(seams, slug, actor),
    publish: () => publishStore(parts, { collectors, lake, delivery }),
  };
}
