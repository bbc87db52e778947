/** Making and changing destinations: checked as the configuration is, then stored. */
import type { z } from 'zod';
import { recordAudit } from '../../store/people/audit.ts';
import type { Actor } from '../../store/people/people-shapes.ts';
import { MillraceError } from '../../base/errors.ts';
import { MASK } from '../../base/mask.ts';
import { destinationSchema } from '../../config/deliver-schema.ts';
import type { Config } from '../../config/config-schema.ts';
import type { WrittenFilter } from '../../deliver/routing/filter-shapes.ts';
import { findDestinationType } from '../../destinations/destination-registry.ts';
import type { Net } from '../../net/net.ts';
import { startOf } from '../../store/destinations/declared-destinations.ts';
import {
  createDestination,
  deleteDestination,
  findDestination,
  updateDestination,
} from '../../store/destinations/destinations.ts';
import type {
  DestinationChange,
  DestinationStart,
  StoredDestination,
} from '../../store/destinations/destinations.ts';
import type { Sealer } from '../../store/sealing/sealing.ts';
import type { Store } from '../../store/store.ts';
import { checkDestination } from './check-destination.ts';
import { destinationChangeSchema } from './destination-change-schema.ts';
import type { DestinationView } from './destination-shapes.ts';

export interface ControlSeams {
  store: Store;
  sealer: Sealer;
  net: Net;
  config: Pick<Config, 'regions' | 'alerts'>;
}

/**
 * @param given as a destination in the configuration.
 * @throws MillraceError INVALID_ARGUMENT, DESTINATION_INVALID, ADDRESS_REFUSED, CONFLICT
 */
export function makeDestination(seams: ControlSeams, given: unknown): StoredDestination {
  const { start, region, ...rest } = parse(destinationSchema, given);
  const regions = Object.keys(seams.config.regions);
  const own = region ?? regions[0] ?? 'us';
  if (!regions.includes(own)) {
    const message = `region: ${own} is not a region (allowed: ${regions.join(', ')})`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field: 'region' });
  }
  refuseMasked(rest.settings);
  checkDestination(rest, seams.net);
  const made = { ...rest, region: own, start: startOf(start) };
  return createDestination(seams.store, seams.sealer, made);
}

/**
 * Changes what is given. Settings are replaced as a whole, but a secret that comes back masked, as
 * it was shown, stays what it is.
 * @throws MillraceError as `makeDestination`, and NOT_FOUND
 */
export function changeDestination(
  { store, sealer, net }: ControlSeams,
  slug: string,
  given: unknown,
): StoredDestination {
  const found = findDestination(store, sealer, slug);
  if (!found) {
    throw new MillraceError('NOT_FOUND', `There is no destination ${slug}`, { field: 'slug' });
  }
  const raw = (typeof given === 'object' && given !== null ? given : {}) as object;
  const parsed = parse(destinationChangeSchema, given);
  // Defaults of the schema are for new destinations: what was not said is not changed.
  const said = Object.fromEntries(Object.entries(parsed).filter(([key]) => key in raw));
  const change: DestinationChange = said;
  const { type = found.type } = change;
  if (change.settings !== undefined || type !== found.type) {
    const settings = change.settings ?? shownSettings(found.type, found.settings);
    change.settings = keepMasked(settings, found, type);
  }
  const next = { ...found, ...change };
  if (next.state !== 'disabled') checkDestination(next, net);
  return updateDestination(store, sealer, slug, change);
}

/** @throws MillraceError NOT_FOUND */
export function removeDestination({ store, sealer }: ControlSeams, slug: string): void {
  deleteDestination(store, sealer, slug);
}

/** What may be shown: settings that the type calls secret are masked, of unknown types all. */
export function shownDestination(destination: StoredDestination): DestinationView {
  const {
    workspaceId: _,
    createdAtMs,
    updatedAtMs,
    settings,
    start,
    filters,
    ...rest
  } = destination;
  return {
    ...rest,
    settings: shownSettings(destination.type, settings),
    start: startText(start),
    // Checked when they were saved; those of a disabled one stay as they were written.
    filters: filters as WrittenFilter[],
    createdAt: new Date(createdAtMs).toISOString(),
    updatedAt: new Date(updatedAtMs).toISOString(),
  };
}

/** With what the type calls secret masked. */
export function shownSettings(
  type: string,
  settings: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const fields = findDestinationType(type)?.fields ?? [];
  const open = new Set(fields.filter(({ isSecret }) => !isSecret).map(({ key }) => key));
  const shown = Object.entries(settings).map(([key, value]) => [key, open.has(key) ? value : MASK]);
  return Object.fromEntries(shown) as Record<string, unknown>;
}

/** As configurations write it. */
export function startText(start: DestinationStart): string {
  return typeof start === 'string' ? start : new Date(start.fromMs).toISOString();
}

/**
 * A secret that comes back as it was shown stays what it is.
 * @param type of the destination from now on; another service gets no secret of the one before.
 * @throws MillraceError DESTINATION_INVALID naming the setting
 */
export function keepMasked(
  settings: Record<string, unknown>,
  found: StoredDestination,
  type: string,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => {
      if (value !== MASK) return [key, value];
      if (type === found.type) return [key, found.settings[key]];
      const message = `${key}: masked; with another type it has to be written anew`;
      throw new MillraceError('DESTINATION_INVALID', message, { field: key });
    }),
  );
}

/** A new one has no secrets that a mask could stand for. */
function refuseMasked(settings: Record<string, unknown>): void {
  const key = Object.keys(settings).find((name) => settings[name] === MASK);
  if (key === undefined) return;
  const message = `${key}: masked; a new destination needs the secret itself`;
  throw new MillraceError('DESTINATION_INVALID', message, { field: key });
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const keys = issue?.code === 'unrecognized_keys' ? issue.keys : [];
  const field = [...(issue?.path ?? []), ...keys].map(String).join('.') || 'destination';
  throw new MillraceError('INVALID_ARGUMENT', `${field}: ${issue?.message ?? 'invalid'}`, {
    field,
  });
}

/** With secrets masked. One of both is null for what is made or deleted. */
export function auditDestination(
  store: Store,
  actor: Actor,
  action: string,
  before: StoredDestination | null,
  after: StoredDestination | null,
): void {
  const { id, name } = after ?? before ?? { id: '', name: '' };
  recordAudit(store, actor, {
    action,
    resource: { type: 'destination', id, name },
    before: before && shownDestination(before),
    after: after && shownDestination(after),
  });
}
