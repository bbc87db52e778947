/** Sources and their write keys as a document says them. */
import type { SourceItem, WriteKeyItem } from './config-document.ts';
import { MillraceError } from '../../base/errors.ts';
import { isInternalSlug } from '../../base/internal-source.ts';
import { secretHint } from '../../config/masked-config.ts';
import { addKnownKey, setKeyExpiry } from '../../store/sources/known-keys.ts';
import { setResourceLabels } from '../../store/workspace/resource-labels.ts';
import {
  changeSource,
  createSource,
  listSources,
  setSourceEnabled,
} from '../../store/sources/sources.ts';
import type { Source } from '../../store/sources/sources.ts';
import { disableKey, listKeys, writeKeyDigest } from '../../store/sources/write-keys.ts';
import type { WriteKey } from '../../store/sources/write-keys.ts';
import { at, differences, needed, requireSame } from './config-applying.ts';
import type { Applying } from './config-applying.ts';
import { sourceItemOf, usableKeys } from './config-export.ts';

/** @returns what ends those that are not named. Their data keeps them: sources are disabled. */
export function applySources(applying: Applying, items: SourceItem[] | undefined): () => void {
  items?.forEach((item, index) => {
    // Documents of earlier versions have it.
    if (isInternalSlug(item.slug)) return;
    at(`sources[${index}]`, () => applySource(applying, item));
  });
  return () => {
    if (!items) return;
    const named = new Set(items.map(({ slug }) => slug));
    for (const source of listSources(applying.seams.store)) {
      if (!named.has(source.slug) && source.isEnabled) endSource(applying, source);
    }
  };
}

function applySource(applying: Applying, item: SourceItem): void {
  const { store, config } = applying.seams;
  const { writeKeys, labels, enabled, ...said } = item;
  const regions = Object.keys(config.regions);
  const known = listSources(store).find(({ slug }) => slug === item.slug);
  const region = said.region ?? known?.region ?? regions[0] ?? 'us';
  if (!regions.includes(region)) {
    const message = `region: ${region} is not one of ${regions.join(', ')}`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field: 'region' });
  }
  if (known) requireSame(known.region, said.region, 'region');
  const before = known && sourceItemOf(store, known);
  const source = known ?? createSource(store, { ...said, name: needed(said.name, 'name'), region });
  const { id, name, slug } = source;
  const after = { ...said, enabled, labels: sorted(labels) };
  const fields = differences(sourceItemOf(store, source), after);
  if (fields.length > 0) {
    const change = {
      name: said.name ?? name,
      environment: said.environment ?? source.environment,
      isEnabled: enabled ?? source.isEnabled,
      limits: said.limits ?? source.limits,
      responses: said.responses ?? source.responses,
      ip: said.ip ?? source.ip,
      oauth: said.oauth ?? source.oauth,
    };
    changeSource(store, slug, change);
    if (labels) setResourceLabels(store, 'source', id, labels);
  }
  if (!known || fields.length > 0) {
    const now = listSources(store).find((one) => one.id === id) ?? source;
    applying.done(
      {
        action: known ? 'change' : 'create',
        kind: 'source',
        name: slug,
        fields: known ? fields : [],
      },
      {
        action: known ? 'Source Modified' : 'Source Created',
        resource: { type: 'source', id, name: now.name },
        before: before ?? null,
        after: sourceItemOf(store, now),
      },
    );
  }
  if (writeKeys) applyKeys(applying, source, writeKeys);
}

function applyKeys(applying: Applying, source: Source, items: readonly WriteKeyItem[]): void {
  const { store } = applying.seams;
  const wanted = new Map<string, WriteKeyItem>();
  items.forEach((item, index) => {
    const digest = item.digest ?? writeKeyDigest(needed(item.key, 'key'));
    wanted.set(digest, item);
    at(`writeKeys[${index}]`, () => applyKey(applying, source, digest, item));
  });
  if (!applying.isPruning) return;
  for (const key of usableKeys(store, source.slug)) {
    if (wanted.has(key.digest)) continue;
    disableKey(store, key.id);
    noteKey(applying, key, 'delete', 'Write Key Disabled');
  }
}

function applyKey(applying: Applying, source: Source, digest: string, item: WriteKeyItem): void {
  const { store } = applying.seams;
  const hint = item.hint ?? (item.key === undefined ? digest.slice(0, 6) : secretHint(item.key));
  const expiresAtMs = item.expiresAt === undefined ? null : Date.parse(item.expiresAt);
  const known = listKeys(store, source.slug).find((key) => key.digest === digest);
  if (!known) {
    const made = addKnownKey(store, source, { digest, hint, expiresAtMs });
    noteKey(applying, made, 'create', 'Write Key Created');
    return;
  }
  if (known.state === 'disabled') {
    const message = `The key ${known.hint} is disabled for good; make another one`;
    throw new MillraceError('CONFLICT', message);
  }
  if (known.expiresAtMs === expiresAtMs) return;
  const changed = setKeyExpiry(store, known.id, expiresAtMs);
  const [before, after] = [known, changed].map((key) =>
    key.expiresAtMs === null ? null : new Date(key.expiresAtMs).toISOString(),
  );
  const fields = [{ field: 'expiresAt', before, after }];
  noteKey(applying, changed, 'change', 'Write Key Modified', fields);
}

function endSource(applying: Applying, source: Source): void {
  const { store } = applying.seams;
  const { id, slug, name } = source;
  const before = sourceItemOf(store, source);
  const after = sourceItemOf(store, setSourceEnabled(store, slug, false));
  applying.done(
    { action: 'delete', kind: 'source', name: slug, fields: differences(before, after) },
    { action: 'Source Modified', resource: { type: 'source', id, name }, before, after },
  );
}

function noteKey(
  applying: Applying,
  { id, hint, sourceSlug }: WriteKey,
  action: 'create' | 'change' | 'delete',
  audited: string,
  fields: { field: string; before: unknown; after: unknown }[] = [],
): void {
  const name = `${sourceSlug} ${hint}`;
  const resource = { type: 'write key', id, name };
  applying.done(
    { action, kind: 'write key', name, fields },
    { action: audited, resource, after: { hint } },
  );
}

function sorted(labels: SourceItem['labels']): SourceItem['labels'] {
  return labels?.toSorted((a, b) => (a.key + a.value < b.key + b.value ? -1 : 1));
}
