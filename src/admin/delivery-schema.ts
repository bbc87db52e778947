/** What is sent about dead letters and replays, and to preview a mapping. */
import { z } from 'zod';

const PAGE_DEFAULT = 100;

const filterSchema = z.strictObject({
  id: z.coerce.number().int().positive().optional(),
  reason: z.string().min(1).max(100).optional(),
  status: z.coerce.number().int().optional(),
  messageId: z.string().min(1).max(500).optional(),
});
export const pageSchema = filterSchema.extend({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1_000).default(PAGE_DEFAULT),
});
/** An empty body must not touch all dead letters by mistake. */
export const retrySchema = filterSchema.extend({ all: z.boolean().optional() });
export const discardSchema = retrySchema.extend({
  because: z.string().regex(/^[\p{L}\p{N} _.,:-]{1,100}$/u),
});
export const mappingPreviewSchema = z.strictObject({
  action: z.string().min(1),
  mapping: z.record(z.string(), z.unknown()).default({}),
  event: z.record(z.string(), z.unknown()),
});
const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
export const replaySchema = z.strictObject({
  from: time,
  to: time,
  events: z.array(z.string().min(1)).max(1_000).default([]),
  filter: z.string().min(1).nullable().default(null),
  eventsPerSecond: z.int().positive().nullable().default(null),
  dryRun: z.boolean().default(false),
});
