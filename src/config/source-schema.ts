/** Sources and regions declared in the configuration. */
import { z } from 'zod';
import { choice, text } from './fields.ts';
import { sourceLimitsSchema } from './limits-schema.ts';

/** Slugs become names of SQL schemas and metric labels. */
export const SLUG = /^[a-z0-9_-]{1,64}$/;
/** Region names become folder names. */
export const REGION = /^[a-z0-9][a-z0-9-]{0,31}$/;
const HOST_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

export const regionsSchema = z
  .record(
    z.string().regex(REGION),
    z.strictObject({
      hosts: z
        .array(
          z
            .string()
            .toLowerCase()
            .regex(HOST_NAME)
            .meta({ allowed: 'host name without port, such as eu.events.example' }),
        )
        .max(1000)
        .meta({
          allowed: 'list of host names',
          description: 'Host names that accept only write keys of this region.',
        })
        .default([]),
    }),
  )
  .refine((regions) => Object.keys(regions).length > 0)
  .meta({
    allowed: 'at least one region; names of a-z, 0-9 and -, 1 to 32 long',
    description: 'Regions by name. The data of a region never leaves its folder.',
  })
  .default({ us: { hosts: [] } });

/** Whether it is a key is checked where it is used: this file is read by the dashboard as well. */
const PUBLIC_KEY =
  /^\s*-----BEGIN (RSA )?PUBLIC KEY-----[A-Za-z0-9+/=\s]{1,8000}-----END (RSA )?PUBLIC KEY-----\s*$/;

const oauthClientSchema = z.strictObject({
  id: text(/^[\x21-\x7e]{1,200}$/, {
    allowed: '1 to 200 visible ASCII characters',
    description: 'Client id that its SDKs are given.',
  }),
  publicKey: text(PUBLIC_KEY, {
    allowed: 'an RSA public key of 2048 bits or more, in PEM',
    description: 'Public half of the key that its SDKs sign with.',
  }),
});

export const sourceOauthSchema = z.strictObject({
  clients: z
    .array(oauthClientSchema)
    .max(20)
    .meta({
      allowed: 'list of clients; an id may be there twice while its key is replaced',
      description:
        'Who may ask for access tokens (`POST /token`). None, and not required: tokens are not looked at.',
    })
    .default([]),
  required: z
    .boolean()
    .meta({
      allowed: 'true, false',
      description: 'Refuses events without a valid token. Browsers and mobiles have none.',
    })
    .default(false),
});

export const sourceSchema = z.strictObject({
  name: text(/^[^\p{Cc}]{1,200}$/u, {
    allowed: 'text, 1 to 200 characters',
    description: 'Name for people.',
  }),
  slug: text(SLUG, {
    allowed: 'a-z, 0-9, _ and -, 1 to 64 characters',
    description: 'Name for machines: SQL schema, metrics. Identifies the declared source.',
  }),
  region: text(REGION, {
    allowed: 'a name in regions',
    description: 'Region of its data and keys; by default the first of regions.',
  }).optional(),
  environment: choice(['development', 'staging', 'production'], {
    description: 'Label of its events.',
  }).default('production'),
  writeKeys: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z0-9_-]{1,128}$/)
        .meta({
          allowed: 'A-Z, a-z, 0-9, _ and -, 1 to 128 characters; fewer than 8 are warned of',
          isSecret: true,
        }),
    )
    .max(100)
    .meta({
      allowed: 'list of write keys',
      description: 'Write keys. One that is removed here is disabled at the next start.',
      isSecret: true,
    })
    .default([]),
  limits: sourceLimitsSchema
    .meta({ description: 'Limits that differ from the general ones.' })
    .prefault({}),
  responses: choice(['strict', 'lenient'], {
    description: 'lenient answers 200 to invalid events too, as Segment does; they are kept.',
  }).default('strict'),
  ip: choice(['keep', 'truncate', 'drop'], {
    description: 'What is stored of client addresses; truncate keeps /24 or /48.',
  }).default('keep'),
  oauth: sourceOauthSchema.meta({ description: 'Access tokens of its SDKs.' }).prefault({}),
});

export const sourcesSchema = z
  .array(sourceSchema)
  .max(10_000)
  .meta({
    allowed: 'list of sources',
    isSecret: true, // as a whole: text that is not a list may still hold keys
    description: 'Sources declared here are applied at each start.',
  })
  .default([]);
