/** Ends a source, and takes it out of the destinations that name it. */
import { recordAudit } from '../../store/people/audit.ts';
import type { Actor } from '../../store/people/audit.ts';
import { deleteSource as deleteStored, getSource } from '../../store/sources/sources.ts';
import { inStoreTransaction } from '../../store/store.ts';
import type { AdminSeams } from '../../admin/admin-seams.ts';
import { createDeliveryControl } from '../delivery/delivery-control.ts';
import { publishStore } from '../publish-store.ts';

/**
 * When it returns, the threads of this process refuse its keys.
 * @throws MillraceError NOT_FOUND
 */
export async function deleteSource(
  { parts, collectors, lake, delivery }: AdminSeams,
  slug: string,
  actor: Actor,
): Promise<void> {
  const { store } = parts;
  getSource(store, slug);
  const control = createDeliveryControl(parts, lake, delivery);
  for (const { slug: destination, sources } of await control.list()) {
    if (!sources?.includes(slug)) continue;
    // None of them: the destination stays, and what waits in it.
    const others = sources.filter((other) => other !== slug);
    await control.update(destination, { sources: others }, actor);
  }
  inStoreTransaction(store, () => {
    const { id, name, region, environment } = getSource(store, slug);
    deleteStored(store, slug);
    const before = { slug, name, region, environment };
    const resource = { type: 'source', id, name };
    recordAudit(store, actor, { action: 'Source Deleted', resource, before, after: null });
  });
  publishStore(parts, { collectors, lake, delivery });
}
