/** Alert rules as people write them. */
import { z } from 'zod';
import { MASK } from '../../base/mask.ts';

const name = z.string().trim().min(1).max(200);
const slug = z.string().regex(/^[a-z0-9_-]{1,64}$/);
const minutes = z
  .int()
  .min(1)
  .max(24 * 60);
const above = z.int().min(0);
const watchSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('error-rate'),
    source: slug.nullable().default(null),
    share: z.number().min(0).max(1),
    minutes,
  }),
  z.strictObject({ kind: z.literal('silence'), source: slug, minutes }),
  z.strictObject({ kind: z.literal('volume'), source: slug, factor: z.number().min(1.1).max(100) }),
  z.strictObject({
    kind: z.literal('rate-limited'),
    source: slug.nullable().default(null),
    above,
    minutes,
  }),
  z.strictObject({ kind: z.literal('unknown-keys'), above, minutes }),
  z.strictObject({
    kind: z.literal('dead-letters'),
    destination: slug.nullable().default(null),
    above,
  }),
  z.strictObject({
    kind: z.literal('lag'),
    destination: slug.nullable().default(null),
    seconds: z.int().min(1),
  }),
  z.strictObject({ kind: z.literal('disk'), freeBytes: z.int().min(1) }),
  z.strictObject({ kind: z.literal('canary'), minutes }),
]);
const url = z.url({ protocol: /^https?$/ }).max(2_000);
const channelSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('webhook'),
    url,
    secret: z.string().min(8).max(200).nullable().default(null),
  }),
  z.strictObject({ type: z.literal('slack'), url: z.union([url, z.literal(MASK)]) }),
  z.strictObject({ type: z.literal('email'), to: z.email().max(320) }),
]);
/** A rule as people write it; `openedRule` takes it in. */
export const alertRuleSchema = z.strictObject({
  name,
  watch: watchSchema,
  channels: z.array(channelSchema).max(10).default([]),
  forMinutes: z
    .int()
    .min(0)
    .max(24 * 60)
    .default(1),
  repeatHours: z
    .int()
    .min(1)
    .max(24 * 30)
    .default(24),
  enabled: z.boolean().default(true),
});
