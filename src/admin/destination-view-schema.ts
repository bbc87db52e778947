/** What is asked and sent for views of destinations. */
import { z } from 'zod';

const name = z.string().min(1).max(500);
const limit = z.coerce.number().int().min(1).max(100).default(20);
export const recentEventsSchema = z.strictObject({
  source: name.optional(),
  type: z.enum(['track', 'identify', 'page', 'screen', 'group', 'alias']).optional(),
  event: name.optional(),
  limit,
});
const event = z.record(z.string(), z.unknown());
export const filterPreviewSchema = recentEventsSchema.omit({ type: true, event: true }).extend({
  filters: z.array(z.unknown()),
  event: event.nullable().default(null),
});
export const triggerPreviewSchema = z.strictObject({ trigger: z.string().max(10_000), event });
export const deliveryAskSchema = z.strictObject({
  samples: z.enum(['true', 'false']).default('true'),
});
