/**
 * Schema settings of a source. There are no tracking plans yet, so that nothing is unplanned and
 * nothing violates: settings that let everything pass are taken, as what happens anyway; one that
 * would hold something back is refused, because it would not.
 */
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import { body, sourceOf } from './ask.ts';
import type { Handler } from './ask.ts';

const OPEN = {
  track: {
    allowUnplannedEvents: true,
    allowUnplannedEventProperties: true,
    allowEventOnViolations: true,
    allowPropertiesOnViolations: true,
    commonEventOnViolations: 'ALLOW',
  },
  identify: {
    allowUnplannedTraits: true,
    allowTraitsOnViolations: true,
    commonEventOnViolations: 'ALLOW',
  },
  group: {
    allowUnplannedTraits: true,
    allowTraitsOnViolations: true,
    commonEventOnViolations: 'ALLOW',
  },
} as const;

const traits = z
  .object({
    allowUnplannedTraits: z.boolean(),
    allowTraitsOnViolations: z.boolean(),
    commonEventOnViolations: z.enum(['ALLOW', 'BLOCK', 'OMIT_TRAITS']),
  })
  .partial();
const settingsSchema = z
  .object({
    track: z
      .object({
        allowUnplannedEvents: z.boolean(),
        allowUnplannedEventProperties: z.boolean(),
        allowEventOnViolations: z.boolean(),
        allowPropertiesOnViolations: z.boolean(),
        commonEventOnViolations: z.enum(['ALLOW', 'BLOCK', 'OMIT_PROPERTIES']),
      })
      .partial(),
    identify: traits,
    group: traits,
    forwardingViolationsTo: z.string(),
    forwardingBlockedEventsTo: z.string(),
  })
  .partial();

export const SCHEMA_SETTINGS_BODIES = { updateSchemaSettingsInSource: settingsSchema };

export const SCHEMA_SETTINGS_HANDLERS: Record<string, Handler> = {
  listSchemaSettingsInSource(ask) {
    return { sourceId: sourceOf(ask, 'read').id, settings: OPEN };
  },
  async updateSchemaSettingsInSource(ask) {
    const { id } = sourceOf(ask, 'write');
    const given = await body(ask, settingsSchema);
    for (const kind of ['track', 'identify', 'group'] as const) {
      const open: Record<string, unknown> = OPEN[kind];
      for (const [name, value] of Object.entries(given[kind] ?? {})) {
        if (value !== undefined && value !== open[name]) throw notThere(`${kind}.${name}`);
      }
    }
    for (const name of ['forwardingViolationsTo', 'forwardingBlockedEventsTo'] as const) {
      if ((given[name] ?? '') !== '') throw notThere(name);
    }
    return { sourceId: id, settings: OPEN };
  },
};

function notThere(field: string): MillraceError {
  const message = `${field}: not there yet: tracking plans`;
  return new MillraceError('NOT_IMPLEMENTED', message, { field });
}
