/** Destination filters as people write them. */
import { z } from 'zod';

export const ACTIONS_MAX = 20;
const FIELDS_MAX = 500;

const fieldsSchema = z
  .record(z.string().max(500), z.array(z.string().min(1)).min(1).max(FIELDS_MAX))
  .refine((fields) => Object.keys(fields).length <= FIELDS_MAX, `more than ${FIELDS_MAX} paths`);

export const filterActionSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('drop') }),
  z.strictObject({
    type: z.literal('sample'),
    /** Share of the events that are sent, from 0 to 1. */
    percent: z.number().min(0).max(1),
    /** Events with the same value there share their fate. */
    path: z.string().min(1).max(500).default('messageId'),
  }),
  /** Names to drop or keep, by the path of the object that has them; `''` is the event. */
  z.strictObject({ type: z.literal('drop_properties'), fields: fieldsSchema }),
  z.strictObject({ type: z.literal('allow_properties'), fields: fieldsSchema }),
]);

export const filterSchema = z.strictObject({
  /** FQL. */
  if: z.string().min(1),
  actions: z.array(filterActionSchema).min(1).max(ACTIONS_MAX),
  title: z.string().max(200).optional(),
  enabled: z.boolean().default(true),
});
