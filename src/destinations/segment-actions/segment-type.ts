/**
 * Segment's own destinations as kinds of ours, under their slugs: `actions-slack`. They run in a
 * thread of their own, and reach the network only through our guard.
 */
import type { DestinationContext, DestinationType } from '../destination-contract.ts';
import type { JsonObject } from '../../events/json.ts';
import { createActionsPool } from './actions-pool.ts';
import type { ActionsPool } from './actions-pool.ts';
import { findSegmentDestination } from './catalogue.ts';
import type { SegmentDestination } from './catalogue.ts';
import { createSegmentDestination } from './segment-destination.ts';
import {
  actionOf,
  mappingOf,
  parseSegmentSettings,
  previewPayload,
  settingFields,
} from './segment-settings.ts';
import type { SegmentSettings } from './segment-settings.ts';
import type { MappingPreview } from './segment-shapes.ts';

const MIB = 2 ** 20;

/** The kind of destination with this slug, or undefined. */
export function segmentDestinationType(slug: string): DestinationType | undefined {
  const destination = findSegmentDestination(slug);
  return destination && typeOf(destination);
}

function typeOf(destination: SegmentDestination): DestinationType {
  const hasBatch = Object.values(destination.actions).some((action) => action.hasBatch);
  return {
    name: destination.slug,
    title: destination.name,
    integrationNames: [destination.name],
    class: 'cloud',
    order: 'user',
    defaults: {
      batchEvents: hasBatch ? 200 : 20,
      batchBytes: MIB,
      batchAgeMs: 1_000,
      concurrency: 4,
      timeoutMs: 30_000,
    },
    fields: settingFields(destination),
    parseSettings: (settings, net) => parseSegmentSettings(destination, settings, net),
    open(settings, context) {
      const pool = leasePool(context);
      const parsed = settings as SegmentSettings;
      return Promise.resolve(createSegmentDestination(destination, parsed, context, pool));
    },
  };
}

/** How many subscriptions are enabled. @param settings as returned by `parseSettings`. */
export function subscriptionCount(settings: unknown): number {
  return (settings as SegmentSettings).subscriptions.length;
}

/**
 * What an action would send of an event with a mapping, or why it would send nothing. Asks no
 * service.
 * @throws MillraceError DESTINATION_INVALID for an unknown action or a wrong mapping
 */
export function previewMapping(
  slug: string,
  action: string,
  mapping: JsonObject,
  event: JsonObject,
): MappingPreview {
  const destination = findSegmentDestination(slug);
  if (!destination) return { errors: [`no destination ${slug}`] };
  const found = actionOf(destination, action, 'partnerAction');
  return previewPayload(found, mappingOf(found, mapping, 'mapping'), event);
}

let shared: { pool: ActionsPool; leases: number } | undefined;

/** The one pool of this thread; it ends with its last lease. */
function leasePool({ clock, logger }: DestinationContext): ActionsPool {
  // Segment's code has the credentials of OAuth applications in its environment.
  shared ??= { pool: createActionsPool({ clock, logger, environment: process.env }), leases: 0 };
  const mine = shared;
  mine.leases++;
  let isOpen = true;
  return {
    call: (...given) => mine.pool.call(...given),
    async close() {
      if (!isOpen) return;
      isOpen = false;
      mine.leases--;
      if (mine.leases > 0) return;
      if (shared === mine) shared = undefined;
      await mine.pool.close();
    },
  };
}
