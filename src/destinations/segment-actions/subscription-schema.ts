/** Which events cause which action of one of Segment's destinations, as people write it. */
import { z } from 'zod';

const SUBSCRIPTIONS_MAX = 100;

export const subscriptionsSchema = z
  .array(
    z.strictObject({
      name: z.string().max(200).optional(),
      partnerAction: z.string(),
      subscribe: z.string().optional(),
      mapping: z.record(z.string(), z.unknown()).optional(),
      enabled: z.boolean().default(true),
    }),
  )
  .max(SUBSCRIPTIONS_MAX);
