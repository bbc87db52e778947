/** A source in the shape of Segment. */
import { getResourceDocument } from '../../store/workspace/resource-documents.ts';
import { listResourceLabels } from '../../store/workspace/resource-labels.ts';
import type { Source } from '../../store/sources/sources.ts';
import { listKeys } from '../../store/sources/write-keys.ts';
import type { Ask } from './ask.ts';
import { sourceMetadata } from './catalog-operations.ts';

/** Keys are stored as digests: whole ones are shown only in the answer that made them. */
export function sourceView(ask: Ask, source: Source) {
  const { store } = ask.server;
  const document = getResourceDocument(store, 'source', source.id);
  return {
    id: source.id,
    slug: source.slug,
    name: source.name,
    metadata: sourceMetadata(String(document['metadataId'] ?? 'http-api')),
    workspaceId: source.workspaceId,
    enabled: source.isEnabled,
    writeKeys: hintsOf(ask, source),
    settings: (document['settings'] ?? {}) as object,
    labels: listResourceLabels(store, 'source', source.id),
  };
}

/** What is shown of the keys that may be used. */
export function hintsOf({ server }: Ask, { slug }: Source): string[] {
  const active = listKeys(server.store, slug).filter(({ state }) => state === 'active');
  return active.map(({ hint }) => hint);
}
