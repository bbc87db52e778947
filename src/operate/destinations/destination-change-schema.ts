/** What can be changed of a destination. */
import { destinationSchema } from '../../config/deliver-schema.ts';

export const destinationChangeSchema = destinationSchema
  .omit({ slug: true, region: true, start: true })
  .partial()
  .strict();
