/** Settings of delivery, of sealed secrets, and destinations declared in the configuration. */
import { z } from 'zod';
import { bytes, choice, integer, milliseconds, text } from './fields.ts';
import { REGION, SLUG } from './source-schema.ts';

const MIB = 2 ** 20;
const HOURS_MAX = 24 * 366;
const RECEIVED_TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

const pace = {
  retryHours: integer({
    max: HOURS_MAX,
    unit: 'hours',
    description: 'How long an event is tried again, while the destination takes others.',
  }),
  attemptsMax: integer({
    min: 1,
    max: 1_000,
    unit: 'attempts',
    description: 'Attempts after which an event becomes a dead letter.',
  }),
};

export const deliverSchema = z.strictObject({
  retryHours: pace.retryHours.default(4),
  attemptsMax: pace.attemptsMax.default(20),
  retryDelayMsMin: milliseconds({
    description: 'Mean wait before the second attempt; it doubles with each one.',
  }).default(1_000),
  retryDelayMsMax: milliseconds({ description: 'Longest wait between two attempts.' }).default(
    1_800_000,
  ),
  breakerFailures: integer({
    min: 1,
    max: 1_000,
    unit: 'batches',
    description: 'Batches in a row that do not get through before a destination is only probed.',
  }).default(5),
  breakerDelayMsMax: milliseconds({ description: 'Longest wait between two probes.' }).default(
    300_000,
  ),
  windowEvents: integer({
    min: 1,
    max: 10_000_000,
    unit: 'events',
    description: 'Most events of a destination in memory.',
  }).default(20_000),
  windowBytes: bytes({
    min: MIB,
    description: 'Most bytes of events of a destination in memory.',
  }).default(64 * MIB),
  waitingMax: integer({
    min: 1,
    max: 10_000_000,
    unit: 'events',
    description:
      'Most events of a destination that wait for another attempt; then it reads no more.',
  }).default(50_000),
  holdHours: integer({
    min: 1,
    max: HOURS_MAX,
    unit: 'hours',
    description: 'How long the log waits for the slowest destination; then events are given up.',
  }).default(336),
  holdBytesMax: bytes({
    min: MIB,
    description: 'Size of a partition at which the log no longer waits; null: none.',
  })
    .nullable()
    .default(null),
  deadLettersMax: integer({
    unit: 'dead letters',
    description: 'Most dead letters of a destination; the oldest go first, counted as discarded.',
  }).default(1_000_000),
  deadLetterDays: integer({
    min: 1,
    max: 3_660,
    unit: 'days',
    description: 'How long dead letters are kept.',
  }).default(30),
  attemptHours: integer({
    min: 1,
    max: HOURS_MAX,
    unit: 'hours',
    description: 'How long attempts can be traced.',
  }).default(72),
  attemptsKeptMax: integer({
    unit: 'attempts',
    description: 'Most attempts of a destination that can be traced.',
  }).default(500_000),
  pollMs: milliseconds({
    max: 60_000,
    description: 'Longest wait before destinations look at the log again.',
  }).default(500),
  threads: integer({
    min: 1,
    max: 64,
    unit: 'threads',
    description: 'Threads that deliver; destinations are spread over them.',
  }).default(1),
});

export const secretsSchema = z.strictObject({
  key: text(/^[A-Za-z0-9_-]{43}=?$|^[A-Za-z0-9+/]{43}=$/, {
    allowed: '32 bytes in base64',
    description: 'Seals the secrets of destinations at rest; from the environment.',
    isSecret: true,
  })
    .nullable()
    .default(null),
  keyFile: text(/^[^\0]{1,4096}$/, {
    allowed: 'path of a file that holds the key',
    description: 'By default secrets.key in the data folder, made at the first start.',
  })
    .nullable()
    .default(null),
});

export const destinationSchema = z.strictObject({
  name: text(/^[^\p{Cc}]{1,200}$/u, {
    allowed: 'text, 1 to 200 characters',
    description: 'Name for people, and for the integrations object of events.',
  }),
  slug: text(SLUG, {
    allowed: 'a-z, 0-9, _ and -, 1 to 64 characters',
    description: 'Name for machines. Identifies the declared destination.',
  }),
  type: text(/^[a-z0-9-]{1,64}$/, {
    allowed: 'webhook, postgres, … or the slug of a Segment destination',
    description: 'What it is: millrace destinations types lists them.',
  }),
  region: text(REGION, {
    allowed: 'a name in regions',
    description: 'It receives events of this region only; by default the first of regions.',
  }).optional(),
  state: choice(['enabled', 'paused', 'disabled'], {
    description: 'paused keeps events for later, disabled lets them pass by.',
  }).default('enabled'),
  sources: z
    .array(z.string().regex(SLUG).meta({ allowed: 'slug of a source' }))
    .nullable()
    .meta({
      allowed: 'list of slugs of sources',
      description: 'Connected sources; null: all of the region.',
    })
    .default(null),
  settings: z
    .record(z.string(), z.unknown().meta({ allowed: 'see the type', isSecret: true }))
    .meta({ allowed: 'keys and values', description: 'Settings of its type.', isSecret: true })
    .default({}),
  consentCategories: z
    .array(z.string().min(1).max(200).meta({ allowed: 'text' }))
    .meta({
      allowed: 'list of category ids',
      description: 'It receives events only of users who consented to all of these.',
    })
    .default([]),
  filters: z
    .array(z.unknown().meta({ allowed: 'see docs/destination-filters.md' }))
    .meta({ allowed: 'list of filters', description: 'Destination filters.' })
    .default([]),
  start: z
    .string()
    .refine((value) => value === 'now' || value === 'beginning' || RECEIVED_TIME.test(value))
    .meta({
      allowed: 'now, beginning, or a time such as 2026-01-31T00:00:00Z',
      description: 'Where it begins when it is new.',
    })
    .default('now'),
  delivery: z
    .strictObject({
      batchEvents: integer({ min: 1, max: 1_000_000, description: 'Most events of a call.' }),
      batchBytes: bytes({ min: 1, description: 'Most bytes of events of a call.' }),
      batchAgeMs: integer({
        max: 3_600_000,
        unit: 'milliseconds',
        description: 'How long an event waits for company.',
      }),
      concurrency: integer({ min: 1, max: 1_024, description: 'Calls at once.' }),
      timeoutMs: milliseconds({ description: 'How long a call may take.' }),
      eventsPerSecond: integer({ min: 1, description: 'Most events a second.' }).nullable(),
      keepOrder: z.boolean().meta({
        allowed: 'true, false',
        description: 'false: events of a user may overtake each other.',
      }),
      ...pace,
    })
    .partial()
    .meta({ description: 'What differs from the defaults of its type and of deliver.' })
    .prefault({}),
});

export const destinationsSchema = z
  .array(destinationSchema)
  .max(1_000)
  .meta({
    allowed: 'list of destinations',
    isSecret: true, // as a whole: text that is not a list may still hold secrets
    description: 'Destinations declared here are applied at each start.',
  })
  .default([]);
