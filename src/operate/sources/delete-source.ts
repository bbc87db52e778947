/** Ends a source, and takes it out of the destinations that name it. */
import { recordAudit } from '../../store/people/audit.ts';
import type { Actor } from '../../store/people/people-shapes.ts';
import { deleteSource as deleteStored, getSource } from '../../store/sources/sources.ts';
import { inStoreTransaction } from '../../store/store.ts';
import { listDestinations } from '../../store/destinations/destinations.ts';
import { editDestination } from '../destinations/manage-destinations.ts';
import { publishStore } from '../publish-store.ts';
import type { Publishing } from '../publish-store.ts';
import type { ServerParts } from '../server-parts.ts';

/**
 * When it returns, the threads of this process refuse its keys.
 * @throws MillraceError NOT_FOUND
 */
export async function deleteSource(
  server: Publishing & Pick<ServerParts, 'net'>,
  slug: string,
  actor: Actor,
): Promise<void> {
  const { store, sealer } = server;
  getSource(store, slug);
  for (const { slug: destination, sources } of listDestinations(store, sealer)) {
    if (!sources?.includes(slug)) continue;
    // None of them: the destination stays, and what waits in it.
    const others = sources.filter((other) => other !== slug);
    await editDestination(server, destination, { sources: others }, actor);
  }
  inStoreTransaction(store, () => {
    const { id, name, region, environment } = getSource(store, slug);
    deleteStored(store, slug);
    const before = { slug, name, region, environment };
    const resource = { type: 'source', id, name };
    recordAudit(store, actor, { action: 'Source Deleted', resource, before, after: null });
  });
  publishStore(server);
}
