/** Settings of an Apache Kafka cluster, or of what speaks its protocol. */
import { z } from 'zod';
import type { Net } from '../../net/net.ts';
import { checkedHostPorts } from '../host-port.ts';
import type { HostPort } from '../host-port.ts';
import { defineSettings } from '../destination-settings.ts';

export const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

const BROKERS_MAX = 100;
const BROKER_CHARS_MAX = 300;
const PORT = 9092;
/** Kafka's own limit, for the name that comes out. */
const TOPIC_CHARS_MAX = 249;
const TEXT_CHARS_MAX = 1_024;
const CERTIFICATE_CHARS_MAX = 512_000;
const PLACEHOLDER = /\{(source|type)\}/g;
/** A slug has up to 64 characters, a type up to 8. */
const LONGEST = { source: 's'.repeat(64), type: 't'.repeat(8) } as const;

const login = z.strictObject({
  mechanism: z.enum(SASL_MECHANISMS),
  username: z.string().min(1).max(TEXT_CHARS_MAX),
  password: z.string().min(1).max(TEXT_CHARS_MAX),
});

const kafkaSettings = defineSettings(
  z.strictObject({
    brokers: z
      .array(z.string().min(1).max(BROKER_CHARS_MAX))
      .min(1)
      .max(BROKERS_MAX)
      .meta({
        label: 'Brokers',
        description: 'Some brokers of the cluster; they tell of the others.',
        allowed: `list of 1 to ${BROKERS_MAX} host:port; without a port: ${PORT}`,
      }),
    topic: z.string().refine(isTopic).meta({
      label: 'Topic',
      description: 'Topic, with {source} for the slug of the source and {type} for that of event.',
      allowed: 'letters, digits, dots, _, -, {source} and {type}, 1 to 249 characters',
    }),
    ssl: z.boolean().default(false).meta({
      label: 'TLS',
      description: 'Encrypt, and check the certificates of the brokers.',
    }),
    sslCertificateAuthority: z
      .string()
      .min(1)
      .max(CERTIFICATE_CHARS_MAX)
      .nullable()
      .default(null)
      .meta({
        label: 'Certificate authority',
        description: 'PEM of the authority that is trusted instead of the public ones.',
      }),
    sasl: login
      .nullable()
      .default(null)
      .meta({
        label: 'Login',
        description: '`mechanism`, `username` and `password`; null: none.',
        allowed: `null, or an object with mechanism (${SASL_MECHANISMS.join(', ')}), username, password`,
        isSecret: true,
      }),
    clientId: z
      .string()
      .regex(/^[\w.-]{1,100}$/)
      .default('millrace')
      .meta({
        label: 'Client id',
        description: 'Name by which brokers log and limit.',
        allowed: 'letters, digits, dots, _ and -, 1 to 100 characters',
      }),
    keyBy: z
      .enum(['user', 'messageId', 'none'])
      .default('user')
      .meta({
        label: 'Key',
        description:
          '`user`: anonymousId, or else userId, so that events of a user are in one partition in ' +
          'order; `messageId`; or `none`.',
      }),
    compression: z.enum(['none', 'gzip', 'snappy', 'lz4', 'zstd']).default('gzip').meta({
      label: 'Compression',
      description: 'How batches are compressed.',
    }),
  }),
);

export const KAFKA_FIELDS = kafkaSettings.fields;

/** What `parseSettings` returns. */
export type KafkaSettings = Omit<ReturnType<typeof kafkaSettings.parse>, 'brokers'> & {
  brokers: readonly HostPort[];
};

/** @throws MillraceError DESTINATION_INVALID naming the field. */
export function parseKafkaSettings(given: unknown, net: Net): KafkaSettings {
  const { brokers, ...settings } = kafkaSettings.parse(given);
  const field = 'brokers';
  return { ...settings, brokers: checkedHostPorts(brokers, { field, port: PORT, net }) };
}

function isTopic(template: string): boolean {
  const longest = topicOf(template, LONGEST);
  return /^[\w.-]+$/.test(longest) && longest.length <= TOPIC_CHARS_MAX && !/^\.\.?$/.test(longest);
}

/** The topic of an event. */
export function topicOf(template: string, values: { source: string; type: string }): string {
  return template.replaceAll(PLACEHOLDER, (_, name: 'source' | 'type') => values[name]);
}

/** False when there is one topic for all. */
export function hasPlaceholder(template: string): boolean {
  return template.search(PLACEHOLDER) >= 0;
}
