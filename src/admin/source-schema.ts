/** What is sent about sources and their write keys. */
import { z } from 'zod';
import { sourceLimitsSchema } from '../config/limits-schema.ts';
import { sourceOauthSchema, sourceSchema } from '../config/source-schema.ts';

/** Half a day: long enough for a release, short enough to be remembered. */
const OVERLAP_SECONDS = 12 * 3_600;
const DAY_SECONDS = 86_400;

export const newSourceSchema = sourceSchema
  .omit({ writeKeys: true })
  .extend({ slug: sourceSchema.shape.slug.optional() });
export const sourceChangeSchema = z.strictObject({
  name: sourceSchema.shape.name.optional(),
  environment: z.enum(['development', 'staging', 'production']).optional(),
  enabled: z.boolean().optional(),
  limits: sourceLimitsSchema.optional(),
  responses: z.enum(['strict', 'lenient']).optional(),
  ip: z.enum(['keep', 'truncate', 'drop']).optional(),
  oauth: sourceOauthSchema.optional(),
});
export const rotateSchema = z.strictObject({
  overlapSeconds: z
    .int()
    .min(0)
    .max(366 * DAY_SECONDS)
    .default(OVERLAP_SECONDS),
});
