/** Destinations as a document says them. A secret that is masked in it stays what it is. */
import { MASK } from '../../base/mask.ts';
import type { DestinationItem } from './config-document.ts';
import type { FieldChange } from './config-plan.ts';
import { MillraceError } from '../../base/errors.ts';
import { isObject } from '../../events/json.ts';
import { findDestination, listDestinations } from '../../store/destinations/destinations.ts';
import type { StoredDestination } from '../../store/destinations/destinations.ts';
import { listResourceLabels, setResourceLabels } from '../../store/workspace/resource-labels.ts';
import { at, differences, needed, requireSame } from './config-applying.ts';
import type { Applying } from './config-applying.ts';
import { destinationItemOf } from './config-export.ts';
import {
  changeDestination,
  keepMasked,
  makeDestination,
  removeDestination,
  shownSettings,
} from '../destinations/change-destination.ts';

/** @returns what deletes those that are not named. */
export function applyDestinations(
  applying: Applying,
  items: DestinationItem[] | undefined,
): () => void {
  const { store, sealer } = applying.seams;
  items?.forEach((item, index) => {
    at(`destinations[${index}]`, () => {
      const known = findDestination(store, sealer, item.slug);
      if (known) changeOne(applying, known, item);
      else makeOne(applying, item);
    });
  });
  return () => {
    if (!items) return;
    const named = new Set(items.map(({ slug }) => slug));
    for (const destination of listDestinations(store, sealer)) {
      if (!named.has(destination.slug)) removeOne(applying, destination);
    }
  };
}

function makeOne(applying: Applying, { labels = [], ...item }: DestinationItem): void {
  const { store } = applying.seams;
  const given = { ...item, name: needed(item.name, 'name'), type: needed(item.type, 'type') };
  refuseMasks(item.settings ?? {}, 'settings');
  const made = makeDestination(applying.seams, given);
  setResourceLabels(store, 'destination', made.id, labels);
  const { id, name, slug } = made;
  applying.done(
    { action: 'create', kind: 'destination', name: slug, fields: [] },
    {
      action: 'Destination Created',
      resource: { type: 'destination', id, name },
      after: destinationItemOf(store, made),
    },
  );
}

function changeOne(applying: Applying, known: StoredDestination, item: DestinationItem): void {
  const { store } = applying.seams;
  const { slug, region, start, labels, settings, ...rest } = item;
  const before = destinationItemOf(store, known);
  requireSame(before.region, region, 'region');
  requireSame(before.start, start, 'start');
  const type = rest.type ?? known.type;
  const nextSettings = settings && keepMasked(settings, known, type);
  const ofSettings = nextSettings ? settingDifferences(known, type, nextSettings) : [];
  const fields = [...differences(before, rest), ...ofSettings];
  if (fields.length > 0) {
    changeDestination(applying.seams, slug, { ...rest, ...(settings && { settings }) });
  }
  const own = listResourceLabels(store, 'destination', known.id);
  const labelFields = labels
    ? differences({ labels: own }, { labels: labels.toSorted(byKeyAndValue) })
    : [];
  if (labels && labelFields.length > 0) {
    setResourceLabels(store, 'destination', known.id, labels);
  }
  if (fields.length + labelFields.length === 0) return;
  const now = findDestination(store, applying.seams.sealer, slug) ?? known;
  applying.done(
    {
      action: 'change',
      kind: 'destination',
      name: slug,
      fields: [...fields, ...labelFields],
    },
    {
      action: 'Destination Modified',
      resource: { type: 'destination', id: known.id, name: now.name },
      before,
      after: destinationItemOf(store, now),
    },
  );
}

/** Compared as they are, shown masked. */
function settingDifferences(
  { type: oldType, settings }: StoredDestination,
  type: string,
  next: Record<string, unknown>,
): FieldChange[] {
  const before = shownSettings(oldType, settings);
  const after = shownSettings(type, next);
  const gone = Object.keys(settings).filter((key) => !Object.hasOwn(next, key));
  const changed = differences(settings, next).map(({ field }) => field);
  return [...changed, ...gone].map((key) => ({
    field: `settings.${key}`,
    before: before[key] ?? null,
    after: after[key] ?? null,
  }));
}

/** @throws MillraceError INVALID_ARGUMENT: nothing is known that could stay. */
function refuseMasks(value: unknown, field: string): void {
  if (value === MASK) {
    const message = `${field}: is masked, and there is no secret yet; write it as \${NAME}`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field });
  }
  if (!isObject(value)) return;
  for (const [key, own] of Object.entries(value)) refuseMasks(own, `${field}.${key}`);
}

function removeOne(applying: Applying, destination: StoredDestination): void {
  const { id, slug, name } = destination;
  const before = destinationItemOf(applying.seams.store, destination);
  removeDestination(applying.seams, slug);
  setResourceLabels(applying.seams.store, 'destination', id, []);
  applying.done(
    { action: 'delete', kind: 'destination', name: slug, fields: [] },
    { action: 'Destination Deleted', resource: { type: 'destination', id, name }, before },
  );
}

function byKeyAndValue(a: { key: string; value: string }, b: { key: string; value: string }) {
  return a.key + a.value < b.key + b.value ? -1 : 1;
}
