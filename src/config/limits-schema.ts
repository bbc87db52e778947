/** Limits of requests and events (seed: Rate Limits), and of the rejected ones. */
import { z } from 'zod';
import { bytes, integer } from './fields.ts';

const rate = {
  requestsPerSecond: integer({
    min: 1,
    max: 10_000_000,
    unit: 'requests per second',
    description: 'Requests that a source may send, exact across threads.',
  }),
  burst: integer({
    min: 1,
    max: 10_000_000,
    unit: 'requests',
    description: 'Requests that a source may send at once; by default requestsPerSecond.',
  }),
};

const REQUEST_BYTES = { min: 1_024, max: 256 * 2 ** 20 };

const sizes = {
  requestBytesMax: bytes({
    ...REQUEST_BYTES,
    description: 'Largest request body, uncompressed.',
  }),
  eventBytesMax: bytes({ ...REQUEST_BYTES, description: 'Largest event, uncompressed.' }),
  batchEventsMax: integer({
    min: 1,
    max: 1_000_000,
    unit: 'events',
    description: 'Most events of a batch.',
  }),
  propertiesMax: integer({
    min: 1,
    max: 1_000_000,
    unit: 'keys',
    description: 'Most keys of properties or traits of an event.',
  }),
  depthMax: integer({
    min: 4,
    max: 512,
    unit: 'levels',
    description: 'Deepest nesting of an event.',
  }),
  keysMax: integer({
    min: 16,
    max: 10_000_000,
    unit: 'keys',
    description: 'Most keys of an event, at any depth.',
  }),
  messageIdCharsMax: integer({
    min: 36,
    max: 1_000,
    unit: 'characters',
    description: 'Longest messageId.',
  }),
};

export const limitsSchema = z.strictObject({
  requestsPerSecond: rate.requestsPerSecond.default(1_000),
  burst: rate.burst.optional(),
  requestBytesMax: sizes.requestBytesMax.default(512_000),
  eventBytesMax: sizes.eventBytesMax.default(32_768),
  batchEventsMax: sizes.batchEventsMax.default(2_500),
  propertiesMax: sizes.propertiesMax.default(10_000),
  depthMax: sizes.depthMax.default(64),
  keysMax: sizes.keysMax.default(20_000),
  messageIdCharsMax: sizes.messageIdCharsMax.default(100),
  queueBytesMax: bytes({
    min: 2 ** 20,
    description: 'Bytes that may wait for the disk, per thread and region; then 503.',
  }).default(64 * 2 ** 20),
  rejectedBodyBytesMax: bytes({
    max: 65_536,
    description: 'How much of a request that cannot be read is kept as a sample.',
  }).default(4_096),
});

/** Limits that a source may set for itself; what it leaves out comes from `limits`. */
export const sourceLimitsSchema = z.strictObject({
  requestsPerSecond: rate.requestsPerSecond.optional(),
  burst: rate.burst.optional(),
  requestBytesMax: sizes.requestBytesMax.optional(),
  eventBytesMax: sizes.eventBytesMax.optional(),
  batchEventsMax: sizes.batchEventsMax.optional(),
});
